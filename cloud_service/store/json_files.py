"""The three JSON files that people may read and, after a clean stop, edit.

Their form is required: a file that is not a JSON array of objects with the right keys stops the start,
because guessing could lose somebody's data. Their values are checked record by record, because the old
server wrote some that cannot be used: such a record is set aside, and the rest is read.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from itertools import islice
from math import isfinite
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec
from msgspec import Struct, field

from cloud_service.core.numbers import Number
from cloud_service.core.records import FREE, OCCUPIED, RESERVED, Point, Reservation, Station
from cloud_service.language.text import Text
from cloud_service.store.errors import DamagedStore
from cloud_service.store.filesystem import Folder, replace_file
from cloud_service.store.names import POINTS, RESERVATIONS, STATIONS
from cloud_service.store.set_aside import SetAside
from cloud_service.store.sound_files import SharedNumbers, sound_points, sound_reservations, sound_stations

_CHUNK = 100
"""Records encoded at a time, in a tenth of a millisecond: so long nobody else can have the interpreter."""

_CORRECT = Text("Correct the file, or put a backup in its place, and start again; nothing was changed")

Record = TypeVar("Record", Station, Point, Reservation)


class _Item(Protocol):
    """An item as it stands in a file."""

    def record(self, zone: tzinfo | None) -> Any:
        """The record, with dates without an offset in `zone`. Raises ValueError if it cannot be used."""


class _StationItem(Struct, gc=False, forbid_unknown_fields=True):
    station_id: Number = field(name="chargingStationID")
    x: Number = field(name="x_position")
    y: Number = field(name="y_position")

    def record(self, zone: tzinfo | None) -> Station:
        return Station(
            _id("chargingStationID", self.station_id),
            _finite("x_position", self.x),
            _finite("y_position", self.y),
        )


class _PointItem(Struct, gc=False, forbid_unknown_fields=True):
    point_id: Number = field(name="chargingPointID")
    station_id: Number = field(name="chargingStationID")
    power: Number
    kwh_price: Number = field(name="kWhPrice")
    availability: Any

    def record(self, zone: tzinfo | None) -> Point:
        return Point(
            _id("chargingPointID", self.point_id),
            _id("chargingStationID", self.station_id),
            _above_zero("power", self.power),
            _not_negative("kWhPrice", self.kwh_price),
            self.availability if self.availability in (FREE, OCCUPIED, RESERVED) else OCCUPIED,
        )


class _ReservationItem(Struct, gc=False, forbid_unknown_fields=True):
    reservation_id: Number = field(name="reservationID")
    station_id: Number = field(name="chargingStationID")
    point_id: Number = field(name="chargingPointID")
    power: Number = field(name="chargingPointPower")
    kwh_price: Number = field(name="kWhPrice")
    vehicle_id: int | str = field(name="vehicleID")
    start: str = field(name="startDateTime")
    finish: str = field(name="finishDateTime")
    duration: Number
    price: Number

    def record(self, zone: tzinfo | None) -> Reservation:
        start = _moment("startDateTime", self.start, zone)
        finish = _moment("finishDateTime", self.finish, zone)
        if finish < start:
            raise ValueError("the reservation finishes before it starts")
        if _encodable(self.vehicle_id) != self.vehicle_id:
            raise ValueError("vehicleID has half a surrogate pair")
        return Reservation(
            _id("reservationID", self.reservation_id),
            _id("chargingStationID", self.station_id),
            _id("chargingPointID", self.point_id),
            _above_zero("chargingPointPower", self.power),
            _not_negative("kWhPrice", self.kwh_price),
            self.vehicle_id,
            start,
            finish,
            _not_negative("duration", self.duration),
            _not_negative("price", self.price),
        )


class _Object(dict[str, Any]):
    """A JSON object, and one of the keys that it has twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: str | None = None
        if len(self) < len(pairs):
            keys = [key for key, _ in pairs]
            self.repeated = next(key for key in keys if keys.count(key) > 1)


