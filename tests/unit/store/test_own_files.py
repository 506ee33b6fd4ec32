"""The service's own files: read back as written, and refused if they are anything else."""

import json

import pytest
from msgspec.structs import replace

from cloud_service.core.tables import Tables
from cloud_service.store.checkpoint import BEFORE_THE_FIRST, Checkpoint, read_checkpoint, write_checkpoint
from cloud_service.store.errors import DamagedStore
from cloud_service.store.interface import StoredRequest
from cloud_service.store.names import CHECKPOINT, SET_ASIDE
from cloud_service.store.owners_and_ids import read_owners_and_ids, write_owners_and_ids
from cloud_service.store.request_files import read_requests, write_requests
from cloud_service.store.set_aside import SetAside, add_to_set_aside
from tests.kit.batches import booking, request
from tests.kit.records import NOW, minutes, point, reservation, station
from tests.kit.simulated_disk import SimulatedFolder

TABLES = Tables(
    stations={1: station(1, owner="ana", last_point_id=3), 2: station(2, owner="gateway")},
    points={(1, 3): replace(point(1, 3), last_reservation_id=9), (2, 1): point(2, 1)},
    reservations={
        (1, 3, 8): reservation(8, NOW, NOW + minutes(30), "ben", point_key=(1, 3)),
        (1, 3, 9): reservation(9, NOW + minutes(60), NOW + minutes(90), 7, point_key=(1, 3), legacy=True),
    },
    last_station_id=5,
)


def test_a_checkpoint_is_read_back() -> None:
    folder = SimulatedFolder()
    (event,) = booking().events
    checkpoint = Checkpoint(
        sequence=7, checksum="0123abcd", segment=4, delivered=6, pending_events=((7, event),), sizes={"h": 9}
    )
    write_checkpoint(folder, checkpoint)
    assert read_checkpoint(folder) == checkpoint
    assert (checkpoint.position.sequence, checkpoint.position.checksum) == (7, "0123abcd")


def test_a_new_folder_has_an_empty_checkpoint() -> None:
    assert read_checkpoint(SimulatedFolder()) is BEFORE_THE_FIRST


@pytest.mark.parametrize("number", [0, 5, 99])
def test_another_format_is_refused(number: int) -> None:
    folder = SimulatedFolder({CHECKPOINT: b'{"format": %d, "whatever": 0}' % number})
    with pytest.raises(
        DamagedStore, match=f"written in format {number}, and this version reads formats 1 to 4"
    ):
        read_checkpoint(folder)


def test_owners_and_ids_complete_the_records_of_the_three_files() -> None:
    folder = SimulatedFolder()
    write_owners_and_ids(folder, TABLES)
    public = Tables(
        {key: replace(row, owner="gateway", last_point_id=0) for key, row in TABLES.stations.items()},
        {key: replace(row, last_reservation_id=0) for key, row in TABLES.points.items()},
        {key: replace(row, legacy=True) for key, row in TABLES.reservations.items()},
    )
    read_owners_and_ids(folder).restore(public)
    assert public == TABLES


def test_owners_and_ids_of_removed_records_are_ignored() -> None:
    folder = SimulatedFolder()
    write_owners_and_ids(folder, TABLES)
    tables = Tables(last_station_id=8)
    read_owners_and_ids(folder).restore(tables)
    assert tables == Tables(last_station_id=8)


@pytest.mark.parametrize("key", ["sequence", "segment", "told", "untold", "sizes", "requests", "journal"])
def test_a_checkpoint_that_lacks_a_key_is_refused(key: str) -> None:
    """With its default, it would read as if nothing had been written."""
    folder = SimulatedFolder()
    write_checkpoint(folder, Checkpoint(sequence=7))
    content = json.loads(folder.files()[CHECKPOINT])
    del content[key]
    folder = SimulatedFolder({CHECKPOINT: json.dumps(content).encode()})
    with pytest.raises(
        DamagedStore, match=f"folder/{CHECKPOINT}: not what the service wrote: it lacks .*'{key}'"
    ):
        read_checkpoint(folder)


def test_owners_and_ids_that_lack_a_key_are_refused() -> None:
    with pytest.raises(DamagedStore, match=r"owners_and_ids\.json: not what the service wrote"):
        read_owners_and_ids(SimulatedFolder({"owners_and_ids.json": b"{}"}))


def stored(*sequences: int) -> list[StoredRequest]:
    return [StoredRequest(sequence, NOW, request(str(sequence))) for sequence in sequences]


def test_request_records_are_read_up_to_the_checkpoint() -> None:
    folder = SimulatedFolder()
    write_requests(folder, 2, stored(1, 2))
    write_requests(folder, 12, stored(3, 12))
    write_requests(folder, 13, stored(13))
    assert read_requests(folder, 12) == stored(1, 2, 3, 12)
    assert read_requests(folder, 1) == []


def test_damaged_request_records_are_refused() -> None:
    folder = SimulatedFolder()
    write_requests(folder, 2, stored(1, 2))
    name, data = folder.files().popitem()
    with pytest.raises(DamagedStore, match=rf"folder/{name}: not what the service wrote: .*\. Restore"):
        read_requests(SimulatedFolder({name: data[:-9]}), 2)


def test_each_row_is_set_aside_once() -> None:
    folder = SimulatedFolder()
    first, second = (SetAside("charging_points.json", why, {"a": 1}) for why in ("a reason", "another one"))
    add_to_set_aside(folder, [first])
    before = folder.files()[SET_ASIDE]
    add_to_set_aside(folder, [first])
    assert folder.files()[SET_ASIDE] == before
    add_to_set_aside(folder, [first, second])
    assert folder.files()[SET_ASIDE].count(b'"file"') == 2
