"""From a request's wishes to the slots that fit them, or to a refusal that says why none does."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Final

from msgspec import UNSET, UnsetType

from cloud_service.core.choice import OUT_OF_ORDER, TOO_LATE, TOO_LONG, ChargeTooLong, Choice, NothingFits
from cloud_service.core.demand import Demand
from cloud_service.core.objectives import Slot
from cloud_service.core.rules import Rules
from cloud_service.core.view import NetworkView
from cloud_service.core.wishes import NO_WISHES, Need, Wishes
from cloud_service.protocol.errors import BadRequest, NotFound
from cloud_service.protocol.requests import Booking
from cloud_service.service.engine.handlers.optional import or_none

_OF_STATIONS: Final = ("chargingStationID", "maxDistance", "range", "speed")
"""These wishes rule out stations; all others rule out points."""


def read_booking(request: Booking) -> tuple[Need, Wishes]:
    """Returns what a vehicle needs, and what it wishes. Raises BadRequest for a moment that has no UTC."""
    need = Need(request.x, request.y, request.percentage, request.capacity)
    if request.has_no_wishes:
        return need, NO_WISHES
    not_before = None
    if not isinstance(request.not_before, UnsetType):
        try:
            not_before = request.not_before.astimezone(UTC)
        except OverflowError:
            raise BadRequest("notBefore is beyond the range of dates") from None
    wishes = Wishes(
        objective="nearest" if request.objective is UNSET else request.objective,
        speed=or_none(request.speed),
        range=or_none(request.range_km),
        max_distance=or_none(request.max_distance),
        min_power=or_none(request.min_power),
        max_price=or_none(request.max_price),
        not_before=not_before,
        station_id=or_none(request.station_id),
        point_id=or_none(request.point_id),
        connector=or_none(request.connector),
        flexible=request.flexible is True,
    )
    return need, NO_WISHES if wishes == NO_WISHES else wishes


def best_slots(network: NetworkView, rules: Rules, demand: Demand, now: datetime, count: int) -> list[Slot]:
    """Returns the best slots. Raises NotFound if nothing fits, and BadRequest beyond the range of numbers."""
    try:
        slots = Choice(network, rules, now).best(demand, count)
    except NothingFits as none:
        raise NotFound(_explanation(none.ruled_out, rules)) from None
    except ChargeTooLong:
        days = rules.longest_charge.days
        raise BadRequest(f"charging {float(demand.energy):g} kWh takes longer than {days} days") from None
    except OverflowError:
        raise BadRequest("the charge exceeds the range of numbers or dates") from None
    if not isfinite(slots[0].price):
        raise BadRequest("the price is out of range")
    return slots


def _explanation(ruled_out: Mapping[str, int], rules: Rules) -> str:
    """Why nothing fits: each wish and each other reason, with how many it has ruled out."""
    days = f"{rules.horizon / timedelta(days=1):g}"
    reasons = {key: count for key, count in ruled_out.items() if count}
    if not reasons:
        return "there is no station with a charging point"
    if set(reasons) == {TOO_LATE}:
        return f"no charge can start within {days} days at any station"
    others = {
        TOO_LATE: f"nothing free within {days} days",
        TOO_LONG: "a charge that takes too long",
        OUT_OF_ORDER: "out of order",
    }
    parts = [f"{others.get(key, key)}: {_counted(key, count)}" for key, count in sorted(reasons.items())]
    return f"no charging point fits; ruled out are {', '.join(parts)}"


def _counted(key: str, count: int) -> str:
    noun = "station" if key in _OF_STATIONS else "point"
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
