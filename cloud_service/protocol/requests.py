"""One frozen class a request, in the order of the contract's table of actions.

Values are checked when a request is made of JSON, so that whoever holds a request holds a good one.
"""

import sys
from collections.abc import Mapping
from hashlib import blake2b
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from cloud_service.protocol.errors import BadRequest

ID: TypeAlias = Annotated[int, Meta(ge=1)]
Coordinate: TypeAlias = int | float
AboveZero: TypeAlias = Annotated[int, Meta(gt=0)] | Annotated[float, Meta(gt=0)]
ZeroOrMore: TypeAlias = Annotated[int, Meta(ge=0)] | Annotated[float, Meta(ge=0)]
Percentage: TypeAlias = Annotated[int, Meta(ge=0, lt=100)] | Annotated[float, Meta(ge=0, lt=100)]
VehicleID: TypeAlias = (
    int | Annotated[str, Meta(min_length=1, max_length=128, pattern=r"\A[^\x00-\x1f\x7f-\x9f]*\Z")]
)
AccountName: TypeAlias = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
Availability: TypeAlias = Literal["livre", "ocupado", "reservado"]


class Request(Struct, frozen=True, omit_defaults=True):
    """What all requests have in common.

    `ids` are the keys for which 5.0 is as good as 5. `answer` is the kind of the result.
    """

    action: ClassVar[str]
    changes: ClassVar[bool] = True
    answer: ClassVar[Literal["id", "success", "points", "reservations", "reservation"]] = "success"
    ids: ClassVar[tuple[str, ...]] = ()


class NewChargingStation(Request, frozen=True):
    """Registers a station at a location."""

    action = "newChargingStation"
    answer = "id"

    x: Coordinate = field(name="x_position")
    y: Coordinate = field(name="y_position")


class UpdateChargingStation(Request, frozen=True):
    """Moves a station."""

    action = "updateChargingStation"
    ids = ("chargingStationID",)

    station_id: ID = field(name="chargingStationID")
    x: Coordinate = field(name="x_position")
    y: Coordinate = field(name="y_position")


class DeleteChargingStation(Request, frozen=True):
    """Deletes a station with its points and their reservations."""

    action = "deleteChargingStation"
    ids = ("chargingStationID",)

    station_id: ID = field(name="chargingStationID")


class NewChargingPoint(Request, frozen=True):
    """Registers a point of a station. `power` is in kW, `kwh_price` the price of one kWh."""

    action = "newChargingPoint"
    answer = "id"
    ids = ("chargingStationID",)

    station_id: ID = field(name="chargingStationID")
    power: AboveZero
    kwh_price: ZeroOrMore = field(name="kWhPrice")
    availability: Availability


class UpdateChargingPoint(Request, frozen=True):
    """Changes a point. `power` is in kW, `kwh_price` the price of one kWh."""

    action = "updateChargingPoint"
    ids = ("chargingPointID", "chargingStationID")

    point_id: ID = field(name="chargingPointID")
    station_id: ID = field(name="chargingStationID")
    power: AboveZero
    kwh_price: ZeroOrMore = field(name="kWhPrice")
    availability: Availability


class DeleteChargingPoint(Request, frozen=True):
    """Deletes a point with its reservations."""

    action = "deleteChargingPoint"
    ids = ("chargingPointID", "chargingStationID")

    point_id: ID = field(name="chargingPointID")
    station_id: ID = field(name="chargingStationID")


class ReceiveAllChargingPoints(Request, frozen=True):
    """Lists a station's points."""

    action = "receiveAllChargingPoints"
    changes = False
    answer = "points"
    ids = ("chargingStationID",)

    station_id: ID = field(name="chargingStationID")


class ReceiveAllReservations(Request, frozen=True):
    """Lists a station's scheduled reservations."""

    action = "receiveAllReservations"
    changes = False
    answer = "reservations"
    ids = ("chargingStationID",)

    station_id: ID = field(name="chargingStationID")


