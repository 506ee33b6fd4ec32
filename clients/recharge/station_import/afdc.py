"""The CSV export of the US Alternative Fuels Data Center (AFDC): one row for each charging station."""

import csv
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import Final

from msgspec import Struct

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

_KM_PER_DEGREE: Final = 6371.0088 * math.pi / 180


class Skipped(Enum):
    """Why a row is left out."""

    OTHER_FUEL = auto()
    NOT_OPEN = auto()
    NO_PORTS = auto()
    INVALID_PORTS = auto()
    NO_LOCATION = auto()
    REPEATED = auto()


class MissingColumns(ValueError):
    """The file is not an export: it lacks columns."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"missing columns: {', '.join(names)}")
        self.names = tuple(names)


class InvalidLine(ValueError):
    """The file is not CSV."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line} is not valid CSV: {reason}")
        self.line = line


class Row(Struct, frozen=True):
    """An open charging station, in degrees. `ports` are the numbers of level 1, level 2 and fast ports."""

    latitude: float
    longitude: float
    ports: tuple[int, int, int]


class Export(Struct, frozen=True):
    """The usable rows of a file, and how many were left out for each reason."""

    rows: tuple[Row, ...]
    skipped: Mapping[Skipped, int]

    @property
    def middle(self) -> tuple[float, float]:
        """The mean latitude and longitude of the rows, in degrees."""
        count = max(1, len(self.rows))
        return sum(row.latitude for row in self.rows) / count, sum(row.longitude for row in self.rows) / count


class Site(Struct, frozen=True):
    """What becomes one station: a location in kilometres, and the number of points of each power in kW."""

    x: float
    y: float
    points: Mapping[float, int]


def read_export(lines: Iterable[str]) -> Export:
    """Reads the lines of a file. Raises MissingColumns or InvalidLine when it is not an export."""
    rows: list[Row] = []
    skipped: Counter[Skipped] = Counter()
    seen: set[str] = set()
    for values in _records(lines):
        row = _not_open(values) or _repeated(values, seen) or _read_row(values)
        if isinstance(row, Row):
            rows.append(row)
        else:
            skipped[row] += 1
    return Export(tuple(rows), skipped)


def _records(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    reader = csv.DictReader(lines, restval="", strict=True)
    try:
        missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
        if missing:
            raise MissingColumns(missing)
        yield from reader
    except csv.Error as error:
        raise InvalidLine(reader.reader.line_num, str(error)) from None


def _not_open(values: Mapping[str, str]) -> Skipped | None:
    if values[FUEL].strip() != ELECTRIC:
        return Skipped.OTHER_FUEL
    return Skipped.NOT_OPEN if values[STATUS].strip() != OPEN else None


def _repeated(values: Mapping[str, str], seen: set[str]) -> Skipped | None:
    row_id = values.get(ROW_ID, "").strip()
    if row_id in seen:
        return Skipped.REPEATED
    if row_id:
        seen.add(row_id)
    return None


def _read_row(values: Mapping[str, str]) -> Row | Skipped:
    try:
        level1, level2, fast = (int(values[name].strip() or "0") for name in PORTS)
    except ValueError:
        return Skipped.INVALID_PORTS
    if min(level1, level2, fast) < 0 or max(level1, level2, fast) > MAX_PORTS:
        return Skipped.INVALID_PORTS
    if level1 + level2 + fast == 0:
        return Skipped.NO_PORTS
    try:
        latitude, longitude = float(values[LATITUDE]), float(values[LONGITUDE])
    except ValueError:
        return Skipped.NO_LOCATION
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return Skipped.NO_LOCATION
    return Row(latitude, longitude, (level1, level2, fast))


def to_sites(
    rows: Iterable[Row], centre: tuple[float, float], powers: tuple[float, float, float]
) -> list[Site]:
    """Makes one site for each location, in order of appearance; the ports of rows at one location add up.

    `centre` is latitude and longitude in degrees, `powers` are the kW of level 1, level 2 and fast ports.
    """
    found: dict[tuple[float, float], Counter[float]] = {}
    for row in rows:
        points = found.setdefault(project(row.latitude, row.longitude, centre), Counter())
        for power, count in zip(powers, row.ports, strict=True):
            points[power] += count
    return [Site(x, y, +points) for (x, y), points in found.items()]


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
    have = Counter(min(kinds, key=lambda kind: abs(math.log(kind / power))) for power in existing)
    return [power for power in kinds for _ in range(wanted.get(power, 0) - have[power])]
