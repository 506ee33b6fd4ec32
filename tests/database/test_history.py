"""The history in a database: what is kept of it, and what reads it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloud_service.cli.main import main
from cloud_service.database.connection import connect
from cloud_service.service.clock import system_clock
from cloud_service.service.database_engine.clock import DatabaseClock
from cloud_service.service.database_engine.engine import DatabaseEngine
from cloud_service.service.engine.limits import EngineLimits
from tests.database.engines import Service, booking, new_station, request, services
from tests.kit.postgres import Postgres

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOURS = timedelta(hours=2)


@pytest.fixture
def address(postgres: Postgres) -> str:
    return postgres.new_database()


def months(address: str) -> set[str]:
    with connect(address) as database:
        rows = database.execute(
            "SELECT relname FROM pg_class WHERE relname LIKE 'history\\_2%' AND relkind = 'r'"
        )
        return {name for (name,) in rows}


class TestOldMonths:
    """Of January on, months are there; a service looks every hour what is too old."""

    @pytest.fixture
    def service(self, address: str) -> Service:
        service = Service(address)
        with connect(address) as database:
            for month in (1, 2, 3):
                database.execute("SELECT make_partitions(%s, 0)", [NOW.replace(month=month)])
        return service

    def look(self, service: Service, history_months: int, *moments: datetime) -> None:
        clock = DatabaseClock(service.state, system_clock)
        engine = DatabaseEngine(service.state, clock, EngineLimits(), history_months=history_months)
        for moment in moments:
            engine.work(moment)
        service.die()

    def test_they_are_dropped_whole(self, service: Service, address: str) -> None:
        self.look(service, 1, NOW, NOW + HOURS)
        assert months(address) == {"history_202602", "history_202603", "history_202604"}

    def test_they_are_kept_for_ever(self, service: Service, address: str) -> None:
        self.look(service, 0, NOW, NOW + HOURS)
        assert "history_202601" in months(address)

    @pytest.mark.parametrize("wrong", [[365, 0], [0, 365]])
    def test_a_clock_that_is_wrong_for_a_moment(
        self, service: Service, address: str, wrong: list[int]
    ) -> None:
        self.look(service, 1, *(NOW + days * timedelta(days=1) + HOURS for days in wrong))
        assert {"history_202602", "history_202603"} <= months(address)


@pytest.fixture
def both(address: str, tmp_path: Path) -> tuple[list[str], list[str]]:
    """The same network, with two charges and a cancelled one, in a database and in a folder."""
    with services(address) as (service,):
        stations = [new_station(service, at, points=2) for at in (1, 2)]
        for vehicle, at in (("ana", 1), ("bia", 1), ("carl", 2)):
            service.result(booking(vehicle, at))
        service.let_pass(timedelta(minutes=20))
        second = service.result(request("bia", "findReservation"))
        service.result(request("bia", "deleteReservation", reservationID=second["reservationID"]))
        service.let_pass(timedelta(hours=2))
        service.turn()
        assert service.code(request("ana", "findReservation")) == "NOT_FOUND"
        service.result(booking("dora", stations[0]))
    assert main(["migrate", "--from", address, "--to", str(tmp_path / "data")]) == 0
    return ["--state", address], ["--data-dir", str(tmp_path / "data")]


@pytest.mark.parametrize(
    "words",
    [
        ["report", "--json", "--to", f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"],
        ["simulate", "--json", "--days", "1", "--seeds", "2", "--processes", "1", "--policy", "nearest"],
    ],
    ids=lambda words: words[0],
)
def test_a_database_says_what_a_folder_says(
    words: list[str], both: tuple[list[str], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    said = []
    for place in both:
        assert main([*words, *place]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert words[0] != "report" or '"charges": 2,\n        "cancelled": 1' in said[0]


@pytest.mark.parametrize("command", ["report", "simulate"])
def test_a_database_that_is_away(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--state", "postgresql://127.0.0.1:1/network"]) == 1
    assert "the database failed" in capsys.readouterr().err
