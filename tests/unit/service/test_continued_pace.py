"""The network's time across restarts of a service whose time passes faster."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloud_service.service.clock import Pace
from cloud_service.service.continued_pace import continued_pace
from cloud_service.store.errors import DamagedStore
from cloud_service.store.filesystem import DiskFolder
from cloud_service.store.names import CLOCK

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DiskFolder]:
    opened = DiskFolder(tmp_path)
    yield opened
    opened.close()


def test_the_first_start_begins_with_the_time_of_the_machine(folder: DiskFolder) -> None:
    assert continued_pace(folder, 60, NOON) == Pace(NOON, 60)


def test_the_next_start_goes_on_where_time_would_be(folder: DiskFolder) -> None:
    continued_pace(folder, 60, NOON)
    assert continued_pace(folder, 60, LATER).at(LATER) == NOON + timedelta(hours=1)


@pytest.mark.parametrize("speed", [0.5, 2, 600])
def test_another_speed_goes_on_from_where_time_is(folder: DiskFolder, speed: float) -> None:
    continued_pace(folder, 60, NOON)
    changed = continued_pace(folder, speed, LATER)
    second = timedelta(seconds=1)
    assert abs(changed.at(LATER) - (NOON + timedelta(hours=1))) < second
    assert abs(changed.at(LATER + second) - changed.at(LATER) - speed * second) < second / 1000
    assert continued_pace(folder, speed, LATER + second) == changed


def test_a_network_of_everyday_speed_has_the_time_of_the_machine_and_no_file(folder: DiskFolder) -> None:
    assert continued_pace(folder, 1, NOON).at(LATER) == LATER
    assert CLOCK not in folder.names()
    continued_pace(folder, 60, NOON)
    assert CLOCK in folder.names()
    assert continued_pace(folder, 1, LATER).at(LATER) == LATER
    assert CLOCK not in folder.names()


def test_a_damaged_file_is_named(folder: DiskFolder, tmp_path: Path) -> None:
    (tmp_path / CLOCK).write_text("{")
    with pytest.raises(DamagedStore, match=CLOCK):
        continued_pace(folder, 60, NOON)
