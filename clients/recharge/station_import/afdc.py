"""Charging stations as the US Alternative Fuels Data Center exports them, one row a station, as CSV."""

import csv
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
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

OTHER_FUEL: Final = "another fuel"
NOT_OPEN: Final = "not open"
NO_PORTS: Final = "no charging ports"
BAD_PORTS: Final = "ports that are no number"
NO_LOCATION: Final = "no usable location"
REPEATED: Final = "the same row again"
REASONS: Final = (OTHER_FUEL, NOT_OPEN, NO_PORTS, BAD_PORTS, NO_LOCATION, REPEATED)
"""Why rows are left out."""

MOST_PORTS: Final = 10_000
"""A number of ports above this, at one station, is a slip."""

_KILOMETRES_A_DEGREE: Final = 6371.0088 * math.pi / 180


class NotAnExport(Exception):
    """The file is no such export. The text says what is wrong with it."""


class Row(Struct, frozen=True):
    """A row that is an open charging station; `ports` are those of level 1, of level 2 and fast ones."""

    latitude: float
    longitude: float
    ports: tuple[int, int, int]


class Export(Struct, frozen=True):
    """A file's rows: what can be used, and how many were left out for which reason."""

    rows: tuple[Row, ...]
    left_out: Mapping[str, int]

    @property
    def middle(self) -> tuple[float, float]:
        """Mean latitude and longitude of the rows, in degrees."""
        count = max(1, len(self.rows))
        return sum(row.latitude for row in self.rows) / count, sum(row.longitude for row in self.rows) / count


class Site(Struct, frozen=True):
    """What becomes one station: a location in kilometres, and how many points of which power (kW) it has."""

    x: float
    y: float
    points: Mapping[float, int]


def read_export(lines: Iterable[str]) -> Export:
    """Reads the lines of a file. Raises NotAnExport where columns are missing or it is no CSV."""
    rows: list[Row] = []
    left_out: Counter[str] = Counter()
    seen: set[str] = set()
    for values in _records(lines):
        reason = _not_a_station(values) or _repeated(values, seen)
        found = reason or _read_row(values)
        if isinstance(found, Row):
            rows.append(found)
        else:
            left_out[found] += 1
    return Export(tuple(rows), left_out)


def _records(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    reader = csv.DictReader(lines, restval="", strict=True)
    try:
        missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
        if missing:
            raise NotAnExport(f"column missing: {', '.join(missing)}")
        yield from reader
    except csv.Error as error:
        raise NotAnExport(f"line {reader.reader.line_num}: {error}") from None


def _not_a_station(values: Mapping[str, str]) -> str | None:
    if values[FUEL].strip() != ELECTRIC:
        return OTHER_FUEL
    return NOT_OPEN if values[STATUS].strip() != OPEN else None


def _repeated(values: Mapping[str, str], seen: set[str]) -> str | None:
    row_id = values.get(ROW_ID, "").strip()
    if row_id in seen:
        return REPEATED
    if row_id:
        seen.add(row_id)
    return None


def _read_row(values: Mapping[str, str]) -> Row | str:
    try:
        level1, level2, fast = (int(values[name].strip() or "0") for name in PORTS)
    except ValueError:
        return BAD_PORTS
    if min(level1, level2, fast) < 0 or max(level1, level2, fast) > MOST_PORTS:
        return BAD_PORTS
    if level1 + level2 + fast == 0:
        return NO_PORTS
    try:
        latitude, longitude = float(values[LATITUDE]), float(values[LONGITUDE])
    except ValueError:
        return NO_LOCATION
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return NO_LOCATION
    return Row(latitude, longitude, (level1, level2, fast))


def sites(rows: Iterable[Row], centre: tuple[float, float], powers: tuple[float, float, float]) -> list[Site]:
    """One site a location, in order of appearance; rows at the same location add up.

    `centre` is latitude and longitude in degrees, `powers` are the kW of level 1, level 2 and fast ports.
    """
    found: dict[tuple[float, float], Counter[float]] = {}
    for row in rows:
        points = found.setdefault(project(row.latitude, row.longitude, centre), Counter())
        for power, count in zip(powers, row.ports, strict=True):
            points[power] += count
    return [Site(x, y, +points) for (x, y), points in found.items()]


def project(latitude: float, longitude: float, centre: tuple[float, float]) -> tuple[float, float]:
    """Kilometres east and north of the centre (equirectangular), to the millimetre.

    Real stations stand 13 cm apart; rounding makes the same location the same number on every machine.
    """
    middle_latitude, middle_longitude = centre
    eastward = (longitude - middle_longitude + 180) % 360 - 180
    x = eastward * _KILOMETRES_A_DEGREE * math.cos(math.radians(middle_latitude))
    y = (latitude - middle_latitude) * _KILOMETRES_A_DEGREE
    return round(x, 6), round(y, 6)


def missing_points(
    wanted: Mapping[float, int], there: Iterable[float], powers: Iterable[float]
) -> list[float]:
    """The powers (kW) of the points to add, so that a station has as many of each kind as wanted.

    A point that is there counts for the kind whose power is nearest to its own: whoever changed a point's
    power since, or imports with other powers, gets no second point for the same port.
    """
    kinds = sorted(set(powers))
    have = Counter(min(kinds, key=lambda kind: abs(math.log(kind / power))) for power in there)
    return [power for power in kinds for _ in range(wanted.get(power, 0) - have[power])]
