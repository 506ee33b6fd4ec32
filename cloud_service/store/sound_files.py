"""Decodes the three JSON files as the service writes them, all records at once, which is fast.

Whatever else a file may hold is for json_files.py, which knows what can be used and says what is wrong.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from operator import attrgetter, le
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from cloud_service.core.numbers import Number
from cloud_service.core.records import Availability, Point, Reservation, Station

_LARGEST: Final = 2**53
"""Floats can tell the integers up to here from one another. json_files.py looks at larger ones."""

_ID: TypeAlias = Annotated[int, Meta(ge=1, le=_LARGEST)]
_Coordinate: TypeAlias = Annotated[int, Meta(ge=-_LARGEST, le=_LARGEST)] | float
_AboveZero: TypeAlias = Annotated[int, Meta(gt=0, le=_LARGEST)] | Annotated[float, Meta(gt=0)]
_NotNegative: TypeAlias = Annotated[int, Meta(ge=0, le=_LARGEST)] | Annotated[float, Meta(ge=0)]

Item = TypeVar("Item", bound=Struct)


class NotSound(ValueError):
    """The file is not as the service writes it, although it may be used."""


class _Station(Struct, gc=False, forbid_unknown_fields=True):
    station_id: _ID = field(name="chargingStationID")
    x: _Coordinate = field(name="x_position")
    y: _Coordinate = field(name="y_position")


class _Point(Struct, gc=False, forbid_unknown_fields=True):
    point_id: _ID = field(name="chargingPointID")
    station_id: _ID = field(name="chargingStationID")
    power: _AboveZero
    kwh_price: _NotNegative = field(name="kWhPrice")
    availability: Availability


class _Reservation(Struct, gc=False, forbid_unknown_fields=True):
    reservation_id: _ID = field(name="reservationID")
    station_id: _ID = field(name="chargingStationID")
    point_id: _ID = field(name="chargingPointID")
    power: _AboveZero = field(name="chargingPointPower")
    kwh_price: _NotNegative = field(name="kWhPrice")
    vehicle_id: int | str = field(name="vehicleID")
    start: str = field(name="startDateTime")
    finish: str = field(name="finishDateTime")
    duration: _NotNegative
    price: _NotNegative


class SharedNumbers:
    """Gives equal numbers as one object: each object takes as much memory as four fields of a record."""

    def __init__(self) -> None:
        self._ids: dict[int, int] = {}
        self._floats: dict[float, float] = {}

    def ids(self, ids: list[int]) -> Iterator[int]:
        """IDs of stations: a station and its points and their reservations have the same."""
        return map(self._ids.setdefault, ids, ids)

    def numbers(self, numbers: Iterable[Number]) -> list[Number]:
        """Prices and the like. 5 and 5.0 stay apart although they are equal, and so do 0.0 and -0.0."""
        share = self._floats.setdefault
        return [share(each, each) if each and type(each) is float else each for each in numbers]


def sound_stations(data: bytes, shared: SharedNumbers) -> list[Station]:
    """The stations in the content of their file. Raises ValueError if it is not as the service writes it."""
    items = msgspec.json.decode(data, type=list[_Station])
    _refuse_repeated_keys(data, _Station, items)
    ids, *position = _columns(items, _Station)
    return list(map(Station, shared.ids(ids), *position))


def sound_points(data: bytes, shared: SharedNumbers) -> list[Point]:
    """The same for points."""
    items = msgspec.json.decode(data, type=list[_Point])
    _refuse_repeated_keys(data, _Point, items, texts=len(items))
    ids, station_ids, powers, prices, availabilities = _columns(items, _Point)
    numbers = map(shared.numbers, (powers, prices))
    return list(map(Point, ids, shared.ids(station_ids), *numbers, availabilities))


def sound_reservations(data: bytes, shared: SharedNumbers) -> list[Reservation]:
    """The same for reservations."""
    items = msgspec.json.decode(data, type=list[_Reservation])
    columns = _columns(items, _Reservation)
    ids, station_ids, point_ids, powers, prices, vehicles, *dates, durations, totals = columns
    names = sum(type(vehicle) is str for vehicle in vehicles)
    _refuse_repeated_keys(data, _Reservation, items, texts=names + 2 * len(items))
    starts, finishes = (list(map(datetime.fromisoformat, texts)) for texts in dates)
    if not all(moment.tzinfo is UTC for moment in chain(starts, finishes)):
        raise NotSound("a date is not in UTC")
    if not all(map(le, starts, finishes)):
        raise NotSound("a reservation finishes before it starts")
    numbers = map(shared.numbers, (powers, prices))
    ended = map(shared.numbers, (durations, totals))
    place = (shared.ids(station_ids), point_ids)
    return list(map(Reservation, ids, *place, *numbers, vehicles, starts, finishes, *ended))


def _columns(items: list[Item], kind: type[Item]) -> list[list[Any]]:
    """The values of each field."""
    return [list(map(attrgetter(name), items)) for name in kind.__struct_fields__]


def _refuse_repeated_keys(data: bytes, kind: type[Item], items: list[Item], texts: int = 0) -> None:
    """Raises NotSound if an item may have a key twice: of those, the decoder takes the last without a word.

    `texts` is how many values are texts. Each item has each key at least once, and keys and texts have two
    quotes each, so that more quotes are more keys.
    """
    keys = len(kind.__struct_fields__) * len(items)
    if b"\\" in data or data.count(b'"') != 2 * (keys + texts):
        raise NotSound("a key may stand twice, or a text has something escaped")