class JsonFile(Generic[Record]):
    """A file with all records of one kind."""

    name: ClassVar[str]
    item: ClassVar[type[_Item]]
    decode_sound: Callable[[bytes, SharedNumbers], list[Record]]

    def __init__(
        self, folder: Folder, zone: tzinfo | None = None, shared: SharedNumbers | None = None
    ) -> None:
        """Dates without an offset are in `zone`; None means the machine's."""
        self._folder = folder
        self._zone = zone
        self._shared = shared or SharedNumbers()

    def write(self, records: Iterable[Record]) -> None:
        """Replaces the file in one step. Raises OSError."""
        replace_file(self._folder, self.name, _indented(record.public() for record in records))

    def read(self) -> tuple[list[Record], list[SetAside]]:
        """The records, and the items that cannot be used, or not with all of their keys.

        A missing file is an empty one. Raises DamagedStore if the file is not a JSON array of objects with
        the keys of its items, each once.
        """
        if self.name not in self._folder.names():
            return [], []
        data = self._folder.read(self.name).removeprefix(b"\xef\xbb\xbf")
        with suppress(msgspec.MsgspecError, ValueError, RecursionError):
            return self.decode_sound(data, self._shared), []
        try:
            items = msgspec.json.decode(data, type=list[self.item])  # type: ignore[name-defined]
            if not self._may_repeat_a_key(data, len(items)):
                return [item.record(self._zone) for item in items], []
        except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
            pass
        return self._read_one_by_one(data)  # slower, and names what is wrong

    @property
    def _keys(self) -> list[str]:
        return [key.encode_name for key in msgspec.structs.fields(self.item)]  # type: ignore[arg-type]

    def _may_repeat_a_key(self, data: bytes, items: int) -> bool:
        """Whether an item may have a key twice: of those, the decoder takes the last without a word.

        Each item has each key at least once, so that counting them is enough, unless one is escaped.
        """
        return b"\\u" in data or any(data.count(f'"{key}"'.encode()) != items for key in self._keys)

    def _read_one_by_one(self, data: bytes) -> tuple[list[Record], list[SetAside]]:
        records: list[Record] = []
        set_aside: list[SetAside] = []
        for row in self._rows(data):
            known = {key: row[key] for key in self._keys}
            try:
                records.append(msgspec.convert(known, self.item).record(self._zone))
            except (msgspec.ValidationError, ValueError, OverflowError) as error:
                set_aside.append(SetAside(self.name, str(error), _encodable(row)))
            else:
                if unknown := sorted(row.keys() - known.keys()):
                    keys = ", ".join(map(repr, unknown))
                    reason = f"used without the keys that the service does not know: {keys}"
                    set_aside.append(SetAside(self.name, reason, _encodable(row), used=True))
        return records, set_aside

    def _rows(self, data: bytes) -> list[_Object]:
        try:
            rows = json.loads(data, parse_constant=_refuse_constant, object_pairs_hook=_Object)
        except json.JSONDecodeError as error:
            place = {"line": error.lineno, "column": error.colno}
            problem = Text("not JSON: {problem}, line {line} column {column}", problem=error.msg, **place)
            raise self._damaged(problem) from None
        except (ValueError, RecursionError) as error:
            raise self._damaged(Text("not JSON: {problem!s:.400}", problem=error)) from None
        if not isinstance(rows, list):
            raise self._damaged(Text("not a JSON array"))
        for number, row in enumerate(rows, 1):
            if not isinstance(row, _Object):
                raise self._damaged(
                    Text("item {number} is not an object: {row!r:.350}", number=number, row=row)
                )
            if row.repeated is not None:
                raise self._damaged(
                    Text("item {number} has the key {key!r:.350} twice", number=number, key=row.repeated)
                )
            for key in self._keys:
                if key not in row:
                    lack = {"number": number, "key": key, "row": row}
                    raise self._damaged(Text("item {number} lacks the key {key!r}: {row!r:.350}", **lack))
        return rows

    def _damaged(self, problem: Text) -> DamagedStore:
        return DamagedStore(self._folder.where(self.name), None, problem, _CORRECT)


class ChargingStationsFile(JsonFile[Station]):
    """`charging_stations.json`: the ID and the location of each station. All belong to the gateway."""

    name = STATIONS
    item = _StationItem
    decode_sound = staticmethod(sound_stations)


class ChargingPointsFile(JsonFile[Point]):
    """`charging_points.json`: power (kW), price (per kWh) and availability of each point.

    An unknown availability reads `ocupado`.
    """

    name = POINTS
    item = _PointItem
    decode_sound = staticmethod(sound_points)


class ReservationsFile(JsonFile[Reservation]):
    """`reservations.json`: each scheduled reservation. All are legacy clients'."""

    name = RESERVATIONS
    item = _ReservationItem
    decode_sound = staticmethod(sound_reservations)


def _indented(rows: Iterator[dict[str, object]]) -> Iterator[bytes]:
    """A JSON array in the old server's layout, in pieces."""
    opening = b"[\n"
    while chunk := list(islice(rows, _CHUNK)):
        yield opening + msgspec.json.format(msgspec.json.encode(chunk), indent=4)[2:-2]
        opening = b",\n"
    yield b"[]\n" if opening == b"[\n" else b"\n]\n"


def _encodable(value: Any) -> Any:
    """The value with half surrogate pairs escaped: JSON can name them, and UTF-8 cannot encode them."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _id(key: str, value: Number) -> int:
    if not isfinite(value) or value < 1 or value != int(value):
        raise ValueError(f"{key} is not an integer above 0: {value!r}")
    return int(value)


def _finite(key: str, value: Number) -> Number:
    if not isfinite(value):
        raise ValueError(f"{key} is not finite: {value!r}")
    return value


def _above_zero(key: str, value: Number) -> Number:
    if value <= 0:
        raise ValueError(f"{key} is not above 0: {value!r}")
    return _finite(key, value)


def _not_negative(key: str, value: Number) -> Number:
    if value < 0:
        raise ValueError(f"{key} is negative: {value!r}")
    return _finite(key, value)


def _moment(key: str, text: str, zone: tzinfo | None) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{key} is not a date: {text!r}") from None
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None and zone is not None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)
