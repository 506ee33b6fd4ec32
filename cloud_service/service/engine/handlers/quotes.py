"""Quotes what could be booked (docs/mqtt.md, Wishes)."""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct, UnsetType

from cloud_service.core.demand import Demand
from cloud_service.core.objectives import Slot
from cloud_service.core.rules import Rules
from cloud_service.core.view import NetworkView
from cloud_service.core.wishes import Wishes
from cloud_service.protocol.requests import QuoteReservation
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.handlers.decision import Decision
from cloud_service.service.engine.handlers.wishes import best_slots, read_booking

OFFERS: Final = 3
"""How many offers a quote has if it does not say."""

_HOUR: Final = timedelta(hours=1)


class Quoter(Struct, frozen=True):
    """Quotes by these rules, and books nothing."""

    rules: Rules

    def __call__(
        self, network: NetworkView, request: QuoteReservation, caller: Caller, now: datetime
    ) -> Decision:
        """The result is a list of offers, the best first. The first is what a booking would get."""
        caller.vehicle(request.vehicle_id, "vid")
        need, wishes = read_booking(request)
        count = OFFERS if isinstance(request.offers, UnsetType) else request.offers
        slots = best_slots(network, self.rules, Demand.of(need, wishes), now, count)
        return Decision([_offer(slot, wishes, now) for slot in slots])


def _offer(slot: Slot, wishes: Wishes, now: datetime) -> dict[str, object]:
    """An offer as clients see it. `wait` is in hours: from arrival, or from now without a speed."""
    arrival = now if wishes.speed is None else now + timedelta(hours=slot.distance / wishes.speed)
    described = {
        "name": slot.station.name,
        "address": slot.station.address,
        "connector": slot.point.connector,
    }
    return {
        "chargingStationID": slot.station.station_id,
        "chargingPointID": slot.point.point_id,
        "distance": slot.distance,
        "chargingPointPower": slot.point.power,
        "kWhPrice": slot.kwh_price,
        "startDateTime": slot.start.isoformat(),
        "finishDateTime": slot.finish.isoformat(),
        "duration": slot.hours,
        "price": slot.price,
        "wait": (slot.start - arrival) / _HOUR,
        **{key: text for key, text in described.items() if text is not None},
    }
