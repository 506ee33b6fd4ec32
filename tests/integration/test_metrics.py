"""The endpoints of the running service and gateway, scraped and checked as Prometheus would."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.kit.alerting import MISSING
from tests.kit.measured import MeasuredStack
from tests.kit.people import Place, Vehicle, people_of
from tests.kit.processes import Stack
from tests.kit.scraping import Scrape, scrape, wait_for_sample


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeasuredStack]:
    with MeasuredStack(tmp_path_factory.mktemp("measured")) as stack:
        yield stack


@pytest.fixture(scope="module")
def scrapes(measured: MeasuredStack) -> dict[str, Scrape]:
    """Both endpoints after a vehicle that is called `secret-vehicle` has booked, over MQTT and over TCP."""
    service, gateway = measured.ports["service"], measured.ports["gateway"]
    with people_of(measured) as people:
        people.charger().with_point(Place(0, 0))
        people.over_tcp().charger().with_point(Place(9000, 0))
        Vehicle(people.mqtt("vehicle", "secret-vehicle")).book(Place(0, 0))
    return {
        # The booking came last, so figures that have it have everything.
        "service": wait_for_sample(service, "recharge_points", 1, availability="reservado"),
        "gateway": wait_for_sample(
            gateway, "recharge_gateway_requests_total", 1, action="newChargingPoint", outcome="ok"
        ),
    }


def test_the_service_counts_what_happened(scrapes: dict[str, Scrape]) -> None:
    seen = scrapes["service"]
    assert seen("recharge_requests_total", action="scheduleReservation", outcome="ok") == 1
    assert seen("recharge_request_duration_seconds_count", action="scheduleReservation") == 1
    assert seen("recharge_reservations") == 1
    assert seen("recharge_stations") == 2
    assert seen("recharge_booking_wait_seconds_count") == 1
    assert seen("recharge_mqtt_connected") == 1
    assert seen("recharge_store_writable") == 1
    assert seen("recharge_request_records") is not None
    for name in (
        "recharge_journal_size_bytes",
        "recharge_journal_sync_duration_seconds_count",
        "recharge_batch_requests_count",
        "process_resident_memory_bytes",
    ):
        assert (seen(name) or 0) > 0, name


def test_nobody_is_named(scrapes: dict[str, Scrape]) -> None:
    allowed = {"action", "outcome", "availability", "reason", "state", "version", "le", "generation"}
    platform = {"implementation", "major", "minor", "patchlevel"}
    for seen in scrapes.values():
        assert "secret-vehicle" not in seen.text
        assert {name for name, _ in seen.labels()} <= allowed | platform


@pytest.mark.parametrize("process", ["service", "gateway"])
def test_names_and_units_are_as_prometheus_wants_them(scrapes: dict[str, Scrape], process: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip(MISSING)
    text = scrapes[process].text.encode()
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")


def test_a_broker_that_was_away_is_a_reconnect(measured: MeasuredStack, scrapes: dict[str, Scrape]) -> None:
    measured.broker.kill()
    for port in measured.ports.values():
        wait_for_sample(port, "recharge_mqtt_connected", 0)
    measured.broker.start()
    for port in measured.ports.values():
        seen = wait_for_sample(port, "recharge_mqtt_connected", 1)
        assert seen("recharge_mqtt_reconnects_total") == 1


def test_without_a_port_there_is_no_endpoint(stack: Stack) -> None:
    for process in (stack.service, stack.gateway):
        assert "metrics on" not in process.log.read_text()


def test_the_same_process_says_where_it_serves(measured: MeasuredStack) -> None:
    for name, process in (("service", measured.service), ("gateway", measured.gateway)):
        port = measured.ports[name]
        assert f"metrics on http://127.0.0.1:{port}/metrics" in process.log.read_text()
        assert scrape(port)("recharge_started_timestamp_seconds")


def test_the_brokers_own_figures(measured: MeasuredStack) -> None:
    for name in (
        "broker_load_messages_sent_1min",
        "broker_clients_connected",
        "broker_bytes_received",
        "broker_uptime",
    ):
        wait_for_sample(measured.ports["service"], name)
