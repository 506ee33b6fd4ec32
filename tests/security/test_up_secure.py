"""`recharge up --secure`: a network with accounts and TLS after one command."""

import json
import subprocess
from pathlib import Path

from tests.integration.test_up import up
from tests.kit.processes import DEADLINE, clean_environment, wait_until
from tests.security.mqtt import MQTT, PATIENCE, Refused

FREE_PORTS = ("--mqtt-port", "0", "--mqtt-tls-port", "0", "--tcp-port", "0")


def _paste(line: str, *more: str) -> "subprocess.CompletedProcess[str]":
    """Runs a line as a reader would who pasted it."""
    words = " ".join((line, *more))
    return subprocess.run(
        ["sh", "-c", words],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )


def test_what_it_prints_can_be_pasted(tmp_path: Path) -> None:
    data = tmp_path / "the data"
    with up(tmp_path, "--secure", "--data-dir", str(data), *FREE_PORTS) as network:
        network.wait_ready()
        plain = network.stdout.splitlines()[1].split()[0].rpartition(":")[2]
        example = next(line for line in network.stdout.splitlines() if " request newChargingStation " in line)
        assert json.loads(_paste(example).stdout) == 1

        accounts = next(line for line in network.stdout.splitlines() if line.startswith("Accounts: "))
        line = accounts.removeprefix("Accounts: ").replace("NAME", "charger-1")
        password = _paste(line).stdout.strip()
        ca_file = data / "broker" / "certificates" / "ca.crt"
        with MQTT(network.port("MQTT"), "charger-1", "charger-1", password, ca_file=ca_file) as charger:
            assert charger.subscribe(["recharge/v1/reply/charger-1"]) == [True]
            body = b'{"x_position": 3, "y_position": 4}'
            charger.publish(["recharge/v1/request/newChargingStation/charger-1"], body)
            assert json.loads(charger.received.get(timeout=PATIENCE).payload)["result"] == 2
        for port, authority in ((int(plain), None), (network.port("MQTT"), ca_file)):
            try:
                with MQTT(port, "somebody", ca_file=authority):
                    raise AssertionError("somebody without an account gets in")
            except Refused:
                pass
        environment = (
            Path(f"/proc/{network.process.pid}/cmdline").read_text() + network.stderr + network.stdout
        )
        assert password not in environment

    with up(tmp_path, "--secure", "--data-dir", str(data), *FREE_PORTS) as network:
        network.wait_ready()
        with MQTT(network.port("MQTT"), "charger-1", "charger-1", password, ca_file=ca_file):
            pass


def test_the_demo_lives_in_it(tmp_path: Path) -> None:
    with up(tmp_path, "--secure", "--demo", "--data-dir", str(tmp_path / "data"), *FREE_PORTS) as network:
        wait_until(lambda: "demo-charger-1" in network.stderr, "the demo's chargers are there")
