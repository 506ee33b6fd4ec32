"""The CSV export of the US Alternative Fuels Data Center (AFDC): one row for each charging station."""

import csv
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from itertools import chain
from typing import Final

from msgspec import Struct

from cloud_service.protocol.connectors import Connector
from recharge.station_import import descriptions

FUEL: Final = "Fuel Type Code"
STATUS: Final = "Status Code"
LATITUDE: Final = "Latitude"
LONGITUDE: Final = "Longitude"
PORTS: Final = ("EV Level1 EVSE Num", "EV Level2 EVSE Num", "EV DC Fast Count")
ROW_ID: Final = "ID"
REQUIRED: Final = (FUEL, STATUS, LATITUDE, LONGITUDE, *PORTS)

ELECTRIC: Final = "ELEC"
OPEN: Final = "E"

MAX_PORTS: Final = 10_000
"""More ports than this at one station are an error in the file."""
MAX_ROWS: Final = 1_000_000
"""The export of a whole country has a tenth of this."""
MAX_NAMED: Final = 10
"""So many invalid rows are named with their lines; more of them are only counted."""

SEPARATORS: Final = ",;\t|"
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""A first line that tells a spreadsheet the separator."""
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)

_KM_PER_DEGREE: Final = 6371.0088 * math.pi / 180


class Skipped(Enum):
    """Why a row is left out."""

    OTHER_FUEL = auto()
    NOT_OPEN = auto()
    NO_PORTS = auto()
    INVALID_PORTS = auto()
    NO_LOCATION = auto()
    AT_ZERO = auto()
    """At 0, 0, in the sea: what a program writes that has no location."""
    REPEATED = auto()


_INVALID: Final = (Skipped.INVALID_PORTS, Skipped.NO_LOCATION, Skipped.AT_ZERO)
"""An open charging station that a correction of the row would add."""


class MissingColumns(ValueError):
    """The file is not an export: it lacks columns. `found` are the ones that it has."""

    def __init__(self, names: Sequence[str], found: Sequence[str]) -> None:
        self.names = tuple(names)
        self.found = _printable(found)
        has = f"the file has {self.found}" if found else "the file is empty"
        super().__init__(f"missing columns: {', '.join(names)}; {has}")


class InvalidLine(ValueError):
    """The file is not CSV."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line} is not valid CSV: {reason}")
        self.line = line


class TooManyRows(ValueError):
    """The file has more stations than an import takes at once."""

    def __init__(self) -> None:
        super().__init__(f"more than {MAX_ROWS:,} stations: split the file")


class Row(Struct, frozen=True):
    """An open charging station, in degrees. `ports` are the numbers of level 1, level 2 and fast ports.

    `connectors` are those of the ports of each kind, as far as the row names them.
    """

    latitude: float
    longitude: float
    ports: tuple[int, int, int]
    name: str | None = None
    address: str | None = None
    connectors: tuple[tuple[Connector, ...], ...] = ((), (), ())


class InvalidRow(Struct, frozen=True):
    """An open station that is left out because its row, which ends in this line, is wrong."""

    line: int
    reason: Skipped


class Export(Struct, frozen=True):
    """The usable rows of a file, how many were left out for each reason, and the first invalid ones."""

    rows: tuple[Row, ...]
    skipped: Mapping[Skipped, int]
    invalid: tuple[InvalidRow, ...] = ()

    @property
    def middle(self) -> tuple[float, float]:
        """The mean latitude and longitude of the rows, in degrees."""
        count = max(1, len(self.rows))
        return sum(row.latitude for row in self.rows) / count, sum(row.longitude for row in self.rows) / count


class Site(Struct, frozen=True):
    """What becomes one station: a location in kilometres, and the number of points of each power in kW.

    `connectors` are those of the points of each power, as far as they are known.
    """

    x: float
    y: float
    points: Mapping[float, int]
    name: str | None = None
    address: str | None = None
    connectors: Mapping[float, tuple[Connector, ...]] = {}


