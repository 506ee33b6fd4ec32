"""Charges that are over when their chargers tell of them (docs/mqtt.md, Sessions)."""

from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct, UnsetType

from cloud_service.core.offline_charge import OfflineCharge, record
from cloud_service.core.rules import Rules
from cloud_service.core.view import NetworkView
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.replies import SUCCESS
from cloud_service.protocol.requests import RecordCharging
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.handlers.decision import Decision
from cloud_service.service.engine.handlers.points import point_for

LONGEST_AGO: Final = timedelta(days=366)
"""A charge that began earlier is no charge, but the word of a clock that was never set."""


class ChargeRecorder(Struct, frozen=True):
    """Records charges by these rules."""

    rules: Rules

    def __call__(
        self, network: NetworkView, request: RecordCharging, caller: Caller, now: datetime
    ) -> Decision:
        """Adds a charge to the history. The points and their sessions stay as they are."""
        point = point_for(network, request.station_id, request.point_id, caller)
        self._check_times(request, now)
        station = network.station(point.station_id)
        assert station is not None
        charge = OfflineCharge(
            station.owner if isinstance(request.vehicle_id, UnsetType) else request.vehicle_id,
            caller.is_gateway,
            request.start.astimezone(UTC),
            request.finish.astimezone(UTC),
            request.energy,
        )
        try:
            return Decision(SUCCESS, record(station, point, charge, self.rules, now))
        except OverflowError:
            raise BadRequest("the charge exceeds the range of numbers") from None

    def _check_times(self, request: RecordCharging, now: datetime) -> None:
        if request.finish > now:
            raise BadRequest(f"finishDateTime must be in the past: it is {now.isoformat()} now")
        if request.start < now - LONGEST_AGO:
            raise BadRequest(f"startDateTime is more than {LONGEST_AGO.days} days ago")
        lasting = request.finish - request.start
        if not timedelta() < lasting <= self.rules.longest_charge:
            days = self.rules.longest_charge.days
            raise BadRequest(f"finishDateTime must be after startDateTime, and at most {days} days after it")
