"""What changes in the network when something happens to reservations: records, points, sessions, events."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from cloud_service.core.changes import Changes, Event
from cloud_service.core.demand import energy_of
from cloud_service.core.life import Guard, Happening, follow
from cloud_service.core.objectives import Slot
from cloud_service.core.records import (
    FREE,
    GATEWAY,
    RESERVED,
    Point,
    Reservation,
    reservation_keys,
)
from cloud_service.core.sessions import Session
from cloud_service.core.tariffs import price_of_kwh
from cloud_service.core.view import NetworkView


def end(
    network: NetworkView,
    leaving: Sequence[Reservation],
    happening: Happening,
    now: datetime,
    guard: Guard = "always",
) -> Changes:
    """Reservations leave the queues. A session that serves one of them goes on without it.

    Of that one, what its meter has told by now is the energy.
    """
    events: list[Event] = []
    for reservation in leaving:
        told = follow(reservation, happening, now, owner_of(network, reservation), guard=guard)[1]
        session = _serving(network, reservation)
        if session is not None and session.energy is not None:
            told = tuple(replace(event, energy=session.energy) for event in told)
        events += told
    return Changes(
        removed_reservations=reservation_keys(leaving),
        points=released(network, leaving),
        sessions=tuple(_without_reservation(network, leaving)),
        events=tuple(events),
    )


def move(
    network: NetworkView, reservation: Reservation, slot: Slot, happening: Happening, now: datetime
) -> Changes:
    """A reservation moves to another time, or to a point that gives it a new ID. It gets no dearer."""
    moved, events = follow(
        reservation,
        happening,
        now,
        slot.station.owner,
        guard="slotFound",
        moved=moved_to(reservation, slot),
    )
    owner_before = owner_of(network, reservation)
    if owner_before != slot.station.owner:
        events = tuple(replace(event, owner_before=owner_before) for event in events)
    if moved.key == reservation.key:
        return Changes(reservations=(moved,), events=events)
    return Changes(
        removed_reservations=(reservation.key,),
        points=(*released(network, (reservation,)), booked(slot.point, moved)),
        reservations=(moved,),
        events=events,
    )


def moved_to(reservation: Reservation, slot: Slot) -> Reservation:
    """Returns a reservation at another point or time."""
    stays = slot.point.key == reservation.point_key
    price, kwh_price = slot.price, slot.kwh_price
    if price > reservation.price:
        price = reservation.price
        kwh_price = price_of_kwh(price, energy_of(reservation))
    return replace(
        reservation,
        reservation_id=reservation.reservation_id if stays else slot.point.last_reservation_id + 1,
        station_id=slot.point.station_id,
        point_id=slot.point.point_id,
        power=slot.point.power,
        kwh_price=kwh_price,
        start=slot.start,
        finish=slot.finish,
        duration=slot.hours,
        price=price,
    )


def booked(point: Point, reservation: Reservation) -> Point:
    """Returns a point with one reservation more."""
    availability = RESERVED if point.availability == FREE else point.availability
    return replace(point, last_reservation_id=reservation.reservation_id, availability=availability)


def owner_of(network: NetworkView, reservation: Reservation) -> str:
    """The owner of the reservation's station."""
    station = network.station(reservation.station_id)
    return GATEWAY if station is None else station.owner


def released(network: NetworkView, leaving: Iterable[Reservation]) -> tuple[Point, ...]:
    """Returns the points that become free when these reservations leave."""
    released = []
    for key, count in Counter(reservation.point_key for reservation in leaving).items():
        point = network.point(key)
        if point is not None and point.availability == RESERVED and len(network.queue(key)) == count:
            released.append(replace(point, availability=FREE))
    return tuple(released)


def _without_reservation(network: NetworkView, leaving: Iterable[Reservation]) -> Iterable[Session]:
    for reservation in leaving:
        session = _serving(network, reservation)
        if session is not None:
            yield replace(session, reservation=None)


def _serving(network: NetworkView, reservation: Reservation) -> Session | None:
    """The session that serves a reservation."""
    if reservation.state != "active":
        return None
    session = network.session(reservation.point_key)
    return session if session is not None and session.reservation == reservation.key else None
