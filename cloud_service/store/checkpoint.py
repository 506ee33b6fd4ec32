"""What the service keeps for itself beside the three files: how far they go, owners, IDs given."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, TypeVar

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from cloud_service.core.changes import Event
from cloud_service.core.network import Tables
from cloud_service.core.records import GATEWAY
from cloud_service.store.errors import DamagedStore
from cloud_service.store.filesystem import Folder, replace_file
from cloud_service.store.journal import RESTORE, Mark

CHECKPOINT: Final = "checkpoint.json"
KEEPING: Final = "owners_and_ids.json"
FORMAT: Final = 1

Kept = TypeVar("Kept")


class _Version(Struct):
    """What is read of a checkpoint before all else: another version may have other fields."""

    format: int = FORMAT


class Checkpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """What the files beside it include. The journal from `segment` on holds what came after."""

    format: int = FORMAT
    sequence: int = 0
    checksum: str = "00000000"
    segment: int = 1
    delivered: int = field(name="told", default=0)
    pending_events: tuple[tuple[int, Event], ...] = field(name="untold", default=())
    """Events that the broker has not taken yet, with the sequence number of their batch."""
    sizes: dict[str, int] = field(default_factory=dict)
    """How many bytes count of each file that only grows."""
    at: datetime | None = None

    @property
    def mark(self) -> Mark:
        return Mark(self.sequence, self.checksum)


class OwnersAndIDs(Struct, forbid_unknown_fields=True):
    """What the three files do not tell, in rows that start with IDs; what is not here has the defaults."""

    last_station_id: int = field(name="lastStationID", default=0)
    stations: list[tuple[int, str, int]] = field(default_factory=list)
    """Station, owner, largest point ID given."""
    points: list[tuple[int, int, int]] = field(default_factory=list)
    """Station, point, largest reservation ID given."""
    accounts: list[tuple[int, int, int]] = field(default_factory=list)
    """Station, point, reservation: those whose vehicle is an MQTT account."""

    def restore(self, tables: Tables) -> None:
        """Adds what is kept to records as they come from the three files."""
        tables.last_station_id = max(tables.last_station_id, self.last_station_id)
        for station_id, owner, last_point_id in self.stations:
            station = tables.stations.get(station_id)
            if station is not None:
                tables.stations[station_id] = replace(station, owner=owner, last_point_id=last_point_id)
        for station_id, point_id, last_reservation_id in self.points:
            point = tables.points.get((station_id, point_id))
            if point is not None:
                tables.points[point.key] = replace(point, last_reservation_id=last_reservation_id)
        for key in self.accounts:
            reservation = tables.reservations.get(key)
            if reservation is not None:
                tables.reservations[key] = replace(reservation, legacy=False)


def read_checkpoint(folder: Folder) -> Checkpoint:
    """The folder's checkpoint; an empty one where the service never wrote here."""
    if CHECKPOINT not in folder.names():
        return Checkpoint()
    version = decode(folder, CHECKPOINT, _Version).format
    if version != FORMAT:
        raise DamagedStore(
            folder.where(CHECKPOINT),
            None,
            f"written in format {version}, and this version reads format {FORMAT}",
            "Start the version that wrote it, or a newer one",
        )
    return decode(folder, CHECKPOINT, Checkpoint)


def write_checkpoint(folder: Folder, checkpoint: Checkpoint) -> None:
    replace_file(folder, CHECKPOINT, [msgspec.json.format(msgspec.json.encode(checkpoint), indent=4), b"\n"])


def read_keeping(folder: Folder) -> OwnersAndIDs:
    """None yet without a checkpoint; with one it must be there, or the stations would be anybody's."""
    if KEEPING in folder.names():
        return decode(folder, KEEPING, OwnersAndIDs)
    if CHECKPOINT in folder.names():
        problem = "missing: it says whose the stations are, and which IDs were given"
        raise DamagedStore(folder.where(KEEPING), None, problem, RESTORE)
    return OwnersAndIDs()


def write_keeping(folder: Folder, tables: Tables) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"lastStationID":%d,\n"stations":[' % tables.last_station_id
        yield from _rows(
            (station.station_id, station.owner, station.last_point_id)
            for station in tables.stations.values()
            if station.owner != GATEWAY or station.last_point_id
        )
        yield b'],\n"points":['
        yield from _rows(
            (*point.key, point.last_reservation_id)
            for point in tables.points.values()
            if point.last_reservation_id
        )
        yield b'],\n"accounts":['
        yield from _rows(
            reservation.key for reservation in tables.reservations.values() if not reservation.legacy
        )
        yield b"]}\n"

    replace_file(folder, KEEPING, pieces())


def _rows(rows: Iterable[tuple[object, ...]]) -> Iterator[bytes]:
    separator = b"\n"
    for row in rows:
        yield separator + msgspec.json.encode(row)
        separator = b",\n"


def decode(folder: Folder, name: str, kind: type[Kept]) -> Kept:
    """A file that the service wrote. DamagedStore where it is none of this kind."""
    try:
        return msgspec.json.decode(folder.read(name), type=kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise DamagedStore(
            folder.where(name), None, f"not what the service wrote: {error}", RESTORE
        ) from None
