"""What the OCPP gateways keep at the broker, and what operators tell them: topics and records (docs/ocpp.md).

A gateway has no data folder: another one can take over its chargers at any moment.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct

from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.roles import NAME_PATTERN
from cloud_service.protocol.topics import ROOT

_OCPP: Final = f"{ROOT}/ocpp"
_TOPIC = re.compile(rf"{_OCPP}/(place|charger|command)/({NAME_PATTERN})(?:/({NAME_PATTERN}))?")

TopicKind: TypeAlias = Literal["place", "charger", "command"]
Coordinate: TypeAlias = int | float
Connector: TypeAlias = Annotated[int, Meta(ge=1, le=1000)]
"""The number of a connector in OCPP 1.6, of an EVSE in 2.0.1 and 2.1. It is a point here."""


def place(identity: str) -> str:
    """Where an operator says where a charger stands. Retained."""
    return f"{_OCPP}/place/{identity}"


def charger(identity: str) -> str:
    """Where a gateway says what it knows of a charger. Retained."""
    return f"{_OCPP}/charger/{identity}"


def command(identity: str, client: str) -> str:
    """Where an operator's account sends a command to the gateway with this charger."""
    return f"{_OCPP}/command/{identity}/{client}"


def answer(client: str, identity: str) -> str:
    """Where the gateway answers a command of this account."""
    return f"{_OCPP}/answer/{client}/{identity}"


def parse_topic(topic: str) -> tuple[TopicKind, str, str | None] | None:
    """The kind of a topic, its charger, and the account of a command. None for any other topic."""
    match = _TOPIC.fullmatch(topic)
    if match is None or (match[1] == "command") != (match[3] is not None):
        return None
    kind: TopicKind = match[1]  # type: ignore[assignment]
    return kind, match[2], match[3]


class PlacePoint(Struct, frozen=True, omit_defaults=True):
    """A point as the operator describes it. `type` is a ConnectorType of OCPI."""

    connector: Connector
    power: Annotated[float, Meta(gt=0)]
    kwh_price: Annotated[float, Meta(ge=0)] = msgspec.field(name="kWhPrice")
    type: str | None = None


class Place(Struct, frozen=True, omit_defaults=True):
    """Where a charger stands, and its points: OCPP tells neither location nor prices."""

    x: Coordinate = msgspec.field(name="x_position")
    y: Coordinate = msgspec.field(name="y_position")
    points: Annotated[tuple[PlacePoint, ...], Meta(min_length=1)]
    name: str | None = None

    def point(self, connector: int) -> PlacePoint | None:
        return next((point for point in self.points if point.connector == connector), None)


class Transaction(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A charge that has begun at the charger. Meter and energy are in kWh, the power in kW.

    `meter_start` is None if the charger has not told. `held` means that it began long ago, while the charger
    was not connected: nobody knows whether it still goes on. `waiting` means that the vehicle is only plugged
    in, and `refused` that the service did not let it charge.
    """

    transaction: str
    connector: int
    started: datetime
    tag: str = ""
    meter_start: float | None = None
    energy: float | None = None
    power: float | None = None
    held: bool = False
    waiting: bool = False
    refused: bool = False

    @property
    def is_session(self) -> bool:
        """Whether the service has a session for it."""
        return not (self.held or self.waiting or self.refused)


class EarlyEnd(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The end of a charge whose begin the charger has not told yet. Meters are in kWh."""

    transaction: str
    at: datetime
    meter: float
    meter_start: float | None = None


ChargerState: TypeAlias = Literal["pending", "accepted"]


class ChargerRecord(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What gateways know of a charger. `gateway` has it, or had it last, `since` then.

    `instance` is that gateway's process. `points` has the point of each connector. `closed` has the
    transactions that ended last: a charger may repeat them. `early_ends` has those of them whose begin may
    still be told. `leniencies` says in which ways the charger does
    not keep to its protocol.
    """

    state: ChargerState
    online: bool
    gateway: str
    since: datetime
    instance: str = ""
    version: str = ""
    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    station: int | None = None
    points: dict[int, int] = {}
    statuses: dict[int, str] = {}
    transactions: tuple[Transaction, ...] = ()
    closed: tuple[str, ...] = ()
    early_ends: tuple[EarlyEnd, ...] = ()
    leniencies: tuple[str, ...] = ()

    def transaction(self, name: str) -> Transaction | None:
        return next((each for each in self.transactions if each.transaction == name), None)

    def early_end(self, name: str) -> EarlyEnd | None:
        return next((each for each in self.early_ends if each.transaction == name), None)

    def session_on(self, connector: int) -> Transaction | None:
        """The charge on this connector that is a session at the service."""
        return next(
            (each for each in self.transactions if each.connector == connector and each.is_session), None
        )


class Command(Struct, frozen=True, omit_defaults=True):
    """What an operator asks of a charger. The ID matches it with its answer."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    command: str
    values: dict[str, Any] = {}


class Answer(Struct, frozen=True, omit_defaults=True):
    """What became of a command: what the charger said, or why it was not asked."""

    id: str
    ok: bool
    status: str = ""
    message: str = ""


T = TypeVar("T")
encode = msgspec.json.Encoder().encode
_places = msgspec.json.Decoder(Place)
_records = msgspec.json.Decoder(ChargerRecord)
_commands = msgspec.json.Decoder(Command)
_answers = msgspec.json.Decoder(Answer)


def read_place(payload: bytes) -> Place:
    """Raises BadRequest if the payload is not a place."""
    return _read(_places, payload, "a place")


def read_charger(payload: bytes) -> ChargerRecord:
    """Raises BadRequest if the payload is not the record of a charger."""
    return _read(_records, payload, "the record of a charger")


def read_command(payload: bytes) -> Command:
    """Raises BadRequest if the payload is not a command."""
    return _read(_commands, payload, "a command")


def read_answer(payload: bytes) -> Answer:
    """Raises BadRequest if the payload is not an answer."""
    return _read(_answers, payload, "an answer")


def _read(decoder: msgspec.json.Decoder[T], payload: bytes, what: str) -> T:
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadRequest(f"not {what}: {error}") from None