def read_export(lines: Iterable[str]) -> Export:
    """Reads the lines of a file. Raises MissingColumns, InvalidLine or TooManyRows if it is not an export."""
    rows: list[Row] = []
    skipped: Counter[Skipped] = Counter()
    invalid: list[InvalidRow] = []
    seen: set[str] = set()
    for line, values in _records(lines):
        row = _not_open(values) or _repeated(values, seen) or _read_row(values)
        if isinstance(row, Row):
            rows.append(row)
            if len(rows) > MAX_ROWS:
                raise TooManyRows
            continue
        skipped[row] += 1
        if row in _INVALID and len(invalid) < MAX_NAMED:
            invalid.append(InvalidRow(line, row))
    return Export(tuple(rows), skipped, tuple(invalid))


def _records(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows with their line numbers: the values of the columns that an import reads, without blanks."""
    before, header, separator, rest = _find_header(iter(lines))
    reader = csv.reader(chain(header, rest), delimiter=separator, strict=True)
    try:
        columns = _columns(next(reader, []))
        for cells in reader:
            values = {
                name: _plain(cells[index], separator) if index < len(cells) else ""
                for name, index in columns.items()
            }
            if any(map(str.strip, cells)):
                yield before + reader.line_num, values
    except csv.Error as error:
        raise InvalidLine(before + reader.line_num, str(error)) from None


def _find_header(lines: Iterator[str]) -> tuple[int, list[str], str, Iterator[str]]:
    """The number of lines before the header, the header's line, the separator, and the lines after it."""
    before, named = 0, None
    for line in lines:
        if before == 0 and (match := _SEPARATOR_LINE.fullmatch(line.lstrip("\ufeff"))):
            named = match[1]
        elif line.strip():
            return before, [line], named or _separator(line), lines
        before += 1
    return before, [], named or ",", lines


def _separator(header: str) -> str:
    """The separator that gives the most of the columns. Unlike csv.Sniffer, this knows their names."""

    def found(separator: str) -> int:
        try:
            names = {_column_name(cell) for cell in next(csv.reader([header], delimiter=separator))}
        except csv.Error:
            return 0
        return sum(_column_name(name) in names for name in REQUIRED)

    return max(SEPARATORS, key=found)


def _columns(header: Sequence[str]) -> dict[str, int]:
    """Where each column is."""
    places = {_column_name(cell): index for index, cell in reversed(list(enumerate(header)))}
    if missing := [name for name in REQUIRED if _column_name(name) not in places]:
        raise MissingColumns(missing, [cell.strip() for cell in header])
    known = (*REQUIRED, ROW_ID, *descriptions.OPTIONAL)
    return {name: places[_column_name(name)] for name in known if _column_name(name) in places}


def _column_name(cell: str) -> str:
    return " ".join(cell.strip("\ufeff").split()).casefold()


def _printable(names: Sequence[str], most: int = 30, longest: int = 40) -> str:
    shown = ", ".join(
        "".join(letter if letter.isprintable() else "?" for letter in name[:longest]) for name in names[:most]
    )
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _plain(cell: str, separator: str) -> str:
    """The cell without blanks around it. A number with a decimal comma gets a point.

    A comma can only be a decimal one where it does not separate.
    """
    text = cell.strip()
    if separator != "," and text.count(",") == 1:
        number = text.replace(",", ".")
        return number if _NUMBER.fullmatch(number) else text
    return text


def _number(text: str) -> float:
    """Stricter than float(), which takes underscores, and lenient to `2.0` where 2 is meant."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return float(text)


def _not_open(values: Mapping[str, str]) -> Skipped | None:
    if values[FUEL].upper() != ELECTRIC:
        return Skipped.OTHER_FUEL
    return Skipped.NOT_OPEN if values[STATUS].upper() != OPEN else None


def _repeated(values: Mapping[str, str], seen: set[str]) -> Skipped | None:
    row_id = re.sub(r"\A(\d+)\.0*\Z", r"\1", values.get(ROW_ID, ""))
    if row_id in seen:
        return Skipped.REPEATED
    if row_id.casefold() not in descriptions.BLANK:
        seen.add(row_id)
    return None


def _read_row(values: Mapping[str, str]) -> Row | Skipped:
    try:
        level1, level2, fast = (_read_ports(values[name]) for name in PORTS)
    except ValueError:
        return Skipped.INVALID_PORTS
    if level1 + level2 + fast == 0:
        return Skipped.NO_PORTS
    try:
        latitude, longitude = _number(values[LATITUDE]), _number(values[LONGITUDE])
    except ValueError:
        return Skipped.NO_LOCATION
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return Skipped.NO_LOCATION
    if latitude == longitude == 0:
        return Skipped.AT_ZERO
    ports = (level1, level2, fast)
    return Row(
        latitude,
        longitude,
        ports,
        descriptions.read_name(values),
        descriptions.read_address(values),
        descriptions.read_connectors(values, ports),
    )


def _read_ports(text: str) -> int:
    """How many ports; raises ValueError. A table with blank cells makes `2.0` of 2."""
    count = 0.0 if text.casefold() in descriptions.BLANK else _number(text)
    if not (count.is_integer() and 0 <= count <= MAX_PORTS):
        raise ValueError(text)
    return int(count)


def to_sites(
    rows: Iterable[Row], centre: tuple[float, float], powers: tuple[float, float, float]
) -> list[Site]:
    """Makes one site for each location, in order of appearance; the ports of rows at one location add up.

    The name and the address are the first that a row there has.
    `centre` is latitude and longitude in degrees, `powers` are the kW of level 1, level 2 and fast ports.
    """
    found: dict[tuple[float, float], list[Row]] = {}
    for row in rows:
        found.setdefault(project(row.latitude, row.longitude, centre), []).append(row)
    return [_to_site(place, there, powers) for place, there in found.items()]


def _to_site(place: tuple[float, float], rows: Sequence[Row], powers: tuple[float, float, float]) -> Site:
    points: Counter[float] = Counter()
    connectors: dict[float, tuple[Connector, ...]] = {}
    for row in rows:
        for power, count, named in zip(powers, row.ports, row.connectors, strict=True):
            points[power] += count
            if named:
                connectors[power] = connectors.get(power, ()) + named
    return Site(
        *place,
        +points,
        next((row.name for row in rows if row.name), None),
        next((row.address for row in rows if row.address), None),
        connectors,
    )


def project(latitude: float, longitude: float, centre: tuple[float, float]) -> tuple[float, float]:
    """Returns kilometres east and north of the centre (equirectangular projection).

    Rounds to the millimetre, so that every machine computes the same location; the closest real stations
    are 13 cm apart.
    """
    centre_latitude, centre_longitude = centre
    eastward = (longitude - centre_longitude + 180) % 360 - 180
    x = eastward * _KM_PER_DEGREE * math.cos(math.radians(centre_latitude))
    y = (latitude - centre_latitude) * _KM_PER_DEGREE
    return round(x, 6), round(y, 6)


def missing_points(
    wanted: Mapping[float, int], existing: Iterable[float], powers: Iterable[float]
) -> list[float]:
    """Returns the powers, in kW, of the points that a station lacks.

    An existing point counts as the kind of port whose power is nearest to its own. So a port gets no second
    point after somebody changed its power, or when an import uses other powers.
    """
    kinds = sorted(set(powers))
    have = Counter(nearest_kind(power, kinds) for power in existing)
    return [power for power in kinds for _ in range(wanted.get(power, 0) - have[power])]


def nearest_kind(power: float, kinds: Iterable[float]) -> float:
    """The kind of port, by its power in kW, that is nearest to a point's power."""
    return min(sorted(set(kinds)), key=lambda kind: abs(math.log(kind / power)))
