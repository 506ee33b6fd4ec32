"""The keys of each action: one frozen class for each kind of request.

`make_request` checks all values, so every instance is a valid request. actions.py has the table of actions.
"""

import json
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias, TypeVar, get_args, get_origin

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from cloud_service.protocol.connectors import Connector
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.roles import NAME_PATTERN

LONGEST_NAME: Final = 128
"""Characters of a station's name."""
LONGEST_ADDRESS: Final = 256
"""Characters of a station's address."""

_SHOWN_CHARACTERS: Final = 40
"""How much of a wrong value an error repeats."""
_KEY_OF_ERROR: Final = re.compile(r" - at `\$\.(\w+)[^`]*`\Z")
_MISSING_KEY: Final = re.compile(r"Object missing required field `(\w+)`")

# A description completes the sentence "KEY must be ...", which a client gets that sends another value.
ID: TypeAlias = Annotated[int, Meta(ge=1, description="an integer from 1")]
Coordinate: TypeAlias = Annotated[int | float, Meta(description="a number")]
AboveZero: TypeAlias = Annotated[
    Annotated[int, Meta(gt=0)] | Annotated[float, Meta(gt=0)], Meta(description="a number above 0")
]
ZeroOrMore: TypeAlias = Annotated[
    Annotated[int, Meta(ge=0)] | Annotated[float, Meta(ge=0)], Meta(description="a number of 0 or more")
]
Percentage: TypeAlias = Annotated[
    Annotated[int, Meta(ge=0, lt=100)] | Annotated[float, Meta(ge=0, lt=100)],
    Meta(description="a number from 0 up to, but not including, 100"),
]
VehicleID: TypeAlias = Annotated[
    int | Annotated[str, Meta(min_length=1, max_length=128, pattern=r"\A[^\x00-\x1f\x7f-\x9f]*\Z")],
    Meta(description="an integer or a text of 1 to 128 characters without control characters"),
]
AccountName: TypeAlias = Annotated[
    str,
    Meta(pattern=rf"\A{NAME_PATTERN}\Z", description="an account's name: 1 to 64 of A-Z, a-z, 0-9, _ and -"),
]
PageLimit: TypeAlias = Annotated[int, Meta(ge=1, le=1000, description="an integer from 1 to 1000")]
PageOffset: TypeAlias = Annotated[int, Meta(ge=0, description="an integer of 0 or more")]
Availability: TypeAlias = Literal["livre", "ocupado", "reservado"]
Flag: TypeAlias = Annotated[bool, Meta(description="true or false")]
Energy: TypeAlias = ZeroOrMore
Hours: TypeAlias = Annotated[
    Annotated[int, Meta(gt=0, le=720)] | Annotated[float, Meta(gt=0, le=720)],
    Meta(description="a number of hours above 0 and of 720 at most"),
]
Moment: TypeAlias = Annotated[
    datetime, Meta(tz=True, description="a moment in ISO 8601 with an offset, such as 2026-03-01T12:00:00Z")
]
ObjectiveName: TypeAlias = Literal["nearest", "earliest", "soonest", "cheapest"]
OfferCount: TypeAlias = Annotated[int, Meta(ge=1, le=10, description="an integer from 1 to 10")]
TimeOfDay: TypeAlias = Annotated[str, Meta(pattern=r"\A([01][0-9]|2[0-3]):[0-5][0-9]\Z")]
DayOfWeek: TypeAlias = Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
StationName: TypeAlias = Annotated[
    str,
    Meta(max_length=LONGEST_NAME, description=f"a text of at most {LONGEST_NAME} characters, or null"),
]
Address: TypeAlias = Annotated[
    str,
    Meta(max_length=LONGEST_ADDRESS, description=f"a text of at most {LONGEST_ADDRESS} characters, or null"),
]


class TariffElement(Struct, frozen=True, omit_defaults=True):
    """A price of a kWh, and when it counts, in terms of OCPI. Left out: no such restriction."""

    kwh_price: ZeroOrMore = field(name="kWhPrice")
    start_time: TimeOfDay | None = None
    end_time: TimeOfDay | None = None
    day_of_week: tuple[DayOfWeek, ...] = ()


