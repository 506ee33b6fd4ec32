"""`recharge up`: the whole network with one command, and its end."""

import json
import os
import re
import signal
import socket
import sys
import urllib.request
from pathlib import Path

import pytest

from cloud_service.cli.main import main
from cloud_service.local import mosquitto, ports
from tests.kit.processes import HOST
from tests.kit.up import up
from tests.kit.waiting import DEADLINE, wait_until

PROC = Path("/proc")


FREE_PORTS = ("--mqtt-port", "0", "--tcp-port", "0", "--http-port", "0")


def processes_of(data_dir: Path) -> dict[str, int]:
    """The processes that work on this folder, by what they are."""
    if not PROC.is_dir():
        pytest.skip("which processes run is read from /proc, which this machine lacks")
    found = {}
    for process in PROC.iterdir():
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            variables = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"RECHARGE_DATA_DIR=" + bytes(data_dir) in variables and b"cloud_service" in words:
            found[words[-2].decode()] = int(process.name)
        elif bytes(data_dir / "broker" / "mosquitto.conf") in words:
            found["broker"] = int(process.name)
    return found


def has_ended(pid: int) -> bool:
    """A process that nobody has asked for its status yet has ended as well."""
    try:
        status = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def test_network_starts_answers_ends_and_starts_again(tmp_path: Path) -> None:
    data_dir = tmp_path / "a folder" / "data"
    with up(tmp_path / "first", "--data-dir", str(data_dir), *FREE_PORTS) as network:
        network.wait_ready()
        assert network.paste() == {"requestID": None, "ok": True, "result": 1}
        with socket.create_connection((HOST, network.port("TCP")), DEADLINE) as legacy:
            legacy.sendall(b'{"findReservation": true, "vid": 1}')
            legacy.shutdown(socket.SHUT_WR)
            assert legacy.makefile("rb").read() == b"None"
        assert str(data_dir) in network.stdout
        network.process.send_signal(signal.SIGINT)
        assert network.wait_end() == 0, network.stderr
        stopped = [line for line in network.stderr.splitlines() if "stopped" in line]
        assert len(stopped) == 3
        for name, line in zip(("monitor", "gateway", "service"), stopped, strict=True):
            assert f"{name}: stopped" in line
        assert network.stdout.splitlines()[-1].startswith("ready")

    stations = json.loads((data_dir / "charging_stations.json").read_text())
    assert [(station["x_position"], station["y_position"]) for station in stations] == [(10, 20)]
    for name in ("charging_points.json", "reservations.json"):
        assert json.loads((data_dir / name).read_text()) == []

    with up(tmp_path / "second", "--data-dir", str(data_dir), *FREE_PORTS) as network:
        network.wait_ready()
        assert network.paste() == {"requestID": None, "ok": True, "result": 1}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_process_alone_ends_everything(tmp_path: Path, number: signal.Signals) -> None:
    with up(tmp_path, "--data-dir", str(tmp_path / "data"), *FREE_PORTS) as network:
        network.wait_ready()
        running = processes_of(tmp_path / "data")
        assert set(running) == {"broker", "service", "gateway", "monitor"}
        network.process.send_signal(number)
        assert network.wait_end() == 0, network.stderr
        assert all(has_ended(pid) for pid in running.values())


def test_ctrl_c_reaches_the_supervisor_only(tmp_path: Path) -> None:
    with up(tmp_path, "--data-dir", str(tmp_path / "data"), *FREE_PORTS) as network:
        network.wait_ready()
        groups = {os.getpgid(pid) for pid in processes_of(tmp_path / "data").values()}
        assert len(groups) == 4
        assert os.getpgid(network.process.pid) not in groups
        os.killpg(network.process.pid, signal.SIGINT)
        assert network.wait_end() == 0, network.stderr
        assert "service: stopped" in network.stderr


def test_ctrl_c_while_it_starts(tmp_path: Path) -> None:
    with up(tmp_path, "--data-dir", str(tmp_path / "data"), *FREE_PORTS) as network:
        wait_until(lambda: (tmp_path / "data" / "broker" / "mosquitto.conf").exists(), "the broker starts")
        network.process.send_signal(signal.SIGINT)
        assert network.wait_end() == 0, network.stderr
        assert processes_of(tmp_path / "data") == {}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of a killed process")
def test_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    with up(tmp_path, "--data-dir", str(tmp_path / "data"), *FREE_PORTS) as network:
        network.wait_ready()
        running = processes_of(tmp_path / "data")
        assert set(running) == {"broker", "service", "gateway", "monitor"}
        network.process.kill()
        network.wait_end()
        wait_until(lambda: all(has_ended(pid) for pid in running.values()), "the children have ended")
        assert "service: stopped" in network.stderr


