"""Files of others in the data folder: neither the service nor verify nor backup opens them."""

import os
import socket
from pathlib import Path

import pytest

from cloud_service.cli.main import main
from cloud_service.store.filesystem import DiskFolder
from cloud_service.store.frozen_folder import OpenFile
from cloud_service.store.snapshot import SnapshotFailed, take_snapshot
from tests.kit.batches import booking, cancellation, checkpoint_input, open_store, registration, request
from tests.kit.records import NOW

HUGE = 1_500 * 2**20
STRANGERS = {
    ".reservations.json.swp",
    "4913",
    "backup.tar",
    "charging_points.json~",
    "checkpoint.json.bak",
    "history-2026-03.jsonl.gz",
    "journal-0000007.jsonl",
    "journal-０００００７.jsonl",
    "link",
    "lost+found",
    "pipe",
    "requests-000000000001 (copy).jsonl",
    "socket",
}


def network(place: Path) -> None:
    """A folder with every kind of file that the store writes."""
    folder = DiskFolder(place)
    store, recovered = open_store(folder)
    for change in (registration(), booking(), cancellation()):
        store.append([change], [request(str(store.sequence))], 0, NOW)
        recovered.tables.apply(change)
    store.close(checkpoint_input(recovered), NOW)
    folder.close()


def add_strangers(place: Path) -> None:
    """Adds what an administrator finds in folders. Whoever opens the pipe waits for ever."""
    for name in STRANGERS - {"link", "lost+found", "pipe", "socket"}:
        (place / name).write_text("no JSON")
        (place / name).chmod(0)
    os.truncate(place / "backup.tar", HUGE)
    (place / "lost+found").mkdir(mode=0)
    (place / "link").symlink_to("nowhere")
    os.mkfifo(place / "pipe")
    address = os.open(place, os.O_PATH)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{address}/socket")
    os.close(address)


def test_they_are_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place, copy = tmp_path / "data", tmp_path / "copy"
    network(place)
    own = {path.name for path in place.iterdir()}
    add_strangers(place)
    assert {path.name for path in place.iterdir()} == own | STRANGERS

    assert main(["verify", str(place)]) == 0
    assert main(["backup", str(copy), "--data-dir", str(place)]) == 0
    assert {path.name for path in copy.iterdir()} == own - {"lock"}
    assert "verified: sound" in capsys.readouterr().out

    folder = DiskFolder(place)
    store, recovered = open_store(folder)
    assert recovered.notes == []
    store.append([booking()], [], 0, NOW)
    store.close(checkpoint_input(recovered), NOW)
    folder.close()
    assert {path.name for path in place.iterdir()} >= STRANGERS


@pytest.mark.parametrize("name", ["reservations.json", "checkpoint.json", "history-2026-03.jsonl"])
def test_what_has_the_name_of_a_file_and_is_none_is_named(tmp_path: Path, name: str) -> None:
    network(tmp_path)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(SnapshotFailed, match=f"not a regular file: '{tmp_path / name}'"):
        take_snapshot(tmp_path)
    if name != "history-2026-03.jsonl":  # which the service only appends to
        with pytest.raises(OSError, match=f"not a regular file: '{tmp_path / name}'"):
            open_store(DiskFolder(tmp_path))


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    network(tmp_path)
    (tmp_path / "reservations.json").unlink()
    (tmp_path / "reservations.json").symlink_to("nowhere")
    with pytest.raises(SnapshotFailed, match=r"links to a file that does not exist: '.*reservations\.json'"):
        take_snapshot(tmp_path)


def test_a_backup_removes_no_folder_that_it_did_not_make(tmp_path: Path) -> None:
    network(tmp_path / "data")
    mine = tmp_path / "copy.partial"
    mine.mkdir()
    (mine / "thesis").write_text("the only copy")
    assert main(["backup", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "data")]) == 0
    assert (mine / "thesis").read_text() == "the only copy"


def test_a_large_history_is_read_in_pieces(tmp_path: Path) -> None:
    """Whoever copies a history of years needs no more memory than for that of a day."""
    network(tmp_path)
    history = tmp_path / "history-2026-03.jsonl"
    counted = history.read_bytes()
    os.truncate(history, HUGE)
    snapshot = take_snapshot(tmp_path)
    assert history.name not in snapshot.files, "it is in memory"
    assert b"".join(snapshot.pieces(history.name)) == counted
    assert max(map(len, OpenFile(history).pieces())) <= 2**20
