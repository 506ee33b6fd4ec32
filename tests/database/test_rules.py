"""The settings of a reservation's life: all services on a database have the same; a restart changes them."""

import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import fields

from cloud_service.config.setting import declared_settings
from cloud_service.core.rules import Rules
from cloud_service.database.connection import connect
from cloud_service.database.rules import SETTINGS, OtherRules
from cloud_service.service.engine.limits import EngineLimits, LifeLimits
from tests.database.engines import Service, booking, new_station, request, services
from tests.kit.postgres import Postgres
from tests.kit.processes import clean_environment

MINUTE = timedelta(minutes=1)
SOONER = EngineLimits(life=LifeLimits(no_show=5 * MINUTE))


@pytest.fixture
def address(postgres: Postgres) -> str:
    return postgres.new_database()


def book_where_sessions_are_told(service: Service) -> datetime:
    """Returns when ana is expected at a point whose charger tells of sessions."""
    point: dict[str, Any] = {"chargingStationID": new_station(service), "chargingPointID": 1}
    service.result(request("owner", "startCharging", **point))
    service.result(request("owner", "finishCharging", **point))
    return datetime.fromisoformat(service.result(booking("ana"))["startDateTime"])


def due_at(address: str) -> datetime | None:
    with connect(address) as database:
        row = database.execute("SELECT due_at FROM points").fetchone()
    assert row is not None
    moment: datetime | None = row[0]
    return moment


def test_a_restart_with_other_settings_changes_what_is_due(address: str) -> None:
    with services(address) as (service,):
        start = book_where_sessions_are_told(service)
    assert due_at(address) == start + 15 * MINUTE
    with services(address, limits=SOONER) as (service,):
        assert due_at(address) == start + 5 * MINUTE
        service.let_pass(start + 6 * MINUTE - service.now)
        service.turn()
        assert service.code(request("ana", "findReservation")) == "NOT_FOUND"
        assert any(message.topic.endswith("reservationNoShow") for message in service.told)


def test_a_service_with_other_settings_than_those_that_live(address: str) -> None:
    with services(address) as (living,):
        start = book_where_sessions_are_told(living)
        with pytest.raises(OtherRules, match="RECHARGE_NO_SHOW_MINUTES=15;"):
            Service(address, SOONER)
        assert due_at(address) == start + 15 * MINUTE
        assert living.result(request("ana", "findReservation"))


def test_a_service_that_comes_back_after_others_have_changed_the_settings(address: str) -> None:
    """Its connection was away for so long that nobody could know of it."""
    with services(address) as (away,):
        away.turn()
        away.die()
        with services(address, limits=SOONER), pytest.raises(OtherRules, match="RECHARGE_NO_SHOW_MINUTES=5;"):
            away.answers(request("ana", "findReservation"))


def test_a_network_that_nobody_has_said_the_settings_of(address: str) -> None:
    with services(address) as (living,), connect(address) as database:
        living.turn()
        database.execute("UPDATE network SET rules = NULL")
        with pytest.raises(OtherRules, match="an older version"):
            Service(address)
    Service(address).die()


def test_time_zones_are_compared_by_name(address: str) -> None:
    zone = EngineLimits(zone=ZoneInfo("America/Bahia"))
    with services(address, 2, limits=zone), pytest.raises(OtherRules, match="TIME_ZONE=America/Bahia;"):
        Service(address)


def test_a_process_says_why_it_does_not_start(address: str) -> None:
    with services(address) as (living,):
        living.turn()
        done = subprocess.run(
            [sys.executable, "-m", "cloud_service", "service", "--state", address, "--offline-minutes", "7"],
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert "RECHARGE_OFFLINE_MINUTES=5" in done.stderr


def test_each_rule_is_named_by_its_setting() -> None:
    assert SETTINGS.keys() == {field.name for field in fields(Rules)}
    variables = {declared.setting.variable for declared in declared_settings(EngineLimits)}
    assert set(SETTINGS.values()) <= variables
    of_life = {declared.setting.variable for declared in declared_settings(LifeLimits)}
    assert of_life <= set(SETTINGS.values())
