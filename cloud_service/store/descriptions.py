"""`descriptions.json`: names and addresses of stations and connectors of points, which people gave them.

The three files for people do not have them, because their keys are fixed.
"""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from cloud_service.core.tables import Tables
from cloud_service.store.filesystem import Folder, replace_file
from cloud_service.store.names import DESCRIPTIONS
from cloud_service.store.own_files import read_own_file, rows


class Descriptions(Struct, forbid_unknown_fields=True):
    """The records that have a description."""

    stations: list[tuple[int, str | None, str | None]]
    """Station ID, name, address."""
    points: list[tuple[int, int, str]]
    """Station ID, point ID, connector."""

    def restore(self, tables: Tables) -> None:
        """Completes records as the three files have them. Records that are gone stay gone."""
        for station_id, name, address in self.stations:
            station = tables.stations.get(station_id)
            if station is not None:
                tables.stations[station_id] = replace(station, name=name, address=address)
        for station_id, point_id, connector in self.points:
            point = tables.points.get((station_id, point_id))
            if point is not None:
                tables.points[point.key] = replace(point, connector=connector)


def read_descriptions(folder: Folder) -> Descriptions:
    """The folder's descriptions. Raises DamagedStore, and OSError if there is no such file."""
    return read_own_file(folder, DESCRIPTIONS, Descriptions)


def write_descriptions(folder: Folder, tables: Tables) -> None:
    """Replaces the file in one step. Raises OSError."""
    replace_file(folder, DESCRIPTIONS, _pieces(tables))


def _pieces(tables: Tables) -> Iterator[bytes]:
    """Descriptions as JSON, a row a line, without ever holding all of it."""
    yield b'{"stations":['
    yield from rows(
        (station.station_id, station.name, station.address)
        for station in tables.stations.values()
        if station.name is not None or station.address is not None
    )
    yield b'],\n"points":['
    yield from rows(
        (*point.key, point.connector) for point in tables.points.values() if point.connector is not None
    )
    yield b"]}\n"
