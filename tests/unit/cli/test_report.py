"""`recharge report`: reads history and journal beside a service; tables, JSON, CSV and a picture."""

import csv
import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from msgspec.structs import replace

from cloud_service.cli.main import main
from cloud_service.core.changes import Changes, Event, EventType
from cloud_service.store.file_store import StoreOptions
from cloud_service.store.filesystem import DiskFolder
from cloud_service.store.forget import forget
from tests.kit.batches import POINT, STATION, checkpoint, checkpoint_input, open_store, registration
from tests.kit.records import NOW, minutes, reservation

DAYS = ("--from", "2026-03-01", "--to", "2026-03-02", "--time-zone", "UTC")


def ending(number: int, kind: EventType, *, after: float) -> Changes:
    """A reservation of an hour, of 10 kWh at a price of 1 each, ends some minutes after its start."""
    start = NOW + minutes(120 * number)
    row = reservation(number, start, start + minutes(60), f"vehicle-{number}")
    return Changes(
        removed_reservations=(row.key,),
        points=(replace(POINT, last_reservation_id=number),),
        events=(Event(kind, start + minutes(after), "timePassed", row, "owner"),),
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder whose store is in use: of three endings, two are in the history and one in the journal."""
    store, recovered = open_store(DiskFolder(tmp_path))
    store.append([registration(), ending(1, "reservationFinished", after=60)], [], 0, NOW)
    store.append([ending(2, "reservationCancelled", after=-30)], [], 2, NOW)
    state = checkpoint_input(recovered, delivered=2)
    checkpoint(store, state, NOW)
    store.append([ending(3, "reservationCancelled", after=15)], [], 3, NOW)
    return tmp_path


def report(data: Path, *words: str) -> int:
    return main(["report", "--data-dir", str(data), *DAYS, *words])


def as_json(data: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert report(data, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_history_and_journal_are_added_up(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(data, capsys)
    assert [found["from"], found["to"]] == ["2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z"]
    # An hour, and a quarter of an hour after which the vehicle left.
    assert (found["all"]["charges"], found["all"]["cancelled"]) == (2, 1)
    assert (found["all"]["kWh"], found["all"]["revenue"]) == (12.5, 12.5)
    assert found["all"]["utilisation"] == 1.25 / 48
    assert found["all"]["utilisationByHour"][14:19] == [0.5, 0, 0, 0, 0.125]
    (station,) = found["stations"]
    assert station["chargingStationID"] == station["points"][0]["chargingPointID"] == 1
    assert station["kWh"] == station["points"][0]["kWh"] == 12.5


def test_other_days_have_other_charges(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["report", "--data-dir", str(data), "--from", "2026-04-01", "--to", "2026-04-01", "--json"]) == 0
    )
    assert json.loads(capsys.readouterr().out)["all"]["charges"] == 0


def test_forgotten_vehicles_count_as_before(
    data: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = copytree(data, tmp_path_factory.mktemp("stopped"), dirs_exist_ok=True)
    forget(DiskFolder(stopped), (False, "vehicle-1"), StoreOptions(), NOW)
    assert '"vehicleID":null' in (stopped / "history-2026-03.jsonl").read_text()
    assert as_json(stopped, capsys) == as_json(data, capsys)


def test_rows_of_points_add_up_in_csv(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(data, "--csv") == 0
    rows = list(csv.DictReader(StringIO(capsys.readouterr().out)))
    assert [row["of"] for row in rows] == ["all", "station", "point"]
    assert {row["kWh"] for row in rows} == {"12.500000"}
    assert rows[0]["utilisation14"] == "0.5"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Praça da Sé, 3", "Praça da Sé, 3"), ("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1")],
)
def test_rows_have_the_station_s_name_and_no_formula(
    tmp_path: Path, name: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store, _ = open_store(DiskFolder(tmp_path))
    named = Changes(stations=(replace(STATION, name=name),))
    store.append([registration(), named], [], 0, NOW)
    assert report(tmp_path, "--csv") == 0
    rows = list(csv.DictReader(StringIO(capsys.readouterr().out)))
    assert [row["name"] for row in rows] == ["", shown, shown]


def test_tables_fit_into_sixty_columns_without_utf_8(data: Path) -> None:
    environment = {**os.environ, "COLUMNS": "60", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    words = [sys.executable, "-m", "cloud_service", "report", "--data-dir", str(data), *DAYS]
    done = subprocess.run(words, capture_output=True, check=True, env=environment)
    lines = done.stdout.decode("ascii").splitlines()
    assert max(map(len, lines)) <= 60
    assert any(
        line.replace("|", " ").split() == ["all", "2", "1", "0", "12.5", "12.50", "2.6%"] for line in lines
    )
    assert any(line.startswith("14  ---") and line.endswith("50.0%") for line in lines)


def test_a_picture_is_drawn(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(data, "--plot", str(tmp_path / "report.svg")) == 0
    assert "<svg" in (tmp_path / "report.svg").read_text()
    [line] = capsys.readouterr().err.splitlines()
    assert "reading the data folder" in line


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--plot", "report.txt"), "--plot report.txt: the name ends in none of ."),
        (("--plot", "absent/report.svg"), "--plot absent/report.svg: there is no folder absent"),
        (("--json", "--csv"), "--json and --csv: choose one of them"),
        (("--to", "2026-02-01"), "--from 2026-03-01 --to 2026-02-01: the last day is before the first"),
        (("--data-dir", "/dev"), "/dev is not a data folder"),
    ],
)
def test_what_cannot_be_done_is_said(
    data: Path, words: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(data, *words) == 1
    assert f"recharge report: {reason}" in capsys.readouterr().err


def test_drawing_without_matplotlib_says_how_to_get_it(data: Path) -> None:
    absent = "import sys; sys.modules['matplotlib'] = None"
    program = f"{absent}; from cloud_service.cli.main import main; sys.exit(main())"
    words = [sys.executable, "-c", program, "report", "--data-dir", str(data), *DAYS, "--plot", "report.svg"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "recharge report: --plot report.svg: drawing needs matplotlib (" in done.stderr
    assert "-m pip install matplotlib" in done.stderr


def test_a_damaged_line_of_the_history_is_named(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = data / "history-2026-03.jsonl"
    text = history.read_text()
    history.write_text(text.replace('"duration":1.0', '"duration":[]', 1).ljust(len(text)))
    assert report(data) == 1
    assert f"{history}: line 1 is not what the service wrote: " in capsys.readouterr().err
