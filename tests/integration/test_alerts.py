"""The alert rules: tried by promtool, and fired by a real Prometheus.

test_alerts_of_ailments.py has the causes that need an ailing service, link or disk.
"""

import resource
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.kit.alerting import MISSING, MONITORING, Prometheus, dashboard_expressions
from tests.kit.measured import MeasuredStack
from tests.kit.monitor import Monitor
from tests.kit.ocpp import OcppGatewayProcess
from tests.kit.people import Place, new_place, people_of
from tests.kit.processes import HOST, free_port
from tests.kit.refusals import refused
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None or shutil.which("prometheus") is None, reason=MISSING
)

UNIT_TESTS = Path(__file__).parent / "alert_tests.yml"
_NOT_SCRAPED_YET = {"RechargeServiceDown", "RechargeGatewayDown"}


def _promtool(*words: str, folder: Path) -> None:
    done = subprocess.run(["promtool", *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_and_the_rules_are_valid() -> None:
    for name in ("prometheus.yml", "prometheus-scale.yml"):
        _promtool("check", "config", name, folder=MONITORING)


def test_each_rule_fires_for_its_figures(tmp_path: Path) -> None:
    for file in (MONITORING / "alerts.yml", UNIT_TESTS):
        shutil.copy(file, tmp_path)
    _promtool("test", "rules", UNIT_TESTS.name, folder=tmp_path)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeasuredStack]:
    limits = {"tcp_max_connections_per_address": "3", "checkpoint_seconds": "0.5"}
    with MeasuredStack(tmp_path_factory.mktemp("alerts"), **limits) as stack:
        yield stack


@pytest.fixture(scope="module")
def monitor(measured: MeasuredStack) -> Iterator[Monitor]:
    with Monitor(measured, metrics_port=str(free_port()), http_max_viewers="1") as running:
        yield running


@pytest.fixture(scope="module")
def ocpp_port() -> int:
    """Where the OCPP gateway serves its metrics."""
    return free_port()


@pytest.fixture(scope="module")
def ocpp_gateway(measured: MeasuredStack, ocpp_port: int) -> Iterator[OcppGatewayProcess]:
    with OcppGatewayProcess(measured, metrics_port=str(ocpp_port)) as running:
        yield running


@pytest.fixture(scope="module")
def prometheus(
    measured: MeasuredStack,
    monitor: Monitor,
    ocpp_gateway: OcppGatewayProcess,
    ocpp_port: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Prometheus]:
    targets = {
        "cloud_service": measured.ports["service"],
        "gateway": measured.ports["gateway"],
        "monitor": monitor.port,
        "ocpp_gateway": ocpp_port,
    }
    process = Prometheus(tmp_path_factory.mktemp("prometheus") / "own", targets)
    process.start()
    try:
        wait_until(lambda: process.healthy_targets() == len(targets), "all processes were scraped")
        wait_until(lambda: not process.firing() & _NOT_SCRAPED_YET, "the rules were evaluated after that")
        yield process
    finally:
        process.kill()


def test_in_a_network_that_is_well_nothing_fires(measured: MeasuredStack, prometheus: Prometheus) -> None:
    with people_of(measured) as people:
        people.charger().with_point(Place(0, 0))
    # The disk of the machine that runs the tests may well be almost full.
    assert prometheus.firing() <= {"RechargeDiskAlmostFull"}


@pytest.mark.parametrize("expression", dashboard_expressions())
def test_each_panel_of_the_dashboard_shows_something(
    measured: MeasuredStack, prometheus: Prometheus, expression: str
) -> None:
    with people_of(measured) as people:
        place = new_place()
        people.charger().with_point(place)
        people.vehicle().book(place)
    # Grafana sets the interval so that it has several scrapes.
    expression = expression.replace("$__rate_interval", "1m")
    wait_until(lambda: prometheus.values(expression), f"there is something to show for {expression}")


def test_refused_connections(measured: MeasuredStack, prometheus: Prometheus) -> None:
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(socket.create_connection((HOST, measured.tcp_port)))
        prometheus.wait_for("RechargeGatewayRefuses")


def test_pages_for_which_there_is_no_room(monitor: Monitor, prometheus: Prometheus) -> None:
    address = f"ws://{HOST}:{monitor.port}/api/live"
    with connect(address) as first:
        first.recv()
        with connect(address):
            prometheus.wait_for("RechargeMonitorFull")


def test_a_disk_that_takes_no_more(measured: MeasuredStack, prometheus: Prometheus) -> None:
    """The kernel refuses to let the service's files grow, as it does on a full disk."""
    pid = measured.service.pid
    unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    with people_of(measured) as people:
        charger = people.charger()
        charger.station(Place(500, 0))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, unlimited[1]))
        try:
            with refused("STORAGE"):
                charger.station(Place(501, 0))
            prometheus.wait_for("RechargeStoreFailing")
            prometheus.wait_for("RechargeCheckpointsFail")
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
        charger.station(Place(502, 0))
    prometheus.wait_for("RechargeStoreFailing", firing=False)


def test_a_broker_that_is_away(measured: MeasuredStack, prometheus: Prometheus) -> None:
    measured.broker.kill()
    prometheus.wait_for("RechargeBrokerAway")
    measured.broker.start()
    prometheus.wait_for("RechargeBrokerAway", firing=False)


def test_processes_that_are_down(
    measured: MeasuredStack, monitor: Monitor, ocpp_gateway: OcppGatewayProcess, prometheus: Prometheus
) -> None:
    ocpp_gateway.stop()
    prometheus.wait_for("RechargeOcppGatewayDown")
    monitor.stop()
    prometheus.wait_for("RechargeMonitorDown")
    measured.gateway.stop()
    prometheus.wait_for("RechargeGatewayDown")
    measured.service.kill()
    prometheus.wait_for("RechargeServiceDown")
    measured.start_service()
    measured.start_gateway()
    monitor.start()
    ocpp_gateway.start()
    down = ("RechargeServiceDown", "RechargeGatewayDown", "RechargeMonitorDown", "RechargeOcppGatewayDown")
    for alert in down:
        prometheus.wait_for(alert, firing=False)
