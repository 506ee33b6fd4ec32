"""What a charger remembers."""

from pathlib import Path

import pytest

from recharge.records import Point
from recharge.simulator import saved_station as memory
from recharge.simulator.saved_station import MemoryUnusable, SavedStation

KNOWN = SavedStation(2, -3.5, 7, (Point(1, 7, 22, 0.9, "livre"), Point(2, 7, 7.2, 0, "ocupado")))


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "charger.json"
    assert memory.load(file) is None
    memory.save(file, KNOWN)
    assert memory.load(file) == KNOWN
    memory.save(file, SavedStation(1, 1))
    assert memory.load(file) == SavedStation(1, 1)
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"x": 1}', b'{"x": "1", "y": 2}'])
def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "charger.json"
    file.write_bytes(content)
    with pytest.raises(MemoryUnusable, match=r"charger\.json.*delete it to start anew"):
        memory.load(file)
    assert file.read_bytes() == content


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MemoryUnusable, match=r"cannot write .*charger\.json"):
        memory.save(tmp_path / "file" / "charger.json", KNOWN)


def test_the_default_file_lies_where_xdg_has_state() -> None:
    assert memory.default_file("a", {"XDG_STATE_HOME": "/state"}) == Path("/state/recharge/charger-a.json")
    assert memory.default_file("a", {}) == Path.home() / ".local/state/recharge/charger-a.json"