Tariff: TypeAlias = Annotated[
    tuple[TariffElement, ...],
    Meta(
        max_length=50,
        description="a list of at most 50 elements with kWhPrice and, optional, start_time and end_time"
        ' ("HH:MM") and day_of_week (["MONDAY", ...])',
    ),
]


class Request(Struct, frozen=True, omit_defaults=True):
    """What an action needs to know. Encoded, it has the contract's keys."""

    integers: ClassVar[tuple[str, ...]] = ()
    """The keys that accept 5.0 for 5."""
    mqtt_only: ClassVar[tuple[str, ...]] = ()
    """Optional keys that the legacy protocol does not have: there, they are unknown keys."""


AnyRequest = TypeVar("AnyRequest", bound=Request)


class NewChargingStation(Request, frozen=True):
    """Registers a station at a location."""

    mqtt_only = ("name", "address")

    x: Coordinate = field(name="x_position")
    y: Coordinate = field(name="y_position")
    name: StationName | UnsetType | None = UNSET
    address: Address | UnsetType | None = UNSET


class UpdateChargingStation(Request, frozen=True):
    """Moves a station, and describes it."""

    integers = ("chargingStationID",)
    mqtt_only = ("name", "address")

    station_id: ID = field(name="chargingStationID")
    x: Coordinate = field(name="x_position")
    y: Coordinate = field(name="y_position")
    name: StationName | UnsetType | None = UNSET
    address: Address | UnsetType | None = UNSET


class DeleteChargingStation(Request, frozen=True):
    """Deletes a station with its points and their reservations."""

    integers = ("chargingStationID",)

    station_id: ID = field(name="chargingStationID")


class NewChargingPoint(Request, frozen=True):
    """Registers a point of a station. `power` is in kW, `kwh_price` the price of one kWh."""

    integers = ("chargingStationID",)
    mqtt_only = ("connector", "operational", "tariff")

    station_id: ID = field(name="chargingStationID")
    power: AboveZero
    kwh_price: ZeroOrMore = field(name="kWhPrice")
    availability: Availability
    connector: Connector | UnsetType | None = UNSET
    operational: Flag | UnsetType = UNSET
    tariff: Tariff | UnsetType | None = UNSET


class UpdateChargingPoint(Request, frozen=True):
    """Changes a point. `power` is in kW, `kwh_price` the price of one kWh."""

    integers = ("chargingPointID", "chargingStationID")
    mqtt_only = ("connector", "operational", "tariff")

    point_id: ID = field(name="chargingPointID")
    station_id: ID = field(name="chargingStationID")
    power: AboveZero
    kwh_price: ZeroOrMore = field(name="kWhPrice")
    availability: Availability
    connector: Connector | UnsetType | None = UNSET
    operational: Flag | UnsetType = UNSET
    tariff: Tariff | UnsetType | None = UNSET


class DeleteChargingPoint(Request, frozen=True):
    """Deletes a point with its reservations."""

    integers = ("chargingPointID", "chargingStationID")

    point_id: ID = field(name="chargingPointID")
    station_id: ID = field(name="chargingStationID")


class ReceiveAllChargingPoints(Request, frozen=True):
    """Lists a station's points, or a page of the list."""

    integers = ("chargingStationID", "limit", "offset")
    mqtt_only = ("limit", "offset")

    station_id: ID = field(name="chargingStationID")
    limit: PageLimit | UnsetType = UNSET
    offset: PageOffset | UnsetType = UNSET


class ReceiveAllReservations(Request, frozen=True):
    """Lists the scheduled reservations of a station, or of one of its points, or a page of the list."""

    integers = ("chargingStationID", "chargingPointID", "limit", "offset")
    mqtt_only = ("chargingPointID", "limit", "offset")

    station_id: ID = field(name="chargingStationID")
    point_id: ID | UnsetType = field(name="chargingPointID", default=UNSET)
    limit: PageLimit | UnsetType = UNSET
    offset: PageOffset | UnsetType = UNSET


