"""The file that a charger saves."""

from pathlib import Path

import pytest

from recharge.records import Point
from recharge.simulator import saved_station
from recharge.simulator.saved_station import SavedStation, SavedStationError

KNOWN = SavedStation(2, -3.5, 7, (Point(1, 7, 22, 0.9, "livre"), Point(2, 7, 7.2, 0, "ocupado")))


def test_a_saved_station_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "charger.json"
    assert saved_station.load(file) is None
    saved_station.save(file, KNOWN)
    assert saved_station.load(file) == KNOWN
    saved_station.save(file, SavedStation(1, 1))
    assert saved_station.load(file) == SavedStation(1, 1)
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"x": 1}', b'{"x": "1", "y": 2}'])
def test_a_damaged_file_is_named_and_not_changed(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "charger.json"
    file.write_bytes(content)
    with pytest.raises(SavedStationError, match=r"cannot read .*charger\.json: .*repair or delete it"):
        saved_station.load(file)
    assert file.read_bytes() == content


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SavedStationError, match=r"cannot write .*charger\.json"):
        saved_station.save(tmp_path / "file" / "charger.json", KNOWN)


def test_the_default_file_is_in_the_xdg_state_folder() -> None:
    default_file = saved_station.default_file
    assert default_file("a", {"XDG_STATE_HOME": "/state"}) == Path("/state/recharge/charger-a.json")
    assert default_file("a", {}) == Path.home() / ".local/state/recharge/charger-a.json"
