"""What changes in the network when a session begins, goes on or ends."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from cloud_service.core.changes import Changes
from cloud_service.core.demand import energy_of
from cloud_service.core.due import INSTANT
from cloud_service.core.effects import booked, moved_to, owner_of, released
from cloud_service.core.exact import quotient
from cloud_service.core.life import follow
from cloud_service.core.numbers import Number
from cloud_service.core.objectives import Slot
from cloud_service.core.queue import MARGIN
from cloud_service.core.records import FREE, OCCUPIED, RESERVED, Availability, Point, Reservation, VehicleKey
from cloud_service.core.rules import NEVER, Rules
from cloud_service.core.sessions import Session
from cloud_service.core.view import NetworkView


def is_time_for(reservation: Reservation, rules: Rules, now: datetime) -> bool:
    """Whether a session may begin this reservation."""
    return reservation.start - rules.early_start <= now


def begin_reserved(network: NetworkView, point: Point, reservation: Reservation, now: datetime) -> Changes:
    """A session begins a reservation of this point. It is the only reservation of the changes."""
    active, events = follow(reservation, "sessionBegan", now, owner_of(network, reservation))
    return Changes(
        points=(_occupied(point),), reservations=(active,), sessions=(_serving(active, now),), events=events
    )


def begin_walk_in(
    network: NetworkView, point: Point, vehicle: VehicleKey | None, lasting: timedelta, now: datetime
) -> Changes:
    """A vehicle without a reservation begins. It holds the point for a time, but takes nobody's."""
    until = now + lasting
    following = network.queue(point.key).first_reserved
    if following is not None:
        until = max(now, min(until, following.start - MARGIN))
    session = Session(*point.key, since=now, until=until, finish=until, heard=now, vehicle=vehicle)
    return Changes(points=(_occupied(point),), sessions=(session,))


def begin_on_other_point(
    network: NetworkView, point: Point, reservation: Reservation, rules: Rules, now: datetime
) -> Changes | None:
    """A session begins a reservation on another point of its station; None if it does not fit there.

    The reservation keeps its start. With the point its power changes, and so how long it takes.
    """
    station = network.station(point.station_id)
    assert station is not None
    energy = energy_of(reservation)
    hours = quotient(energy, point.power)
    if hours > rules.longest_charge / timedelta(hours=1):
        return None
    try:
        free_from = network.queue(point.key).earliest_start(reservation.start, timedelta(hours=hours))
    except OverflowError:
        return None
    if free_from != reservation.start:
        return None
    slot = Slot(station, point, reservation.start, hours, energy, rules.zone)
    moved = moved_to(reservation, slot)
    active, events = follow(reservation, "sessionBeganOnOtherPoint", now, station.owner, moved=moved)
    return Changes(
        removed_reservations=(reservation.key,),
        points=(*released(network, (reservation,)), _occupied(booked(point, active))),
        reservations=(active,),
        sessions=(_serving(active, now),),
        events=events,
    )


def prolong(network: NetworkView, point: Point, session: Session, rules: Rules, now: datetime) -> Changes:
    """A session lasts longer: it takes up its vehicle's next reservation here, or holds the point on."""
    times = 0 if rules.overrun == NEVER else (now - session.until - INSTANT) // rules.overrun
    held_until = session.until + times * rules.overrun
    following = network.queue(point.key).first_reserved
    is_its_own = following is not None and following.vehicle == session.vehicle
    if following is not None and is_its_own and is_time_for(following, rules, held_until):
        active, events = follow(following, "sessionBegan", now, owner_of(network, following))
        continued = replace(_serving(active, now), since=session.since, heard=session.heard)
        return Changes(reservations=(active,), sessions=(continued,), events=events)
    if rules.overrun == NEVER:
        return finish(network, point, session, now)
    return Changes(sessions=(replace(session, until=held_until + rules.overrun),))


def read_meter(session: Session, energy: Number, power: Number | None, now: datetime) -> Changes:
    """A meter tells what a session has charged so far. Without a power, the one told before stays.

    A meter only counts up: less energy than was told before is an older reading that has come late.
    """
    if session.energy is not None and energy < session.energy:
        return Changes(sessions=(replace(session, heard=now),))
    latest = session.power if power is None else power
    return Changes(sessions=(replace(session, heard=now, energy=energy, power=latest),))


def finish(
    network: NetworkView,
    point: Point,
    session: Session,
    now: datetime,
    *,
    availability: Availability = FREE,
    energy: Number | None = None,
) -> Changes:
    """The session at a point ends, and with it the reservation that it serves, if it still serves one.

    `availability` is that of the point if nobody has reserved it. `energy` is what was charged, in kWh; None:
    what the meter has told last.
    """
    queue = network.queue(point.key)
    served = next((each for each in queue if each.key == session.reservation), None)
    if len(queue) > (served is not None) and availability == FREE:
        availability = RESERVED
    changes = Changes(points=(replace(point, availability=availability),), removed_sessions=(session.key,))
    if served is None:
        return changes
    _, events = follow(served, "sessionFinished", now, owner_of(network, served))
    energy = session.energy if energy is None else energy
    return replace(
        changes,
        removed_reservations=(served.key,),
        events=tuple(replace(event, energy=energy) for event in events),
    )


def _occupied(point: Point) -> Point:
    return replace(point, availability=OCCUPIED, tells_sessions=True)


def _serving(active: Reservation, now: datetime) -> Session:
    return Session(
        active.station_id,
        active.point_id,
        since=now,
        until=active.finish,
        finish=active.finish,
        heard=now,
        reservation=active.key,
        vehicle=active.vehicle,
    )