class Booking(Request, frozen=True):
    """What a booking and a quote ask for. The battery holds `percentage` of `capacity` (kWh).

    An account that is itself a vehicle may leave out `vehicle_id`. The keys after it are wishes: `speed` is
    in km/h, `range_km` and `max_distance` in kilometres, `min_power` in kW, `max_price` is that of one kWh.
    """

    integers: ClassVar[tuple[str, ...]] = ("chargingStationID", "chargingPointID", "vid")
    mqtt_only = (
        "objective",
        "speed",
        "range",
        "maxDistance",
        "minPower",
        "maxPrice",
        "notBefore",
        "chargingStationID",
        "chargingPointID",
        "connector",
        "flexible",
    )

    x: Coordinate
    y: Coordinate
    percentage: Percentage = field(name="actualBatteryPercentage")
    capacity: AboveZero = field(name="batteryCapacity")
    vehicle_id: VehicleID | UnsetType = field(name="vid", default=UNSET)
    objective: ObjectiveName | UnsetType = UNSET
    speed: AboveZero | UnsetType = UNSET
    range_km: ZeroOrMore | UnsetType = field(name="range", default=UNSET)
    max_distance: ZeroOrMore | UnsetType = field(name="maxDistance", default=UNSET)
    min_power: ZeroOrMore | UnsetType = field(name="minPower", default=UNSET)
    max_price: ZeroOrMore | UnsetType = field(name="maxPrice", default=UNSET)
    not_before: Moment | UnsetType = field(name="notBefore", default=UNSET)
    station_id: ID | UnsetType = field(name="chargingStationID", default=UNSET)
    point_id: ID | UnsetType = field(name="chargingPointID", default=UNSET)
    connector: Connector | UnsetType = UNSET
    flexible: Flag | UnsetType = UNSET

    @property
    def has_no_wishes(self) -> bool:
        """Whether none of the keys for wishes was given."""
        return _wishes(self) == _NO_WISHES


_KEYS_OF_WISHES: Final = Booking.__struct_fields__[Booking.__struct_fields__.index("vehicle_id") + 1 :]
_NO_WISHES: Final = (UNSET,) * len(_KEYS_OF_WISHES)
_wishes = attrgetter(*_KEYS_OF_WISHES)


class ScheduleReservation(Booking, frozen=True):
    """Books a charge."""


class QuoteReservation(Booking, frozen=True):
    """Asks what could be booked, and books nothing."""

    integers = ("chargingStationID", "chargingPointID", "offers", "vid")

    offers: OfferCount | UnsetType = UNSET


class FindReservation(Request, frozen=True):
    """Finds the scheduled reservation of a vehicle."""

    integers = ("vid",)

    vehicle_id: VehicleID | UnsetType = field(name="vid", default=UNSET)


class DeleteReservation(Request, frozen=True):
    """Cancels a vehicle's reservation."""

    integers = ("reservationID", "vehicleID")

    reservation_id: ID = field(name="reservationID")
    vehicle_id: VehicleID | UnsetType = field(name="vehicleID", default=UNSET)


class StartCharging(Request, frozen=True):
    """Tells that a vehicle has begun to charge at a point. `hours` is how long a vehicle without a
    reservation is expected to."""

    integers = ("chargingStationID", "chargingPointID", "vehicleID")

    station_id: ID = field(name="chargingStationID")
    point_id: ID = field(name="chargingPointID")
    vehicle_id: VehicleID | UnsetType = field(name="vehicleID", default=UNSET)
    hours: Hours | UnsetType = UNSET


class FinishCharging(Request, frozen=True):
    """Tells that the vehicle has gone. `energy` is what was charged, in kWh."""

    integers = ("chargingStationID", "chargingPointID")

    station_id: ID = field(name="chargingStationID")
    point_id: ID = field(name="chargingPointID")
    energy: Energy | UnsetType = UNSET


class MeterCharging(Request, frozen=True):
    """Tells what the session at a point has charged so far, in kWh, and its power of now, in kW."""

    integers = ("chargingStationID", "chargingPointID")

    station_id: ID = field(name="chargingStationID")
    point_id: ID = field(name="chargingPointID")
    energy: Energy
    power: ZeroOrMore | UnsetType = UNSET


