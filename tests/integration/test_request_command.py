"""`recharge request`, over MQTT and over TCP, against the running network."""

import json
import os
import pty
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from cloud_service.protocol.actions import CLIENT_ACTIONS
from tests.kit.processes import HOST, Broker, Stack, clean_environment
from tests.kit.waiting import DEADLINE

POINT: Final = ("power=22", "kWhPrice=1.5", "availability=livre")


def test_result_is_printed(stack: Stack) -> None:
    made = stack.recharge(
        "request", "newChargingStation", "x_position=7001", "y_position=-0.5", "--client", "rita"
    )
    assert (made.returncode, made.stderr) == (0, "")
    station_id = int(made.stdout)

    values = (f"chargingStationID={station_id}", "power=22", "kWhPrice=1.5", "availability=livre")
    assert stack.recharge("request", "newChargingPoint", *values, "--client", "rita").stdout == "1\n"

    listed = stack.recharge(
        "request", "receiveAllChargingPoints", f"chargingStationID={station_id}", "--client", "rita"
    )
    assert json.loads(listed.stdout) == [
        {
            "chargingPointID": 1,
            "chargingStationID": station_id,
            "power": 22,
            "kWhPrice": 1.5,
            "availability": "livre",
        }
    ]
    assert listed.stdout.startswith("[\n    {\n        ")

    deleted = stack.recharge(
        "request", "deleteChargingStation", f"chargingStationID={station_id}", "--client", "rita"
    )
    assert deleted.stdout == '"Sucesso"\n'


def test_a_quote_and_a_session(stack: Stack) -> None:
    def ask(client: str, *words: str) -> Any:
        done = stack.recharge("request", *words, "--client", client)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    station = f"chargingStationID={ask('sara', 'newChargingStation', 'x_position=7010', 'y_position=1')}"
    tariff = 'tariff=[{"start_time": "00:00", "end_time": "00:00", "kWhPrice": 0.5}]'
    point = (station, f"chargingPointID={ask('sara', 'newChargingPoint', station, *POINT, tariff)}")

    need = ("x=7010", "y=1", "actualBatteryPercentage=50", "batteryCapacity=44")
    (offer,) = ask("tom", "quoteReservation", *need, "objective=cheapest", *point, "offers=2")
    assert (offer["chargingPointPower"], offer["price"], offer["distance"]) == (22, 11, 0)

    booked = ask("tom", "scheduleReservation", *need, *point)
    begun = ask("sara", "startCharging", *point, "vehicleID=tom")
    assert begun == {**booked, "state": "active"}
    assert ask("sara", "finishCharging", *point, "energy=20.5") == "Sucesso"
    assert ask("sara", "startCharging", *point, "hours=0.5") is None
    assert ask("sara", "deleteChargingStation", station) == "Sucesso"


def test_value_that_is_no_json_is_a_text(stack: Stack) -> None:
    """The vehicle "007" is another than 7, and quotes make a text of a number."""
    for value in ("007", '"7"', "a=b", "Zé 1"):
        done = stack.recharge("request", "findReservation", f"vid={value}")
        assert done.returncode == 1
        assert done.stderr.startswith("recharge request: NOT_FOUND: ")
        assert done.stdout == ""


def test_error_of_the_service(stack: Stack) -> None:
    done = stack.recharge("request", "newChargingStation", "x_position=here", "y_position=1")
    assert done.returncode == 1
    assert done.stderr.startswith("recharge request: BAD_REQUEST: ")
    assert "x_position" in done.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            "newChargingPoint chargingStationID=1 power=22 kWhPrice=1 availability=free",
            'availability must be one of livre, ocupado, reservado, not "free"',
        ),
        (
            "scheduleReservation vid=7 x=0 y=0 actualBatteryPercentage=100 batteryCapacity=50",
            "actualBatteryPercentage must be a number from 0 up to, but not including, 100, not 100",
        ),
        (
            "deleteChargingStation chargingStationID=one",
            'chargingStationID must be an integer from 1, not "one"',
        ),
    ],
)
def test_a_wrong_value_is_told_what_would_be_right(stack: Stack, words: str, complaint: str) -> None:
    done = stack.recharge("request", *words.split())
    assert done.returncode == 1
    assert done.stderr == f"recharge request: BAD_REQUEST: {complaint}\n"


