"""Names, addresses and connectors, in a file of the service's own."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from cloud_service.core.changes import Changes
from cloud_service.core.tables import Tables
from cloud_service.store.backup import back_up
from cloud_service.store.checkpoint import FORMAT
from cloud_service.store.descriptions import read_descriptions, write_descriptions
from cloud_service.store.errors import DamagedStore
from cloud_service.store.filesystem import DiskFolder
from tests.kit.batches import POINT, STATION, checkpoint, checkpoint_input, open_store, registration
from tests.kit.records import NOW, point, station
from tests.kit.simulated_disk import SimulatedFolder

FILE = "descriptions.json"
FOR_PEOPLE = ("charging_stations.json", "charging_points.json", "reservations.json")


def stopped(*changes: Changes) -> SimulatedFolder:
    """A folder after a clean stop, which followed these changes."""
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    for change in changes:
        store.append([change], [], 0, NOW)
        recovered.tables.apply(change)
    store.close(checkpoint_input(recovered), NOW)
    return folder


def test_the_file_has_what_is_described_and_nothing_else() -> None:
    described = registration()
    plain = Changes(stations=(station(2, 8, 8),), points=(point(2, 1),))
    files = stopped(described, plain).files()
    assert json.loads(files[FILE]) == {
        "stations": [[1, "Town hall", "Main Street 1"]],
        "points": [[1, 1, "IEC_62196_T2"]],
    }


def test_the_three_files_have_no_description() -> None:
    files = stopped(registration()).files()
    described = (b"Town hall", b"Main Street", b"IEC_62196_T2")
    assert not any(text in files[name] for name in FOR_PEOPLE for text in described)


@pytest.mark.parametrize("ended", ["stopped", "killed", "killed after a checkpoint"])
def test_descriptions_are_there_at_the_next_start(ended: str) -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    store.append([registration()], [], 0, NOW)
    recovered.tables.apply(registration())
    if ended == "stopped":
        store.close(checkpoint_input(recovered), NOW)
    elif ended == "killed after a checkpoint":
        checkpoint(store, checkpoint_input(recovered), NOW)
    tables = open_store(SimulatedFolder(folder.files()))[1].tables
    assert (tables.stations[1], tables.points[1, 1]) == (STATION, POINT)


def test_what_was_removed_after_a_checkpoint_stays_removed() -> None:
    folder = stopped(registration())
    store, _ = open_store(folder)
    bare = Changes(stations=(replace(STATION, name=None),), points=(replace(POINT, connector=None),))
    store.append([bare], [], 0, NOW)
    tables = open_store(SimulatedFolder(folder.files()))[1].tables
    assert (tables.stations[1].name, tables.stations[1].address) == (None, "Main Street 1")
    assert tables.points[1, 1].connector is None


def test_a_record_that_a_person_removed_takes_its_description_along() -> None:
    files = stopped(registration()).files()
    folder = SimulatedFolder({**files, "charging_stations.json": b"[]", "charging_points.json": b"[]"})
    tables = open_store(folder)[1].tables
    assert not tables.stations
    assert not tables.points


def test_a_folder_without_the_file_is_refused_after_a_checkpoint() -> None:
    files = stopped(registration()).files()
    del files[FILE]
    folder = SimulatedFolder(files)
    with pytest.raises(DamagedStore, match=rf"folder/{FILE}: missing: it holds names, .*\. Restore "):
        open_store(folder)
    assert folder.log == [], "something was written"


def test_a_folder_of_the_format_before_has_no_such_file() -> None:
    """What has its name there is a stranger's, and the first checkpoint replaces it."""
    files = stopped(registration()).files()
    older = json.loads(files["checkpoint.json"]) | {"format": 2}
    files |= {"checkpoint.json": json.dumps(older).encode(), FILE: b"somebody's notes"}
    folder = SimulatedFolder(files)
    tables = open_store(folder)[1].tables
    assert tables.stations[1] == replace(STATION, name=None, address=None)
    assert json.loads(folder.files()[FILE]) == {"stations": [], "points": []}
    assert json.loads(folder.files()["checkpoint.json"])["format"] == FORMAT


def test_a_line_of_a_journal_without_descriptions_is_read() -> None:
    folder = SimulatedFolder()
    store, _ = open_store(folder)
    store.append([Changes(stations=(station(1),), points=(point(1, 1),), last_station_id=1)], [], 0, NOW)
    tables = open_store(folder)[1].tables
    assert (tables.stations[1].name, tables.points[1, 1].connector) == (None, None)


@pytest.mark.parametrize(
    "text", ["", "Praça da Sé 日本 😀", 'a "quoted" \\ name', "two\nlines", "\x00\u2028"]
)
def test_any_text_is_read_as_it_was_written(text: str) -> None:
    tables = Tables({1: replace(station(1), name=text, address=text)}, {}, {}, 1)
    folder = SimulatedFolder()
    write_descriptions(folder, tables)
    assert read_descriptions(folder).stations == [(1, text, text)]


def test_a_backup_has_them(tmp_path: Path) -> None:
    place = tmp_path / "data"
    folder = DiskFolder(place)
    store, _ = open_store(folder)
    store.append([registration()], [], 0, NOW)
    back_up(place, tmp_path / "backup")
    folder.close()
    copy = DiskFolder(tmp_path / "backup")
    assert FILE in copy.names()
    assert open_store(copy)[1].tables.stations[1] == STATION
    copy.close()
