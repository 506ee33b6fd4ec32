"""A secured network comes back from its backup: the same bookings, the same accounts, the same authority."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.kit.mqtt import MqttClient
from tests.kit.processes import clean_environment
from tests.kit.up import Up, up
from tests.kit.waiting import DEADLINE

FREE_PORTS = ("--mqtt-port", "0", "--mqtt-tls-port", "0", "--tcp-port", "0", "--http-port", "0")


def recharge(*words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cloud_service", *words],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=check,
    )


def plain_port(network: Up) -> int:
    """The port without TLS, for this machine."""
    found = re.search(r"127\.0\.0\.1:(\d+)  \(plain", network.stdout)
    assert found is not None, network.stdout
    return int(found[1])


def test_a_secured_network_comes_back_with_its_accounts(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copies" / "monday"
    words = ("--secure", "--data-dir", str(data), *FREE_PORTS)
    with up(tmp_path, *words) as network:
        network.wait_ready()
        port = plain_port(network)

        def account(name: str, role: str) -> str:
            place = ("--mqtt-port", str(port), "--data-dir", str(data))
            return recharge("accounts", "add", name, "--role", role, *place).stdout.strip()

        passwords = {
            "charger-1": account("charger-1", "charger"),
            "vehicle-1": account("vehicle-1", "vehicle"),
        }
        with MqttClient(port, "charger-1", passwords["charger-1"]) as charger:
            station = charger.ask("newChargingStation", x_position=1, y_position=2)
            charger.ask(
                "newChargingPoint", chargingStationID=station, power=22, kWhPrice=1, availability="livre"
            )
        with MqttClient(port, "vehicle-1", passwords["vehicle-1"], role="vehicle") as vehicle:
            booked = vehicle.ask(
                "scheduleReservation", x=0, y=0, actualBatteryPercentage=50, batteryCapacity=40
            )
        ca_file = data / "broker" / "certificates" / "ca.crt"
        authority = ca_file.read_bytes()
        made = recharge("backup", str(copy), "--data-dir", str(data))
        assert "keep it where only you can read it" in made.stdout
        running = recharge("restore", str(copy), "--data-dir", str(data), "--replace", check=False)
        assert running.returncode == 1
        assert "another `recharge up` uses the data folder" in running.stderr
    shutil.rmtree(data)

    recharge("restore", str(copy), "--data-dir", str(data))

    assert (data / "broker" / "dynamic-security.json").stat().st_mode & 0o777 == 0o600
    assert (data / "broker" / "secrets").stat().st_mode & 0o777 == 0o700
    with up(tmp_path, *words) as network:
        network.wait_ready()
        assert ca_file.read_bytes() == authority
        port = network.port("MQTT")
        with MqttClient(
            port, "vehicle-1", passwords["vehicle-1"], ca_file=ca_file, role="vehicle"
        ) as vehicle:
            assert vehicle.ask("findReservation") == booked
        with MqttClient(port, "charger-1", passwords["charger-1"], ca_file=ca_file) as charger:
            assert charger.ask("receiveAllReservations", chargingStationID=station) == [booked]
            assert charger.ask("deleteChargingStation", chargingStationID=station) == "Sucesso"