def test_same_id_asks_for_the_same_once(stack: Stack) -> None:
    words = ("request", "newChargingStation", "x_position=7003", "y_position=1", "--request-id", "once-7003")
    first, again = stack.recharge(*words), stack.recharge(*words)
    assert first.returncode == again.returncode == 0
    assert first.stdout == again.stdout
    words = ("request", "newChargingStation", "x_position=7004", "y_position=1", "--request-id", "once-7003")
    other = stack.recharge(*words)
    assert other.returncode == 1
    assert "ID_REUSED" in other.stderr


def test_an_action_that_tcp_does_not_have(stack: Stack) -> None:
    done = stack.recharge("request", "--tcp", "startCharging", "chargingStationID=1", "chargingPointID=1")
    assert done.returncode == 1
    assert done.stderr == "recharge request: startCharging is an action of MQTT only: leave out --tcp\n"


def test_over_tcp(stack: Stack) -> None:
    made = stack.recharge("request", "--tcp", "newChargingStation", "x_position=7002", "y_position=1")
    assert made.returncode == 0
    station_id = int(made.stdout)
    moved = stack.recharge(
        "request",
        "updateChargingStation",
        f"chargingStationID={station_id}",
        "x_position=7002",
        "y_position=2",
        "--tcp",
    )
    assert (moved.returncode, moved.stdout) == (0, '"Sucesso"\n')
    deleted = stack.recharge("request", "--tcp", "deleteChargingStation", f"chargingStationID={station_id}")
    assert deleted.returncode == 0
    none = stack.recharge("request", "--tcp", "deleteChargingStation", f"chargingStationID={station_id}")
    assert none.returncode == 1
    assert none.stderr == "recharge request: None\n"


def test_reply_is_pretty_on_a_terminal(stack: Stack) -> None:
    ours, terminals = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "cloud_service",
                "request",
                "newChargingStation",
                "x_position=1",
                "y_position=7",
            ],
            env={**stack.environment, "TERM": "xterm-256color"},
            stdout=terminals,
            stderr=subprocess.PIPE,
            timeout=DEADLINE,
            check=False,
        )
        os.close(terminals)
        assert done.returncode == 0, done.stderr
        shown = terminal.read(4096).decode()
    assert "\x1b[" in shown


@pytest.mark.parametrize("protocol", ["mqtt", "tcp"])
def test_nobody_there(protocol: str) -> None:
    with socket.socket() as unused:
        unused.bind((HOST, 0))
        port = unused.getsockname()[1]
        done = recharge(
            "request",
            "findReservation",
            "vid=1",
            f"--{protocol}-port={port}",
            *(["--tcp"] if protocol == "tcp" else []),
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f":{port} cannot be reached" in done.stderr


def test_no_service_at_the_broker(stack: Stack, tmp_path: Path) -> None:
    """The broker is there, and the service is not."""
    with Broker(tmp_path) as broker:
        done = recharge("request", "findReservation", "vid=1", "--timeout", "3", f"--mqtt-port={broker.port}")
    assert done.returncode == 1
    assert done.stderr.startswith("recharge request: nobody receives requests at this broker")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fly"], "there is no action fly"),
        (["findReservatoin"], "there is no action findReservatoin; did you mean findReservation?"),
        (["findReservation", "vid"], "'vid' is not KEY=VALUE"),
        (["findReservation", "--mqtt-prot", "1"], "--mqtt-prot"),
    ],
)
def test_mistakes_are_explained(words: list[str], said: str) -> None:
    done = recharge("request", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "`recharge request --help`" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_lists_the_actions_with_their_keys() -> None:
    words = " ".join(recharge("request", "--help").stdout.split())
    for name, action in CLIENT_ACTIONS.items():
        assert f" {name} {' '.join(f'{key}=...' for key in action.keys)}" in words


def recharge(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cloud_service", *words],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
