"""The table of actions: what can be requested, by whom, and what comes back.

Everything that depends on the actions is derived from this table: the service's subscriptions, the rights at
the broker, how requests on MQTT and TCP are read, `recharge request`. A new action is a request class, a row
here and a handler.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from cloud_service.protocol import topics
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.requests import (
    CancelBooking,
    CancelReservation,
    CountStations,
    DeleteChargingPoint,
    DeleteChargingStation,
    DeleteReservation,
    FindReservation,
    FinishCharging,
    MeterCharging,
    NewChargingPoint,
    NewChargingStation,
    QuoteReservation,
    ReceiveAllChargingPoints,
    ReceiveAllReservations,
    RecordCharging,
    Request,
    ScheduleReservation,
    StartCharging,
    TransferStations,
    UpdateChargingPoint,
    UpdateChargingStation,
    keys_of,
)
from cloud_service.protocol.roles import Role

ResultKind: TypeAlias = Literal[
    "id", "success", "points", "reservations", "reservation", "reservation or null", "offers", "count"
]
"""What a successful reply's result is."""

_CHARGERS: Final[frozenset[Role]] = frozenset({"charger", "operator", "gateway"})
_VEHICLES: Final[frozenset[Role]] = frozenset({"vehicle", "operator", "gateway"})
_MONITOR: Final[frozenset[Role]] = frozenset({"monitor"})
_CHARGER_READERS: Final = _CHARGERS | _MONITOR
_VEHICLE_READERS: Final = _VEHICLES | _MONITOR
_ADMINISTRATOR: Final[frozenset[Role]] = frozenset({"administrator"})


_LONGEST_GUESS: Final = 64
"""Characters of a name that are compared: the work grows with their square."""
_LIKENESS: Final = 0.7


class Action(Struct, frozen=True):
    """A row of the table. Which station or vehicle a caller may touch is for the handler to check."""

    name: str
    request: type[Request]
    """Its fields are the action's keys."""
    result: ResultKind
    roles: frozenset[Role]
    """Who may request it."""
    changes: bool
    """Whether it changes the network."""
    legacy: bool = True
    """Whether the legacy protocol has it."""
    repeatable: bool = False
    """Whether what it changes may be changed again by a repetition, because a later request replaces it."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the action, as they are in JSON."""
        return keys_of(self.request)

    @property
    def legacy_keys(self) -> tuple[str, ...]:
        """The keys of the action in the legacy protocol, which needs them all."""
        return tuple(key for key in self.keys if key not in self.request.mqtt_only)

    @property
    def is_remembered(self) -> bool:
        """Whether deduplication remembers its requests."""
        return self.changes and not self.repeatable

    @property
    def is_control(self) -> bool:
        """Whether only the administrator may request it."""
        return self.roles == _ADMINISTRATOR

    def topic(self, client: str) -> str:
        """The topic to which this account sends its requests; `+` stands for all accounts."""
        return topics.control(self.name, client) if self.is_control else topics.request(self.name, client)


Actions: TypeAlias = Mapping[str, Action]
"""A table of actions by name."""


def table(*rows: Action) -> Actions:
    """Makes a table of its rows, in their order."""
    return {row.name: row for row in rows}


def request_topics(actions: Actions) -> list[str]:
    """The topics by which the service receives the requests of all accounts."""
    return [action.topic("+") for action in actions.values()]


def client_actions(actions: Actions) -> Actions:
    """The actions of clients: all but the administrator's."""
    return {name: action for name, action in actions.items() if not action.is_control}


def find_action(name: str, actions: Actions) -> Action:
    """Returns the action of this name. Raises BadRequest that names the one that was probably meant."""
    action = actions.get(name)
    if action is None:
        raise BadRequest(f"there is no action {name}{did_you_mean([name], actions)}")
    return action


def did_you_mean(names: Iterable[str], actions: Actions) -> str:
    """Returns a question to end a refusal with, or nothing if none of the names is like an action's."""
    meant = closest_action(names, actions)
    return "" if meant is None else f"; did you mean {meant}?"


def closest_action(names: Iterable[str], actions: Actions) -> str | None:
    """The action that is like the first of these names to be like one's. None if none is."""
    known = {name.lower(): name for name in actions}
    for name in names:
        if nearest := get_close_matches(name.lower()[:_LONGEST_GUESS], known, n=1, cutoff=_LIKENESS):
            return known[nearest[0]]
    return None


ACTIONS: Final[Actions] = table(
    # The order matters: of the actions that a TCP request names, the first counts (docs/tcp.md, A request).
    Action("newChargingStation", NewChargingStation, "id", _CHARGERS, changes=True),
    Action("updateChargingStation", UpdateChargingStation, "success", _CHARGERS, changes=True),
    Action("deleteChargingStation", DeleteChargingStation, "success", _CHARGERS, changes=True),
    Action("newChargingPoint", NewChargingPoint, "id", _CHARGERS, changes=True),
    Action("updateChargingPoint", UpdateChargingPoint, "success", _CHARGERS, changes=True),
    Action("deleteChargingPoint", DeleteChargingPoint, "success", _CHARGERS, changes=True),
    Action("receiveAllChargingPoints", ReceiveAllChargingPoints, "points", _CHARGER_READERS, changes=False),
    Action("receiveAllReservations", ReceiveAllReservations, "reservations", _CHARGER_READERS, changes=False),
    Action("scheduleReservation", ScheduleReservation, "reservation", _VEHICLES, changes=True),
    Action("findReservation", FindReservation, "reservation", _VEHICLE_READERS, changes=False),
    Action("deleteReservation", DeleteReservation, "success", _VEHICLES, changes=True),
    Action("startCharging", StartCharging, "reservation or null", _CHARGERS, changes=True, legacy=False),
    Action("finishCharging", FinishCharging, "success", _CHARGERS, changes=True, legacy=False),
    Action("quoteReservation", QuoteReservation, "offers", _VEHICLE_READERS, changes=False, legacy=False),
    Action("cancelReservation", CancelReservation, "success", _CHARGERS, changes=True, legacy=False),
    Action("meterCharging", MeterCharging, "success", _CHARGERS, changes=True, legacy=False, repeatable=True),
    Action("recordCharging", RecordCharging, "success", _CHARGERS, changes=True, legacy=False),
    Action("countStations", CountStations, "count", _ADMINISTRATOR, changes=False, legacy=False),
    Action("transferStations", TransferStations, "count", _ADMINISTRATOR, changes=True, legacy=False),
    Action("cancelBooking", CancelBooking, "count", _ADMINISTRATOR, changes=True, legacy=False),
)
"""All actions, by name."""

CLIENT_ACTIONS: Final[Actions] = client_actions(ACTIONS)
"""The actions of the contract, by name."""

LEGACY_ACTIONS: Final[Actions] = {name: action for name, action in ACTIONS.items() if action.legacy}
"""The eleven actions of the legacy protocol, by name."""
