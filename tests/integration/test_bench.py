"""The benchmarks run: each scenario, with next to nothing to do."""

from pathlib import Path

import pytest

from tests.benchmarks.bench import plots
from tests.benchmarks.bench.__main__ import SCENARIOS, Scenario
from tests.benchmarks.bench.results import Better, Results, Row
from tests.benchmarks.bench.scenarios import Effort

SMALLEST = Effort(rounds=1, requests=40, stations=100, reservations=4_000, connections=5)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_scenario_runs(scenario: Scenario, tmp_path: Path) -> None:
    results = Results("2026-01-01", quick=True, machine="a machine", versions="")
    scenario(results, SMALLEST, tmp_path / "network")
    assert results.rows
    assert all(value > 0 for row in results.rows for value in row.values)
    results.write(tmp_path / "results.json")
    assert Results.read(tmp_path / "results.json").table() == results.table()
    for file in plots.draw(results, tmp_path):
        assert "</svg>" in file.read_text()


def results_with(values: list[float], better: Better = "higher") -> Results:
    row = Row("bookings", "", values, better, goal=1.0)
    return Results("2026-01-01", quick=True, machine="a machine", versions="", rows=[row])


@pytest.mark.parametrize(
    ("better", "before", "now", "worse"),
    [
        ("higher", [1.0, 1.1, 1.2], [0.7, 0.8, 0.9], True),
        ("higher", [1.0, 1.1, 1.2], [0.9, 1.0, 1.1], False),
        ("lower", [1.0, 1.1, 1.2], [1.3, 1.4, 1.5], True),
        ("lower", [1.0, 1.1, 1.2], [0.7, 0.8, 0.9], False),
    ],
)
def test_a_row_is_worse_if_it_is_so_by_more_than_the_noise(
    better: Better, before: list[float], now: list[float], worse: bool
) -> None:
    found = list(results_with(now, better).worse_than(results_with(before, better)))
    assert found == ([f"bookings: {now[1]}, was {before[1]}"] if worse else [])


def test_the_table_says_which_goals_are_reached() -> None:
    assert "| bookings | 1.1 | 1 - 1.2 | ≥ 1 | reached |" in results_with([1.0, 1.1, 1.2]).table()
    assert "| bookings | 0.8 | 0.7 - 0.9 | ≥ 1 | not reached |" in results_with([0.7, 0.8, 0.9]).table()