class ScheduleReservation(Request, frozen=True):
    """Books a charge at the nearest station. The percentage is of `capacity`, which is in kWh.

    Accounts that are one vehicle may leave out `vehicle_id`.
    """

    action = "scheduleReservation"
    answer = "reservation"
    ids = ("vid",)

    x: Coordinate
    y: Coordinate
    percentage: Percentage = field(name="actualBatteryPercentage")
    capacity: AboveZero = field(name="batteryCapacity")
    vehicle_id: VehicleID | UnsetType = field(name="vid", default=UNSET)


class FindReservation(Request, frozen=True):
    """The scheduled reservation of a vehicle."""

    action = "findReservation"
    changes = False
    answer = "reservation"
    ids = ("vid",)

    vehicle_id: VehicleID | UnsetType = field(name="vid", default=UNSET)


class DeleteReservation(Request, frozen=True):
    """Cancels a vehicle's reservation."""

    action = "deleteReservation"
    ids = ("reservationID", "vehicleID")

    reservation_id: ID = field(name="reservationID")
    vehicle_id: VehicleID | UnsetType = field(name="vehicleID", default=UNSET)


class CountStations(Request, frozen=True):
    """How many stations an account owns."""

    action = "countStations"
    changes = False

    owner: AccountName


class TransferStations(Request, frozen=True):
    """Hands all stations of one account to another. The result is their number."""

    action = "transferStations"

    old: AccountName = field(name="from")
    new: AccountName = field(name="to")


REQUESTS: dict[str, type[Request]] = {
    request.action: request
    for request in (
        NewChargingStation,
        UpdateChargingStation,
        DeleteChargingStation,
        NewChargingPoint,
        UpdateChargingPoint,
        DeleteChargingPoint,
        ReceiveAllChargingPoints,
        ReceiveAllReservations,
        ScheduleReservation,
        FindReservation,
        DeleteReservation,
    )
}
"""The request class of each action, in the order of the contract's table."""

CONTROLS: dict[str, type[Request]] = {
    request.action: request for request in (CountStations, TransferStations)
}
"""The request class of each action that is the administrator's, beside the contract's."""

KINDS: dict[str, type[Request]] = {**REQUESTS, **CONTROLS}

_KEYS: dict[str, tuple[str, ...]] = {
    action: tuple(entry.encode_name for entry in msgspec.structs.fields(request))
    for action, request in KINDS.items()
}

KEYS: dict[str, tuple[str, ...]] = {action: _KEYS[action] for action in REQUESTS}
"""The keys of each action, as they are on the wire."""


def make_request(action: str, values: Mapping[str, Any]) -> Request:
    """The typed request; unknown keys are ignored. BadRequest names the key that is missing or wrong."""
    kind = KINDS[action]
    known = {key: values[key] for key in _KEYS[action] if key in values}
    for key in kind.ids:
        value = known.get(key)
        if isinstance(value, float) and value.is_integer():
            known[key] = int(value)
    for key, value in known.items():
        if isinstance(value, int) and abs(value) > sys.float_info.max:
            raise BadRequest(f"{key} is larger than any number we reckon with")
    try:
        request = msgspec.convert(known, kind)
    except msgspec.ValidationError as error:
        raise BadRequest(_explain(error)) from None
    _check_vehicle(request)
    return request


def fingerprint(action: str, values: Mapping[str, Any]) -> bytes:
    """The same for the same request: the action and the values of its keys, where 5 and 5.0 are the same."""
    known = [(key, _plain(values[key])) for key in _KEYS[action] if key in values]
    return blake2b(msgspec.json.encode((action, known)), digest_size=16).digest()


def raw_fingerprint(action: str, body: bytes) -> bytes:
    """The fingerprint of a body that is no JSON object, and so has no keys to compare."""
    return blake2b(action.encode() + b"\n" + body, digest_size=16).digest()


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_vehicle(request: Request) -> None:
    vehicle_id = getattr(request, "vehicle_id", UNSET)
    if isinstance(vehicle_id, int) and len(str(vehicle_id)) > 128:
        raise BadRequest(f"{request.ids[-1]} has more than 128 characters")


def _explain(error: msgspec.ValidationError) -> str:
    return str(error).replace("Object missing required field ", "missing key ").replace("$.", "")
