"""Where and when a charge can be, what it costs there, and which place is the best."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo
from fractions import Fraction
from itertools import pairwise
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tests.kit.model.network import Network
from tests.kit.model.records import (
    MARGIN,
    Point,
    PointKey,
    Record,
    Refused,
    Reservation,
    Station,
    Wishes,
    written,
)

DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


class Slot(Struct, frozen=True):
    station: Station
    point: Point
    square: Fraction
    distance: float
    arrival: datetime
    start: datetime
    hours: float
    price: float
    kwh_price: float

    @property
    def finish(self) -> datetime:
        return self.start + timedelta(hours=self.hours)

    def offer(self) -> Record:
        offer = {
            "chargingStationID": self.station.number,
            "chargingPointID": self.point.number,
            "distance": self.distance,
            "chargingPointPower": self.point.power,
            "kWhPrice": self.kwh_price,
            "startDateTime": self.start.isoformat(),
            "finishDateTime": self.finish.isoformat(),
            "duration": self.hours,
            "price": self.price,
            "wait": (self.start - self.arrival) / timedelta(hours=1),
        }
        described = {
            "name": self.station.name,
            "address": self.station.address,
            "connector": self.point.connector,
        }
        return offer | {key: text for key, text in described.items() if text is not None}


def rank(objective: str, slot: Slot) -> tuple[Any, ...]:
    where = (slot.square, slot.station.number)
    if objective == "nearest":
        return *where, slot.start, slot.point.availability != "livre", slot.point.number
    first = {"earliest": slot.start, "soonest": slot.finish, "cheapest": slot.price}[objective]
    start = (slot.start,) if objective == "cheapest" else ()
    return first, *start, *where, slot.point.number


def offers(network: Network, wishes: Wishes, now: datetime) -> list[Slot]:
    """All slots of a new booking, the best first. Raises Refused where there are none."""
    fitting = [slots for slots in _by_station(network, wishes, now, now, None) if slots is not None]
    if wishes.objective == "nearest" and fitting and fitting[0] == []:
        raise Refused("BAD_REQUEST")
    if wishes.objective != "nearest":
        fitting = [slots for slots in fitting if slots][: network.times.choice_stations]
    found = [slot for slots in fitting for slot in slots]
    if not found:
        raise Refused("NOT_FOUND")
    return sorted(found, key=lambda slot: rank(wishes.objective, slot))


def another_slot(
    network: Network, moved: Reservation, now: datetime, shunned: PointKey | None = None
) -> Slot | None:
    """Where one that its point cannot keep goes: the same station first, and there the earliest.

    Nobody who is not flexible has to come earlier than promised. One point may be shunned, unless
    no other fits.
    """
    promised = moved.wishes.not_before if moved.wishes.flexible else moved.start
    wishes = replace(moved.wishes, not_before=promised)
    found = [
        slot for slots in _by_station(network, wishes, moved.booked_at, now, moved) for slot in slots or ()
    ]
    found = [slot for slot in found if slot.point.key != shunned] or found
    same = [slot for slot in found if slot.station.number == moved.station]
    if same:
        return min(same, key=lambda slot: (slot.start, slot.point.availability != "livre", slot.point.number))
    return min(found, key=lambda slot: rank(moved.wishes.objective, slot), default=None)


def slot_at(network: Network, moved: Reservation, point: Point, now: datetime) -> Slot | None:
    """The earliest slot of a reservation on this point, by its wishes."""
    station = network.stations[point.station]
    if not _suits(network, moved.wishes, station):
        return None
    slot = _first_slot(network, moved.wishes, station, point, moved.booked_at, now, moved)
    return slot if isinstance(slot, Slot) else None


def _by_station(
    network: Network, wishes: Wishes, booked_at: datetime, now: datetime, moved: Reservation | None
) -> Iterator[list[Slot] | None]:
    """The slots of each station that suits, by distance.

    None is a station to pass over; an empty list one where the charge would be too long.
    """
    for station in sorted(
        network.stations.values(), key=lambda each: (network.square(wishes, each), each.number)
    ):
        if not _suits(network, wishes, station):
            continue
        slots = [
            _first_slot(network, wishes, station, point, booked_at, now, moved)
            for point in network.points_of(station.number)
        ]
        found = [slot for slot in slots if isinstance(slot, Slot)]
        yield found or ([] if "too long" in slots and "too late" not in slots else None)


def _suits(network: Network, wishes: Wishes, station: Station) -> bool:
    square = network.square(wishes, station)
    return (
        wishes.station in (None, station.number)
        and (wishes.max_distance is None or square <= written(wishes.max_distance) ** 2)
        and (wishes.range is None or square <= written(wishes.range) ** 2)
    )


def _first_slot(
    network: Network,
    wishes: Wishes,
    station: Station,
    point: Point,
    booked_at: datetime,
    now: datetime,
    moved: Reservation | None,
) -> Slot | str:
    """The earliest slot on a point, or why there is none."""
    if (
        not network.in_order(point, now)
        or wishes.point not in (None, point.number)
        or (wishes.min_power is not None and point.power < wishes.min_power)
        or wishes.connector not in (None, point.connector)
    ):
        return "does not suit"
    hours = float(wishes.energy / written(point.power))
    if timedelta(hours=hours) > network.times.longest_charge:
        return "too long"
    distance = math.sqrt(network.square(wishes, station))
    arrival = booked_at + timedelta(hours=0 if wishes.speed is None else distance / wishes.speed)
    least = max(filter(None, (now + MARGIN, arrival if wishes.speed else None, wishes.not_before)))
    start = earliest_start(network, point, least, timedelta(hours=hours), moved)
    if network.times.horizon and start - now > network.times.horizon:
        return "too late"
    price, kwh_price = price_of(point, start, hours, wishes.energy)
    if wishes.max_price is not None and kwh_price > wishes.max_price:
        return "too dear"
    square = network.square(wishes, station)
    return Slot(station, point, square, distance, arrival, start, hours, price, kwh_price)


def earliest_start(
    network: Network, point: Point, least: datetime, duration: timedelta, moved: Reservation | None
) -> datetime:
    session = network.sessions.get(point.key)
    if session is not None:
        least = max(least, session.until + MARGIN)
    spans = [(each.start, each.finish) for each in network.scheduled(*point.key) if each is not moved]
    moments = [least, *(finish + MARGIN for _, finish in spans)]
    return min(start for start in moments if start >= least and keeps_margins(start, duration, spans))


def keeps_margins(start: datetime, duration: timedelta, spans: list[tuple[datetime, datetime]]) -> bool:
    return all(finish + MARGIN <= start or start + duration + MARGIN <= begins for begins, finish in spans)


def price_of(
    point: Point, start: datetime, hours: float, energy: Fraction, zone: tzinfo = UTC
) -> tuple[float, float]:
    """The price of a charge, and of a kWh of it."""
    if not point.tariff:
        return float(energy * written(point.price)), point.price
    finish = start + timedelta(hours=hours)
    moments = sorted({start, finish, *_changes(point, start, finish, zone)})
    total = Fraction(0)
    length = (finish - start) // timedelta.resolution
    for begins, ends in pairwise(moments):
        share = Fraction((ends - begins) // timedelta.resolution, length)
        total += share * energy * written(kwh_price_at(point, begins.astimezone(zone)))
    return float(total), float(total / energy)


def _changes(point: Point, start: datetime, finish: datetime, zone: tzinfo) -> Iterator[datetime]:
    """The moments within a charge at which another element of the tariff may count."""
    day = start.astimezone(zone).date() - timedelta(days=1)
    while day <= finish.astimezone(zone).date() + timedelta(days=1):
        for element in point.tariff:
            for key in ("start_time", "end_time"):
                clock = time.fromisoformat(element.get(key, "00:00"))
                moment = datetime.combine(day, clock, zone).astimezone(UTC)
                if start < moment < finish:
                    yield moment
        midnight = datetime.combine(day, time(), zone).astimezone(UTC)
        if start < midnight < finish:
            yield midnight
        day += timedelta(days=1)


def kwh_price_at(point: Point, moment: datetime) -> float:
    """The price at a moment, which is in the zone of the tariff: the first element that fits counts."""
    for element in point.tariff:
        if DAYS[moment.weekday()] not in element.get("day_of_week", DAYS):
            continue
        begins = element.get("start_time", "00:00")
        ends = element.get("end_time", "24:00")
        clock = f"{moment:%H:%M}"
        over_midnight = ends <= begins
        if (begins <= clock or clock < ends) if over_midnight else begins <= clock < ends:
            return float(element["kWhPrice"])
    return point.price
