"""The choice of a slot: where and when a vehicle charges. Bookings, quotes and moves all use it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from math import hypot, isfinite
from typing import Final

from msgspec import Struct

from cloud_service.core.demand import Demand
from cloud_service.core.due import PointCondition, in_order
from cloud_service.core.exact import as_written, lasting, quotient, squared_distance
from cloud_service.core.objectives import OBJECTIVES, Slot, nearest
from cloud_service.core.queue import MARGIN
from cloud_service.core.records import Point, Station
from cloud_service.core.rules import NEVER, Rules
from cloud_service.core.view import NetworkView
from cloud_service.core.wishes import NO_WISHES, Wishes

OUT_OF_ORDER: Final = "out of order"
TAKEN: Final = "another vehicle stays"
TOO_LONG: Final = "charging takes too long"
TOO_LATE: Final = "no time until the horizon"

_HOUR: Final = timedelta(hours=1)


class NothingFits(Exception):
    """There is no slot. `ruled_out` says how many each reason has ruled out; wishes have their keys."""

    def __init__(self, ruled_out: Mapping[str, int]) -> None:
        super().__init__(dict(ruled_out))
        self.ruled_out = ruled_out


class ChargeTooLong(Exception):
    """At the nearest station, charging takes longer than is allowed."""


class _Misfit(Exception):
    """A point does not fit."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Place(Struct, frozen=True):
    """A station, as a vehicle sees it."""

    station: Station
    order: int
    distance: float
    opens: datetime
    """No charge starts before."""


