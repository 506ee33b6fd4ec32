"""Alerts whose causes need an ailing service, link or disk, each fired by a real Prometheus."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_service.protocol import topics
from cloud_service.store.filesystem import TEMPORARY
from tests.integration.ailing_service import AilingStack, Ailment
from tests.kit.alerting import MISSING, Prometheus
from tests.kit.measured import MeasuredStack
from tests.kit.mqtt import MqttConnection
from tests.kit.people import Place, people_of
from tests.kit.processes import Process
from tests.kit.refusals import refused
from tests.kit.relay import Relay
from tests.kit.scraping import wait_for_sample
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.skipif(shutil.which("prometheus") is None, reason=MISSING)

SMALLER = {
    "recharge_updated_timestamp_seconds > 30": "recharge_updated_timestamp_seconds > 10",
    "256 * 1024 * 1024": "64 * 1024",
    "(recharge_mqtt_reconnects_total[10m]) > 5": "(recharge_mqtt_reconnects_total[10m]) > 2",
}
"""Otherwise the tests would write and wait for minutes. The other limits are those of the rules."""
LARGE_STATION, POINTS = 1, 2_500


def write_large_station(folder: Path) -> None:
    """Files as the old server wrote them: a station with very many points."""
    folder.mkdir()
    point = {"chargingStationID": LARGE_STATION, "power": 22, "kWhPrice": 0.5, "availability": "livre"}
    files = {
        "charging_stations": [{"chargingStationID": LARGE_STATION, "x_position": 0, "y_position": 0}],
        "charging_points": [{"chargingPointID": number, **point} for number in range(1, POINTS + 1)],
        "reservations": [],
    }
    for name, records in files.items():
        (folder / f"{name}.json").write_text(json.dumps(records))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AilingStack]:
    """Its end is not looked at: a service with a fault has logged a traceback."""
    folder = tmp_path_factory.mktemp("ailing")
    stack = AilingStack(folder, pending_per_client="10", checkpoint_seconds="0.5")
    write_large_station(stack.data_dir)
    try:
        stack.broker.start()
        yield stack
    finally:
        stack.suffer(Ailment())
        stack.kill()


@pytest.fixture(scope="module")
def link(stack: AilingStack) -> Iterator[Relay]:
    """What the service reaches the broker through."""
    with Relay(stack.broker.port) as relay:
        stack.connect_through(relay.port)
        stack.start_service()
        yield relay


@pytest.fixture(scope="module")
def prometheus(
    stack: AilingStack, link: Relay, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    targets = {"cloud_service": stack.ports["service"]}
    process = Prometheus(tmp_path_factory.mktemp("prometheus") / "own", targets, SMALLER)
    process.start()
    try:
        wait_until(lambda: process.healthy_targets() == 1, "the service was scraped")
        yield process
    finally:
        process.kill()


def test_a_slow_disk(stack: AilingStack, prometheus: Prometheus) -> None:
    """The first test: it needs one slow request in a hundred."""
    stack.suffer(Ailment(sync_seconds=1.5))
    with people_of(stack) as people:
        charger = people.charger()
        for number in range(3):
            charger.station(Place(10_000, number))
    stack.suffer(Ailment())
    prometheus.wait_for("RechargeSlow")


def test_a_disk_that_hangs(stack: AilingStack, prometheus: Prometheus) -> None:
    with MqttConnection(stack.mqtt_port, "ana") as ana:
        stack.suffer(Ailment(sync_seconds=1_000))
        ana.publish(topics.request("newChargingStation", "ana"), b'{"x_position": 20000, "y_position": 0}')
        prometheus.wait_for("RechargeLoopStuck")
        stack.suffer(Ailment())
        prometheus.wait_for("RechargeLoopStuck", firing=False)


def test_a_client_that_floods(stack: AilingStack, prometheus: Prometheus) -> None:
    with MqttConnection(stack.mqtt_port, "eager") as eager:
        topic = topics.request("newChargingStation", "eager")
        eager.publish_all([topic] * 500, b'{"x_position": 30000, "y_position": 0}')
        prometheus.wait_for("RechargeBusy")


def test_a_fault_of_the_service(stack: AilingStack, prometheus: Prometheus) -> None:
    with people_of(stack) as people:
        charger = people.charger()
        stack.suffer(Ailment(faulty=True))
        with refused("INTERNAL"):
            charger.station(Place(40_000, 0))
        stack.suffer(Ailment())
        prometheus.wait_for("RechargeInternalErrors")


def test_checkpoints_that_fail(stack: AilingStack, prometheus: Prometheus) -> None:
    """A folder stands where a file of the checkpoint has to be written, so the journal grows."""
    obstacle = stack.data_dir / f"charging_stations.json{TEMPORARY}"
    obstacle.mkdir()
    with people_of(stack) as people:
        charger = people.charger()
        for number in range(300):
            charger.station(Place(50_000, number))
    prometheus.wait_for("RechargeCheckpointsFail")
    prometheus.wait_for("RechargeJournalLarge")
    obstacle.rmdir()
    prometheus.wait_for("RechargeJournalLarge", firing=False)


def test_a_broker_that_takes_messages_slowly(stack: AilingStack, link: Relay, prometheus: Prometheus) -> None:
    """Deleting a station with very many points clears as many retained messages."""
    with MqttConnection(stack.mqtt_port, "operator") as operator:
        link.delay_there = 10
        topic = topics.request("deleteChargingStation", "operator")
        operator.publish(topic, json.dumps({"chargingStationID": LARGE_STATION}).encode())
        prometheus.wait_for("RechargeBrokerBehind")
        link.delay_there = 0
        prometheus.wait_for("RechargeBrokerBehind", firing=False)


def test_a_link_that_breaks_again_and_again(stack: AilingStack, link: Relay, prometheus: Prometheus) -> None:
    port = stack.ports["service"]
    for _ in range(3):
        logins = wait_for_sample(port, "recharge_mqtt_connected", 1)("recharge_mqtt_reconnects_total") or 0
        link.cut()
        wait_for_sample(port, "recharge_mqtt_reconnects_total", logins + 1)
    prometheus.wait_for("RechargeReconnectsOften")


class SmallDiskStack(MeasuredStack):
    """The data folder is a disk of 64 MB that only the service sees."""

    def _process(self, command: str, account: str) -> Process:
        process = super()._process(command, account)
        if command != "service":
            return process
        words = mounting(self.data_dir, sys.executable, "-m", "cloud_service", command)
        return Process(command, words, process.log, dict(self.environment))


def mounting(folder: Path, *words: str) -> list[str]:
    """The words of a program for which a small disk is mounted there."""
    script = 'mount -t tmpfs -o size=64m tmpfs "$0" && exec "$@"'
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", script, str(folder), *words]


def test_a_disk_that_is_almost_full(tmp_path: Path) -> None:
    stack = SmallDiskStack(tmp_path / "stack")
    stack.data_dir.mkdir()
    tried = subprocess.run(mounting(stack.data_dir, "true"), capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip("nothing may be mounted here, not even in a namespace of one's own")
    prometheus = Prometheus(tmp_path / "prometheus", {"cloud_service": stack.ports["service"]})
    with stack:
        prometheus.start()
        try:
            prometheus.wait_for("RechargeDiskAlmostFull")
        finally:
            prometheus.kill()
