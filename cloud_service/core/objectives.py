"""Objectives: by what the best of several slots is chosen (contract, section 5, Wishes)."""

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, TypeAlias

from msgspec import Struct

from cloud_service.core.exact import lasting, product
from cloud_service.core.numbers import Number
from cloud_service.core.records import FREE, Point, Station
from cloud_service.core.tariffs import price_of, price_of_kwh
from cloud_service.core.wishes import ObjectiveName


class Slot(Struct, frozen=True, dict=True):
    """A time at which a vehicle could charge at a point.

    `energy` is what it charges, in kWh, and `hours` is how long that takes. `order` is the station's place in
    the order of distances from the vehicle; `distance` is in kilometres. `zone` is that of tariffs.
    """

    station: Station
    point: Point
    start: datetime
    hours: float
    energy: Decimal
    zone: tzinfo | None = None
    order: int = 0
    distance: float = 0.0

    @property
    def finish(self) -> datetime:
        return self.start + lasting(self.hours)

    @cached_property
    def price(self) -> float:
        """The price of the whole charge."""
        if not self.point.tariff:
            return product(self.energy, self.point.kwh_price)
        span = self.start, self.finish
        return price_of(self.energy, self.point.kwh_price, self.point.tariff, span, self.zone)

    @property
    def kwh_price(self) -> Number:
        """What a kWh costs: where there is a tariff, the mean over the charge."""
        if not self.point.tariff:
            return self.point.kwh_price
        return price_of_kwh(self.price, self.energy)


Objective: TypeAlias = Callable[[Slot], tuple[Any, ...]]
"""The smaller, the better. Of slots that are equally good, the nearer is chosen, then that with lower IDs."""


def nearest(slot: Slot) -> tuple[int, datetime, bool, int]:
    """The nearest station; in it, the point where charging can start first, on a tie a free one."""
    point = slot.point
    return slot.order, slot.start, point.availability != FREE, point.point_id


def earliest(slot: Slot) -> tuple[datetime, int, int]:
    """The earliest start."""
    return slot.start, slot.order, slot.point.point_id


def soonest(slot: Slot) -> tuple[datetime, int, int]:
    """The earliest finish. No charge starts before the vehicle can be there, so the way is counted."""
    return slot.finish, slot.order, slot.point.point_id


def cheapest(slot: Slot) -> tuple[float, datetime, int, int]:
    """The lowest price; of equal prices, the earliest start."""
    return slot.price, slot.start, slot.order, slot.point.point_id


OBJECTIVES: Final[Mapping[ObjectiveName, Objective]] = {
    "nearest": nearest,
    "earliest": earliest,
    "soonest": soonest,
    "cheapest": cheapest,
}
