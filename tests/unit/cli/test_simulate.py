"""`recharge simulate`: stations from a file or a folder; a table, CSV, JSON and a picture."""

import csv
import json
from io import StringIO
from pathlib import Path

import pytest

from cloud_service.cli.main import main
from cloud_service.store.filesystem import DiskFolder
from tests.kit.batches import open_store, registration
from tests.kit.records import NOW

EXPORT = """\
Fuel Type Code,Status Code,EV Level1 EVSE Num,EV Level2 EVSE Num,EV DC Fast Count,Latitude,Longitude
ELEC,E,,2,1,47.60,-122.33
ELEC,E,,,2,47.62,-122.30
ELEC,E,,1,,48.90,-122.30
"""
SHORT = ("--days", "1", "--seeds", "2", "--processes", "1", "--time-zone", "UTC")


@pytest.fixture
def export(tmp_path: Path) -> Path:
    file = tmp_path / "stations.csv"
    file.write_text(EXPORT)
    return file


def simulate(export: Path, *words: str) -> int:
    return main(["simulate", "--stations", str(export), *SHORT, *words])


def test_a_table_has_a_row_for_each_policy(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(export, "--policy", "seed", "soonest+flexible") == 0
    printed = capsys.readouterr().out
    assert printed.count("soonest+flexible") == 3
    assert "±" in printed


def test_differences_are_those_of_the_first_policy(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--policy", "nearest-gaps", "nearest", "--per-day", "80")
    assert simulate(export, *words, "--csv") == 0
    rows = list(csv.DictReader(StringIO(capsys.readouterr().out)))
    first, second, third, fourth = (float(row["waiting"]) for row in rows)
    assert simulate(export, *words) == 0
    row = capsys.readouterr().out.rpartition("Policy")[2].splitlines()[2]
    name, _, _, waited, *_ = row.split()
    assert name == "nearest"
    assert float(waited) == pytest.approx((third - first + fourth - second) / 2, abs=0.06)


def test_json_and_csv_have_the_same_runs(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(export, "--json", "--policy", "seed", "nearest") == 0
    policies = json.loads(capsys.readouterr().out)
    assert simulate(export, "--csv", "--policy", "seed", "nearest") == 0
    rows = list(csv.DictReader(StringIO(capsys.readouterr().out)))
    runs = [(each["policy"], run) for each in policies for run in each["runs"]]
    assert [(row["policy"], int(row["seed"]), float(row["served"])) for row in rows] == [
        (policy, run["seed"], run["served"]) for policy, run in runs
    ]
    mean = sum(run["served"] for run in policies[0]["runs"]) / 2
    assert policies[0]["figures"]["served"]["mean"] == pytest.approx(mean)


def test_a_radius_leaves_out_what_is_farther(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(export, "--centre", "47.6,-122.3", "--radius", "30", "--policy", "seed", "--csv") == 0
    near = capsys.readouterr().out
    assert simulate(export, "--centre", "47.6,-122.3", "--policy", "seed", "--csv") == 0
    assert capsys.readouterr().out != near


def test_sessions_and_rates_are_read(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sessions, rates = tmp_path / "sessions.csv", tmp_path / "rates.csv"
    sessions.write_text("arrival,delivered_kWh\n2026-03-02T08:00:00,10\n2026-03-02T09:00:00,10\n")
    rates.write_text("weekday,hour,rate\n1,9,0\n")
    words = ("--policy", "nearest", "--no-shows", "0", "--csv")
    assert simulate(export, "--sessions", str(sessions), *words) == 0
    assert [row["wanted"] for row in csv.DictReader(StringIO(capsys.readouterr().out))] == ["2", "2"]
    assert simulate(export, "--rates", str(rates), *words) == 0
    assert [row["wanted"] for row in csv.DictReader(StringIO(capsys.readouterr().out))] == ["0", "0"]


def test_the_stations_are_those_of_the_data_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, _ = open_store(DiskFolder(tmp_path))
    store.append([registration()], [], 0, NOW)
    before = sorted((file.name, file.read_bytes()) for file in tmp_path.iterdir() if file.is_file())
    assert main(["simulate", "--data-dir", str(tmp_path), *SHORT, "--policy", "nearest"]) == 0
    assert "nearest" in capsys.readouterr().out
    assert sorted((file.name, file.read_bytes()) for file in tmp_path.iterdir() if file.is_file()) == before


def test_a_picture_is_drawn(export: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert simulate(export, "--policy", "seed", "nearest", "--plot", str(tmp_path / "it.svg")) == 0
    assert "<svg" in (tmp_path / "it.svg").read_text()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--policy", "fastest"), "'fastest'"),
        (("--centre", "10,10", "--radius", "1"), "--radius"),
        (("--sessions", "/nowhere/sessions.csv"), "/nowhere/sessions.csv"),
        (("--plot", "it.nonsense", "--policy", "seed"), "it.nonsense"),
        (("--plot", "/nowhere/it.svg", "--policy", "seed"), "/nowhere"),
        (("--days", "9000000"), "--days 9000000"),
    ],
)
def test_what_cannot_be_done_is_named(
    export: Path, words: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert simulate(export, *words) == 1
    assert named in capsys.readouterr().err


def test_a_folder_without_stations_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--data-dir", str(tmp_path / "none"), *SHORT]) == 1
    assert str(tmp_path / "none") in capsys.readouterr().err
