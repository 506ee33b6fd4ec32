"""The benchmarks run: each scenario, with next to nothing to do."""

from pathlib import Path
from statistics import median

import pytest

from tests.benchmarks.bench import plots
from tests.benchmarks.bench.__main__ import SCENARIOS, Scenario, main
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
    files = plots.draw(results, tmp_path)
    assert len(files) == len({series.plot for series in results.series})
    assert all("</svg>" in file.read_text() for file in files)


def results_with(values: list[float], better: Better = "higher") -> Results:
    row = Row("bookings", "", values, better, goal=1.0)
    return Results("2026-01-01", quick=True, machine="a machine", versions="", rows=[row])


@pytest.mark.parametrize(
    ("better", "before", "now", "worse"),
    [
        ("higher", [1.0, 1.1, 1.2], [0.7, 0.8, 0.9], True),
        ("higher", [1.0, 1.1, 1.2], [0.9, 1.0, 1.1], False),
        ("higher", [1.0], [0.97], False),
        ("lower", [1.0], [1.03], False),
        ("lower", [1.0, 1.1, 1.2], [1.3, 1.4, 1.5], True),
        ("lower", [1.0, 1.1, 1.2], [0.7, 0.8, 0.9], False),
    ],
)
def test_a_row_is_worse_if_it_is_so_by_more_than_the_noise(
    better: Better, before: list[float], now: list[float], worse: bool
) -> None:
    found = list(results_with(now, better).worse_than(results_with(before, better)))
    assert found == ([f"bookings: {median(now)}, was {median(before)}"] if worse else [])


MEMORY = "memory of a remembered request"


def compared(earlier: Results, folder: Path, *words: str) -> int:
    """The exit status of a run of one scenario that compares itself with an earlier one."""
    earlier.write(folder / "earlier.json")
    only = ("--only", "request_memory", "--output", str(folder / "output"))
    return main([*words, *only, "--compare", str(folder / "earlier.json")])


@pytest.mark.parametrize(("before", "worse"), [(1e-6, True), (1e6, False)])
def test_a_run_fails_if_it_is_worse_than_an_earlier_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before: float, worse: bool
) -> None:
    earlier = Results("2026-01-01", True, "a machine", "", [Row(MEMORY, "kB", [before], "lower")])
    assert compared(earlier, tmp_path, "--quick") == worse
    assert (f"{MEMORY}: " in capsys.readouterr().out.rpartition("|")[2]) == worse
    assert MEMORY in (tmp_path / "output" / "table.md").read_text()
    assert [row.name for row in Results.read(tmp_path / "output" / "results.json").rows] == [MEMORY]


def test_quick_and_full_runs_are_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compared(results_with([1.0]), tmp_path) == 2
    assert "is of a run with --quick" in capsys.readouterr().err
    assert not (tmp_path / "output").exists()


def test_the_table_says_which_goals_are_reached() -> None:
    assert "| bookings | 1.1 | 1 - 1.2 | ≥ 1 | reached |" in results_with([1.0, 1.1, 1.2]).table()
    assert "| bookings | 0.8 | 0.7 - 0.9 | ≥ 1 | not reached |" in results_with([0.7, 0.8, 0.9]).table()