class RecordCharging(Request, frozen=True):
    """Tells of a charge that is over, of which its charger could not tell before. `energy` is in kWh."""

    integers = ("chargingStationID", "chargingPointID", "vehicleID")

    station_id: ID = field(name="chargingStationID")
    point_id: ID = field(name="chargingPointID")
    start: Moment = field(name="startDateTime")
    finish: Moment = field(name="finishDateTime")
    energy: Energy
    vehicle_id: VehicleID | UnsetType = field(name="vehicleID", default=UNSET)


class CancelReservation(Request, frozen=True):
    """Cancels a reservation at a point, for its charger."""

    integers = ("chargingStationID", "chargingPointID", "reservationID")

    station_id: ID = field(name="chargingStationID")
    point_id: ID = field(name="chargingPointID")
    reservation_id: ID = field(name="reservationID")


class CountStations(Request, frozen=True):
    """Counts the stations of an account."""

    owner: AccountName


class TransferStations(Request, frozen=True):
    """Hands all stations of one account over to another. The result is their number."""

    old: AccountName = field(name="from")
    new: AccountName = field(name="to")


class CancelBooking(Request, frozen=True):
    """Cancels the reservation of an account that is removed. The result is how many it had: 0 or 1."""

    vehicle: AccountName


def keys_of(kind: type[Request]) -> tuple[str, ...]:
    """The keys of a kind of request, as they are in JSON."""
    return kind.__struct_encode_fields__


def make_request(kind: type[AnyRequest], values: Mapping[str, Any]) -> AnyRequest:
    """Makes a valid request of a JSON object's values, and ignores unknown keys.

    Raises BadRequest, which names the key that is missing or wrong.
    """
    known = {key: values[key] for key in keys_of(kind) if key in values}
    for key in kind.integers:
        value = known.get(key)
        if isinstance(value, float) and value.is_integer():
            known[key] = int(value)
    for key, value in known.items():
        if _holds_beyond_double(value):
            raise BadRequest(f"{key} is out of range: the largest number is about 1.8e308")
    try:
        request = msgspec.convert(known, kind)
    except msgspec.ValidationError as error:
        raise BadRequest(_explain(error, kind, known)) from None
    _check_vehicle(request)
    return request


def _holds_beyond_double(value: Any) -> bool:
    """Whether an integer, there or within, is larger than any double: files could not be read back."""
    if isinstance(value, list):
        return any(map(_holds_beyond_double, value))
    if isinstance(value, dict):
        return any(map(_holds_beyond_double, value.values()))
    return isinstance(value, int) and abs(value) > sys.float_info.max


def _check_vehicle(request: Request) -> None:
    vehicle_id = getattr(request, "vehicle_id", UNSET)
    if isinstance(vehicle_id, int) and len(str(vehicle_id)) > 128:
        raise BadRequest(f"{request.integers[-1]} is longer than 128 characters")


def _explain(error: msgspec.ValidationError, kind: type[Request], values: Mapping[str, Any]) -> str:
    """Says what is wrong in the words of the protocol: msgspec's own name the types of Python."""
    wrong = _KEY_OF_ERROR.search(str(error))
    if wrong is None:
        missing = _MISSING_KEY.match(str(error))
        assert missing is not None, f"neither a wrong nor a missing key: {error}"
        return f"missing key `{missing[1]}`"
    key = wrong[1]
    return f"{key} must be {_descriptions(kind)[key]}, not {_shown(values[key])}"


@cache
def _descriptions(kind: type[Request]) -> dict[str, str]:
    """What each key of this kind of request must be."""
    return {field.encode_name: _description(field.type) for field in msgspec.structs.fields(kind)}


def _description(annotation: Any) -> str:
    """The description within an annotation, which may be one side of a union with UnsetType."""
    if get_origin(annotation) is Literal:
        return f"one of {', '.join(get_args(annotation))}"
    for note in getattr(annotation, "__metadata__", ()):
        if isinstance(note, Meta) and note.description is not None:
            return note.description
    return next(filter(None, map(_description, get_args(annotation))), "")


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
