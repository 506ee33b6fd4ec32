"""`owners_and_ids.json`: what the service knows of records, and the three files for people do not have."""

from collections.abc import Iterator

from msgspec import Struct, field
from msgspec.structs import replace

from cloud_service.core.records import GATEWAY
from cloud_service.core.tables import Tables
from cloud_service.store.filesystem import Folder, replace_file
from cloud_service.store.names import OWNERS_AND_IDS
from cloud_service.store.own_files import read_own_file, rows


class OwnersAndIDs(Struct, forbid_unknown_fields=True):
    """Owners, largest IDs given, and which vehicles are MQTT accounts. Other records have the defaults."""

    last_station_id: int = field(name="lastStationID")
    stations: list[tuple[int, str, int]]
    """Station ID, owner, largest point ID given."""
    points: list[tuple[int, int, int]]
    """Station ID, point ID, largest reservation ID given."""
    accounts: list[tuple[int, int, int]]
    """Station, point and reservation ID of each reservation whose vehicle is an MQTT account."""

    def restore(self, tables: Tables) -> None:
        """Completes records as the three files have them. Records that are gone stay gone."""
        tables.last_station_id = max(tables.last_station_id, self.last_station_id)
        owners: dict[str, str] = {}
        for station_id, name, last_point_id in self.stations:
            station = tables.stations.get(station_id)
            if station is not None:
                owner = owners.setdefault(name, name)  # one text for all stations of an owner
                tables.stations[station_id] = replace(station, owner=owner, last_point_id=last_point_id)
        for station_id, point_id, last_reservation_id in self.points:
            point = tables.points.get((station_id, point_id))
            if point is not None:
                tables.points[point.key] = replace(point, last_reservation_id=last_reservation_id)
        for key in self.accounts:
            reservation = tables.reservations.get(key)
            if reservation is not None:
                tables.reservations[key] = replace(reservation, legacy=False)


def read_owners_and_ids(folder: Folder) -> OwnersAndIDs:
    """The folder's owners and IDs; none if the file does not exist. Raises DamagedStore."""
    if OWNERS_AND_IDS in folder.names():
        return read_own_file(folder, OWNERS_AND_IDS, OwnersAndIDs)
    return OwnersAndIDs(0, [], [], [])


def write_owners_and_ids(folder: Folder, tables: Tables) -> None:
    """Replaces the file in one step. Raises OSError."""
    replace_file(folder, OWNERS_AND_IDS, _pieces(tables))


def _pieces(tables: Tables) -> Iterator[bytes]:
    """An OwnersAndIDs as JSON, a row a line, without ever holding all of it."""
    yield b'{"lastStationID":%d,\n"stations":[' % tables.last_station_id
    yield from rows(
        (station.station_id, station.owner, station.last_point_id)
        for station in tables.stations.values()
        if station.owner != GATEWAY or station.last_point_id
    )
    yield b'],\n"points":['
    yield from rows(
        (*point.key, point.last_reservation_id)
        for point in tables.points.values()
        if point.last_reservation_id
    )
    yield b'],\n"accounts":['
    yield from rows(reservation.key for reservation in tables.reservations.values() if not reservation.legacy)
    yield b"]}\n"
