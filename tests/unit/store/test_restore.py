"""Restoring a backup: what is refused, what is moved away, and what an interruption leaves."""

import errno
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from cloud_service.cli.main import main
from cloud_service.core.changes import Changes
from cloud_service.store.errors import DamagedStore
from cloud_service.store.filesystem import DiskFolder
from tests.kit.batches import booking, checkpoint_input, open_store, registration
from tests.kit.records import NOW, station


def network(place: Path, *changes: Changes) -> None:
    """A data folder after a clean stop."""
    folder = DiskFolder(place)
    store, recovered = open_store(folder)
    for change in changes:
        store.append([change], [], 0, NOW)
        recovered.tables.apply(change)
    store.close(checkpoint_input(recovered), NOW)
    folder.close()


def stations_of(place: Path) -> int:
    folder = DiskFolder(place)
    try:
        return len(open_store(folder)[1].tables.stations)
    finally:
        folder.close()


def files_of(place: Path) -> dict[str, bytes]:
    """The files in a folder and below, without locks, empty folders and the list of backups."""
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.is_file() and path.name not in ("lock", "backups.jsonl")
    }


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A data folder with a station and a booking."""
    network(tmp_path / "data", registration(), booking())
    return tmp_path / "data"


@pytest.fixture
def backup(place: Path) -> Path:
    """Its backup."""
    (place / "audit.jsonl").write_text('{"event": "serviceStarted"}\n')
    target = place.parent / "copy"
    assert main(["backup", str(target), "--data-dir", str(place)]) == 0
    return target


def restore(backup: Path, place: Path, *words: str) -> int:
    return main(["restore", str(backup), "--data-dir", str(place), *words])


def test_the_hint_of_the_backup_names_the_command(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backup = place.parent / "copy"
    assert main(["backup", str(backup), "--data-dir", str(place)]) == 0
    hint = capsys.readouterr().out.splitlines()[-1]
    assert hint.endswith(f"run: recharge restore {backup} --data-dir {place}")


def test_a_lost_folder_comes_back(place: Path, backup: Path) -> None:
    lost = place.rename(place.with_name("lost"))
    assert restore(backup, place) == 0
    assert files_of(place) == files_of(lost) == files_of(backup)
    assert stations_of(place) == 1


def test_a_network_is_replaced_only_on_demand(
    place: Path, backup: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = Changes(stations=(station(2, 5, 5),), last_station_id=2)
    network(place, later)
    (place / "notes.txt").write_text("mine")
    with (place / "audit.jsonl").open("a") as audit:
        audit.write('{"event": "serviceStopped"}\n')
    before = files_of(place)
    assert restore(backup, place) == 1
    assert "holds a network; with --replace" in capsys.readouterr().err
    assert files_of(place) == before

    assert restore(backup, place, "--replace") == 0
    assert stations_of(place) == 1
    (moved,) = place.glob("replaced-*")
    assert str(moved) in capsys.readouterr().out
    assert stations_of(moved) == 2
    assert (place / "notes.txt").read_text() == "mine"
    assert (place / "audit.jsonl").read_bytes() == before["audit.jsonl"], "it goes on"


def test_a_folder_in_use_is_refused(place: Path, backup: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = DiskFolder(place)
    assert restore(backup, place, "--replace") == 1
    folder.close()
    assert "is in use by another cloud service" in capsys.readouterr().err
    assert not list(place.glob("replaced-*"))


def test_a_backup_that_is_not_sound_is_refused(
    place: Path, backup: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (backup / "reservations.json").unlink()
    before = files_of(place)
    assert restore(backup, place, "--replace") == 1
    assert "reservations.json: missing" in capsys.readouterr().err
    assert restore(place.parent, place, "--replace") == 1
    assert "is not a data folder" in capsys.readouterr().err
    assert restore(place, place, "--replace") == 1
    assert "is the data folder itself" in capsys.readouterr().err
    assert files_of(place) == before


def test_no_network_starts_on_half_a_backup(
    place: Path, backup: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def filling(syncs: int) -> Callable[[int], None]:
        """A disk that is full after this many syncs."""
        done = count()

        def sync(_descriptor: int) -> None:
            if next(done) >= syncs:
                raise OSError(errno.ENOSPC, "No space left on device")

        return sync

    for syncs in range(5):
        with monkeypatch.context() as patch:
            patch.setattr("os.fdatasync", filling(syncs))
            assert restore(backup, place, "--replace") == 1
        assert "No space left on device: '" in capsys.readouterr().err
        with pytest.raises(
            DamagedStore, match=r"restore-unfinished: .*Run the same `recharge restore` again"
        ):
            stations_of(place)
        assert main(["verify", str(place)]) == 1
        assert "restore-unfinished" in capsys.readouterr().out
    assert restore(backup, place) == 0
    assert stations_of(place) == 1
    first = min(place.glob("replaced-*"))
    assert stations_of(first) == 1, "what was there at first"
