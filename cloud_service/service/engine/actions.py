"""THE TABLE: what each action is, who may ask for it, and which handler decides it.

A new action is a request class, one row here, one handler, one test.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from msgspec import Struct

from cloud_service.accounts.roles import Caller, Role
from cloud_service.core.network import Reader
from cloud_service.protocol import requests
from cloud_service.protocol.errors import Forbidden
from cloud_service.service.engine.handlers import ownership, points, reservations, stations
from cloud_service.service.engine.handlers.decision import Decision

Handler: TypeAlias = Callable[[Reader, Any, Caller, datetime], Decision]

WRITERS: frozenset[Role] = frozenset({"client", "gateway", "operator"})
READERS: frozenset[Role] = WRITERS | {"monitor"}
KEEPERS: frozenset[Role] = frozenset({"administrator"})


class Action(Struct, frozen=True):
    """A row of the table. Whose station or vehicle it is, its handler looks at."""

    request: type[requests.Request]
    roles: frozenset[Role]
    handler: Handler

    def decide(self, network: Reader, request: requests.Request, caller: Caller, now: datetime) -> Decision:
        """Raises a RequestError where the answer is no."""
        if caller.role not in self.roles:
            raise Forbidden(f"{caller.name} may not ask for {self.request.action}")
        return self.handler(network, request, caller, now)


def actions(longest_charge: timedelta) -> dict[str, Action]:
    """The table, with charges of this duration at most."""
    rows = (
        Action(requests.NewChargingStation, WRITERS, stations.new_charging_station),
        Action(requests.UpdateChargingStation, WRITERS, stations.update_charging_station),
        Action(requests.DeleteChargingStation, WRITERS, stations.delete_charging_station),
        Action(requests.NewChargingPoint, WRITERS, points.new_charging_point),
        Action(requests.UpdateChargingPoint, WRITERS, points.update_charging_point),
        Action(requests.DeleteChargingPoint, WRITERS, points.delete_charging_point),
        Action(requests.ReceiveAllChargingPoints, READERS, points.receive_all_charging_points),
        Action(requests.ReceiveAllReservations, READERS, reservations.receive_all_reservations),
        Action(requests.ScheduleReservation, WRITERS, reservations.Scheduler(longest_charge)),
        Action(requests.FindReservation, READERS, reservations.find_reservation),
        Action(requests.DeleteReservation, WRITERS, reservations.delete_reservation),
        Action(requests.CountStations, KEEPERS, ownership.count_stations),
        Action(requests.TransferStations, KEEPERS, ownership.transfer_stations),
    )
    return {row.request.action: row for row in rows}
