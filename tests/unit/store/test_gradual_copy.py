"""A copy of tables that change while it is made."""

from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from cloud_service.core.changes import Changes
from cloud_service.core.tables import Tables
from cloud_service.store import gradual_copy
from cloud_service.store.gradual_copy import GradualCopy
from tests.kit.records import NOW, minutes, point, reservation, station

MOST = 10


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradual_copy, "MOST_AT_ONCE", MOST)


class Counted(dict[Any, Any]):
    """A table that notes how many records were copied at a time."""

    def __init__(self, rows: int, seen: list[int]) -> None:
        super().__init__((number, number) for number in range(rows))
        self._seen = seen

    def copy(self) -> "Counted":
        self._seen.append(len(self))
        return self


@pytest.mark.parametrize(
    ("sizes", "steps"),
    [
        ((0, 0, 0, 0, 0), [[0, 0, 0, 0, 0]]),
        ((2, 2, 2, 2, 2), [[2, 2, 2, 2, 2]]),
        ((5, 6, 5, 3, 3), [[5], [6], [5, 3], [3]]),
        ((10, 40, 20, 0, 1), [[10], [40], [20], [0, 1]]),
        ((1, 2, 3, 0, 40), [[1, 2, 3, 0], [40], []]),
    ],
)
def test_a_step_copies_one_table_if_it_is_large(sizes: tuple[int, ...], steps: list[list[int]]) -> None:
    """Requests wait for one table at most, and if it is large, not for a new segment as well."""
    seen: list[int] = []
    stations, points, reservations, sessions, absences = (Counted(rows, seen) for rows in sizes)
    copy = GradualCopy(Tables(stations, points, reservations, 0, sessions, absences))
    try:
        for number, expected in enumerate(steps, 1):
            assert copy.step() is (number == len(steps))
            assert seen == expected
            seen.clear()
    finally:
        copy.close()


def changed(tables: Tables, random: Random) -> Changes:
    """Records that come, change and go."""
    at = random.randrange(1, 30)
    row = reservation(at, NOW, NOW + minutes(random.randrange(1, 99)), f"vehicle-{random.randrange(9)}")
    return random.choice(
        [
            Changes(stations=(station(at, random.random(), 1),), last_station_id=tables.last_station_id + 1),
            Changes(points=(point(at, 1, random.random() + 1, 0.5),)),
            Changes(points=(point(1, at, 22, 0.5),), reservations=(replace(row, station_id=at),)),
            Changes(removed_stations=(at,), removed_points=((at, 1), (1, at))),
            Changes(removed_reservations=(row.key, replace(row, station_id=at).key)),
        ]
    )


@pytest.mark.parametrize("seed", range(50))
def test_the_copy_is_of_the_last_batch(seed: int) -> None:
    random, tables = Random(seed), Tables()
    for _ in range(200):
        tables.apply(changed(tables, random))
    copy = GradualCopy(tables)
    try:
        steps = 1
        while not copy.step():
            steps += 1
            for _ in range(random.randrange(9)):
                changes = changed(tables, random)
                tables.apply(changes)
                copy.note([changes])
        finished, expected = copy.finished(), tables.snapshot()
    finally:
        copy.close()
    assert steps > 1
    tables.apply(Changes(removed_stations=tuple(tables.stations), removed_points=tuple(tables.points)))
    assert finished == expected