def test_demo_shows_what_lives(tmp_path: Path) -> None:
    """Chargers are there at once, and a vehicle books within the first minutes of its day."""
    with up(tmp_path, "--data-dir", str(tmp_path / "data"), *FREE_PORTS, "--demo") as network:
        network.wait_ready()
        assert set(processes_of(tmp_path / "data")) == {"broker", "service", "gateway", "monitor", "demo"}
        wait_until(lambda: "demo-vehicle" in network.stderr, "a vehicle does something", 120)
        wait_until(lambda: "has not come to point" in network.stderr, "a no-show is noticed", 120)
        for reason in ("out of order", "another vehicle stays longer", "an earlier time is free"):
            assert reason in network.stderr
        assert "demo-charger" in network.stderr
        assert "INFO" not in network.stderr
        network.process.send_signal(signal.SIGINT)
        assert network.wait_end() == 0, network.stderr
        assert "ending the demo, the monitor, the gateway, the service, the broker" in network.stderr
    assert len(json.loads((tmp_path / "data" / "reservations.json").read_text())) > 0


def test_a_demo_leaves_the_clock_alone_in_a_network_that_was_there_before(tmp_path: Path) -> None:
    """Or the reservations of real people would be over before their time."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    for name in ("charging_stations", "charging_points", "reservations"):
        (data_dir / f"{name}.json").write_text("[]")
    with up(tmp_path, "--data-dir", str(data_dir), *FREE_PORTS, "--demo") as network:
        wait_until(lambda: "The service's own clock runs as usual" in network.stderr, "the demo says so")
        assert "60 times as fast" not in network.stderr


@pytest.mark.parametrize("part", ["broker", "service", "gateway"])
def test_a_part_that_dies_ends_the_rest(tmp_path: Path, part: str) -> None:
    with up(tmp_path, "--data-dir", str(tmp_path / "data"), *FREE_PORTS) as network:
        network.wait_ready()
        running = processes_of(tmp_path / "data")
        os.kill(running[part], signal.SIGKILL)
        assert network.wait_end() == 1
        last = network.stderr.splitlines()[-1]
        assert last.startswith(f"recharge up: the {part} was ended by SIGKILL")
        assert all(has_ended(pid) for pid in running.values())


def test_default_mqtt_port_that_is_taken_is_replaced(tmp_path: Path) -> None:
    with socket.socket() as other:
        if ports.is_free(HOST, 1883):
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind((HOST, 1883))
            other.listen()
        with up(
            tmp_path, "--data-dir", str(tmp_path / "data"), "--tcp-port", "0", "--http-port", "0"
        ) as network:
            network.wait_ready()
            assert network.port("MQTT") not in (0, 1883)
            assert "1883" not in network.stdout
            assert network.paste() == {"requestID": None, "ok": True, "result": 1}


def test_two_that_start_at_the_same_moment_have_a_map_each(tmp_path: Path) -> None:
    """Whether the default port is free or not."""
    ports_but_the_maps = ("--mqtt-port", "0", "--tcp-port", "0")
    with (
        up(tmp_path / "one", "--data-dir", str(tmp_path / "data 1"), *ports_but_the_maps) as one,
        up(tmp_path / "two", "--data-dir", str(tmp_path / "data 2"), *ports_but_the_maps) as two,
    ):
        maps = []
        for network in (one, two):
            network.wait_ready()
            maps += re.findall(r"^map +(http\S+)$", network.stdout, re.MULTILINE)
        assert len(set(maps)) == 2
        for address in maps:
            with urllib.request.urlopen(f"{address}healthz", timeout=DEADLINE) as answer:
                assert answer.status == 200


@pytest.mark.parametrize(("flag", "other"), [("--mqtt-port", "--tcp-port"), ("--tcp-port", "--mqtt-port")])
def test_port_that_was_asked_for_and_is_taken(tmp_path: Path, flag: str, other: str) -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        words = ("--data-dir", str(tmp_path / "data"), flag, str(port), other, "0", "--http-port", "0")
        with up(tmp_path, *words) as network:
            assert network.wait_end() == 1
            assert network.stderr.count("\n") == 1
            assert f"port {port} on {HOST} is taken" in network.stderr
            assert flag in network.stderr
            assert network.stdout == ""


def test_default_tcp_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as other:
        if ports.is_free(HOST, 64352):
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind((HOST, 64352))
            other.listen()
        with up(tmp_path, "--data-dir", str(tmp_path / "data"), "--mqtt-port", "0") as network:
            assert network.wait_end() == 1
            assert network.stderr.startswith(f"recharge up: port 64352 on {HOST} is taken")


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with up(tmp_path, "--data-dir", str(tmp_path / "file" / "data"), *FREE_PORTS) as network:
        assert network.wait_end() == 1
        assert network.stderr.count("\n") == 1
        assert f"cannot write to the data folder {tmp_path}/file/data: Not a directory" in network.stderr


def test_folder_that_belongs_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    with up(tmp_path, "--data-dir", str(folder), *FREE_PORTS) as network:
        assert network.wait_end() == 1
        assert f"cannot write to the data folder {folder}: Permission denied" in network.stderr


def test_folder_that_another_network_uses(tmp_path: Path) -> None:
    data_dir = str(tmp_path / "data")
    with up(tmp_path / "first", "--data-dir", data_dir, *FREE_PORTS) as first:
        first.wait_ready()
        with up(tmp_path / "second", "--data-dir", data_dir, *FREE_PORTS) as second:
            assert second.wait_end() == 1
            assert second.stderr.count("\n") == 1
            assert f"another `recharge up` uses the data folder {data_dir}" in second.stderr
        assert first.paste() == {"requestID": None, "ok": True, "result": 1}


def test_files_that_are_no_json_stop_the_start(tmp_path: Path) -> None:
    file = tmp_path / "data" / "charging_points.json"
    file.parent.mkdir()
    file.write_text('[{"chargingPointID": 1,')
    with up(tmp_path, "--data-dir", str(file.parent), *FREE_PORTS) as network:
        assert network.wait_end() == 1
        assert "charging_points.json" in network.stderr
        assert "recharge up: the service ended with status 1" in network.stderr
        assert processes_of(file.parent) == {}
    assert file.read_text() == '[{"chargingPointID": 1,'


def test_mosquitto_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mosquitto, "FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["up", "--data-dir", str(tmp_path / "data"), *FREE_PORTS]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("recharge up: mosquitto is not installed: `sudo apt install mosquitto")
    assert not (tmp_path / "data").exists()


def test_variables_do_as_flags_do(tmp_path: Path) -> None:
    """Those of the shell for another broker do not lead our processes astray."""
    environment = {
        "RECHARGE_DATA_DIR": str(tmp_path / "data"),
        "RECHARGE_MQTT_PORT": "0",
        "RECHARGE_TCP_PORT": "0",
        "RECHARGE_HTTP_PORT": "0",
        "RECHARGE_LOG_FORMAT": "json",
        "RECHARGE_MQTT_USER": "nobody",
        "RECHARGE_MQTT_PASSWORD_FILE": str(tmp_path / "absent"),
    }
    with up(tmp_path, environment=environment) as network:
        network.wait_ready()
        network.paste()

        def logged() -> dict[str, str] | None:
            lines = [json.loads(line) for line in network.stderr.splitlines() if line.startswith("{")]
            return next((line for line in lines if line.get("action") == "newChargingStation"), None)

        request = wait_until(logged, "the request is logged, which a thread does behind its reply")
        assert (request["process"], request["client"], request["outcome"]) == ("service", "ana", "ok")
        assert {"request_id", "milliseconds", "time", "level"} <= set(request)


@pytest.mark.skipif(not (PROC / "net" / "tcp").exists(), reason="listeners are read from /proc/net/tcp")
def test_ports_are_open_on_the_loopback_address_only(tmp_path: Path) -> None:
    with up(tmp_path, "--data-dir", str(tmp_path / "data"), *FREE_PORTS) as network:
        network.wait_ready()
        for port in (network.port("MQTT"), network.port("TCP")):
            assert listening_addresses(port) == {"0100007F"}


def listening_addresses(port: int) -> set[str]:
    """The local addresses, in the kernel's hexadecimal form, on which somebody listens on this port."""
    addresses = set()
    for table in ("tcp", "tcp6"):
        for line in (PROC / "net" / table).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, _, number = local.rpartition(":")
            if state == "0A" and int(number, 16) == port:
                addresses.add(address)
    return addresses


def test_log_lines_of_all_parts_are_on_standard_error(tmp_path: Path) -> None:
    with up(tmp_path, "--data-dir", str(tmp_path / "data"), *FREE_PORTS) as network:
        network.wait_ready()
        for part in (" service: ", " gateway: "):
            wait_until(lambda part=part: part in network.stderr, f"{part} has written a line")
        for part in ("service: ", "gateway: "):
            assert part not in network.stdout