class Choice:
    """Looks for slots in a network as it is at this moment.

    `ruled_out` counts the points that did not fit, and the stations that are too far away, by the reason.
    """

    def __init__(self, network: NetworkView, rules: Rules, now: datetime) -> None:
        self._network = network
        self._rules = rules
        self._now = now
        self._longest_hours = rules.longest_charge / _HOUR
        self._has_horizon = rules.horizon != NEVER
        self.ruled_out: defaultdict[str, int] = defaultdict(int)

    def best(self, demand: Demand, count: int = 1) -> list[Slot]:
        """Returns the best slots, one of a point at most, the best first.

        If no price is within the range of numbers, that is one slot. Raises NothingFits or ChargeTooLong,
        and OverflowError beyond the range of numbers and dates.
        """
        is_nearest = demand.wishes.objective == "nearest"
        best = _payable(self._from_the_nearest_on(demand) if is_nearest else [self._ranked(demand)], count)
        if not best:
            raise NothingFits(self.ruled_out)
        return best

    def at_station(self, demand: Demand, station: Station, order: int = 0) -> list[Slot]:
        """Returns the slots of a station's points; none if a wish rules the station out."""
        if self._ruled_out_by(demand, station) is not None:
            return []
        place = self._place(demand, station, order)
        if place is None:
            self.ruled_out["speed"] += 1
            return []
        slots = []
        for condition in self._network.conditions(station):
            try:
                slots.append(self._slot(demand, place, condition))
            except _Misfit as misfit:
                self.ruled_out[misfit.reason] += 1
        return slots

    def at_point(self, demand: Demand, station: Station, point: Point) -> Slot | None:
        """Returns the slot of one point; None if it does not fit."""
        if demand.wishes.station_id not in (None, station.station_id) or self._ruled_out_by(demand, station):
            return None
        place = self._place(demand, station, 0)
        if place is None:
            return None
        condition = self._network.condition(point, self._network.absence(station.owner))
        try:
            return self._slot(demand, place, condition)
        except _Misfit:
            return None

    def _place(self, demand: Demand, station: Station, order: int) -> _Place | None:
        """Returns None for a station that the vehicle, at its speed, does not reach within the calendar."""
        distance = hypot(float(station.x) - float(demand.x), float(station.y) - float(demand.y))
        try:
            opens = self._opens(demand, distance)
        except OverflowError:
            return None
        return _Place(station, order, distance, opens)

    def _ranked(self, demand: Demand) -> list[Slot]:
        stations = islice(filter(None, self._stations(demand)), self._rules.stations_considered or None)
        return sorted((slot for slots in stations for slot in slots), key=OBJECTIVES[demand.wishes.objective])

    def _from_the_nearest_on(self, demand: Demand) -> Iterator[list[Slot]]:
        for slots in self._stations(demand):
            # A charge that is too long is refused where it would be made, not at a station passed over.
            if not slots and self.ruled_out[TOO_LONG] and not self.ruled_out[TOO_LATE]:
                raise ChargeTooLong
            yield sorted(slots, key=nearest)

    def _stations(self, demand: Demand) -> Iterator[list[Slot]]:
        """Yields the slots of each station, from the nearest on, until a wish rules out all that follow."""
        wishes = demand.wishes
        if wishes.station_id is not None:
            station = self._network.station(wishes.station_id)
            if station is None or not self._network.points(station.station_id):
                self.ruled_out["chargingStationID"] += self._network.stations_with_points
            else:
                yield self.at_station(demand, station)
            return
        for order, station in enumerate(self._network.stations_by_distance(demand.x, demand.y)):
            key = self._ruled_out_by(demand, station)
            if key is not None:
                self.ruled_out[key] += self._network.stations_with_points - order
                return
            yield self.at_station(demand, station, order)

    def _ruled_out_by(self, demand: Demand, station: Station) -> str | None:
        """The wish that rules out a station for its distance."""
        if demand.wishes is NO_WISHES:
            return None
        for key, limit in (("maxDistance", demand.wishes.max_distance), ("range", demand.wishes.range)):
            if limit is not None:
                square = squared_distance((station.x, station.y), (demand.x, demand.y))
                if square > as_written(limit) ** 2:
                    return key
        return None

    def _opens(self, demand: Demand, distance: float) -> datetime:
        """The first moment at which a charge may start at this distance."""
        wishes, opens = demand.wishes, self._now + MARGIN
        if wishes is NO_WISHES:
            return opens
        if wishes.speed is not None:
            opens = max(opens, (demand.since or self._now) + timedelta(hours=distance / wishes.speed))
        return opens if wishes.not_before is None else max(opens, wishes.not_before)

    def _slot(self, demand: Demand, place: _Place, condition: PointCondition) -> Slot:
        """The earliest slot of a point. Raises _Misfit if there is none."""
        wishes, point, absence = demand.wishes, condition.point, condition.absence
        # Most points are in order, and this is asked of every point that is looked at.
        is_sound = point.operational and absence is None
        if not is_sound and not in_order(point, absence, self._rules, self._now):
            raise _Misfit(OUT_OF_ORDER)
        if demand.apart_from is not None and demand.apart_from == point.key:
            raise _Misfit(TAKEN)
        if wishes is not NO_WISHES:
            _require_wished(wishes, point)
        hours = quotient(demand.energy, point.power)
        if hours > self._longest_hours:
            raise _Misfit(TOO_LONG)
        start = self._start(demand, place.opens, condition, lasting(hours))
        zone, order, distance = self._rules.zone, place.order, place.distance
        slot = Slot(place.station, point, start, hours, demand.energy, zone, order, distance)
        if wishes.max_price is not None and slot.kwh_price > wishes.max_price:
            raise _Misfit("maxPrice")
        return slot

    def _start(
        self, demand: Demand, opens: datetime, condition: PointCondition, duration: timedelta
    ) -> datetime:
        """Returns when a charge can start at a point, within the horizon if there is one."""
        queue, instead_of = condition.queue, demand.instead_of
        if condition.session is not None:
            opens = max(opens, condition.session.until + MARGIN)
        try:
            if instead_of is not None and instead_of.point_key == condition.point.key:
                start = queue.earliest_start_without(instead_of, opens, duration)
            else:
                start = queue.earliest_start(opens, duration)
        except OverflowError:  # the calendar is full to the end of time
            if not self._has_horizon:
                raise
            raise _Misfit(TOO_LATE) from None
        if self._has_horizon and start - self._now > self._rules.horizon:
            raise _Misfit(TOO_LATE)
        return start


def _require_wished(wishes: Wishes, point: Point) -> None:
    """Rules out a point that is not as it was wished for."""
    if wishes.point_id is not None and point.point_id != wishes.point_id:
        raise _Misfit("chargingPointID")
    if wishes.connector is not None and point.connector != wishes.connector:
        raise _Misfit("connector")
    if wishes.min_power is not None and point.power < wishes.min_power:
        raise _Misfit("minPower")


def _payable(groups: Iterable[list[Slot]], count: int) -> list[Slot]:
    """The first slots whose price is a number: nobody's absurd tariff spoils the choice among the others.

    Without any, the first of all: its price is the reason for a refusal.
    """
    payable: list[Slot] = []
    beyond: list[Slot] = []
    for slots in groups:
        for slot in slots:
            (payable if isfinite(slot.price) else beyond).append(slot)
            if len(payable) == count:
                return payable
    return payable or beyond[:1]
