"""The data folder: imported from the old server, edited by hand, damaged, and after every kind of end."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.kit.processes import HOST, Process, Stack
from tests.kit.waiting import DEADLINE, wait_until

ZONE = "America/Sao_Paulo"
SOON = (datetime.now(ZoneInfo(ZONE)) + timedelta(days=1)).replace(microsecond=0, tzinfo=None)
"""Tomorrow, as the old server wrote it: without an offset."""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A network that is not started yet, on a folder that exists."""
    prepared = Stack(tmp_path, time_zone=ZONE)
    prepared.data_dir.mkdir()
    yield prepared
    prepared.kill()


def station(number: int, x: float, y: float = 0) -> dict[str, Any]:
    return {"chargingStationID": number, "x_position": x, "y_position": y}


def point(number: int, station_id: int, availability: str = "livre") -> dict[str, Any]:
    return {
        "chargingPointID": number,
        "chargingStationID": station_id,
        "power": 10,
        "kWhPrice": 2,
        "availability": availability,
    }


def reservation(
    number: int, key: tuple[int, int], vehicle: int | str, start: datetime, hours: float = 1
) -> dict[str, Any]:
    return {
        "reservationID": number,
        "chargingStationID": key[0],
        "chargingPointID": key[1],
        "chargingPointPower": 10,
        "kWhPrice": 2,
        "vehicleID": vehicle,
        "startDateTime": start.isoformat(),
        "finishDateTime": (start + timedelta(hours=hours)).isoformat(),
        "duration": hours,
        "price": 20 * hours,
    }


def write(stack: Stack, name: str, rows: list[dict[str, Any]]) -> None:
    (stack.data_dir / name).write_text(json.dumps(rows, indent=4))


def read(stack: Stack, name: str) -> Any:
    return json.loads((stack.data_dir / name).read_text())


def history(stack: Stack) -> list[dict[str, Any]]:
    files = sorted(stack.data_dir.glob("history-*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def ask(stack: Stack, action: str, *values: str, client: str = "operator") -> Any:
    """The result over MQTT, or the error's code."""
    done = stack.recharge("request", action, *values, "--client", client)
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.split(": ")[1]


def ask_legacy(stack: Stack, action: str, **values: Any) -> str:
    """The reply's text over TCP."""
    with socket.create_connection((HOST, stack.tcp_port), timeout=DEADLINE) as connection:
        connection.sendall(json.dumps({action: True, **values}).encode())
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read().decode()


def test_a_folder_of_the_old_server_is_imported(stack: Stack) -> None:
    write(stack, "charging_stations.json", [station(1, 0), station(2, 100), station(3, 100)])
    write(stack, "charging_points.json", [point(1, 1), point(1, 2, "quebrado"), point(4, 9), point(2, 1)])
    write(
        stack,
        "reservations.json",
        [
            reservation(1, (1, 1), 7, SOON),
            reservation(1, (2, 1), "8", SOON),
            reservation(2, (1, 1), 9, SOON + timedelta(minutes=30)),
            reservation(3, (2, 1), 7, SOON + timedelta(hours=5)),
            reservation(2, (2, 1), 10, SOON - timedelta(days=9)),
        ],
    )
    stack.start()

    booked = json.loads(ask_legacy(stack, "findReservation", vid="7"))
    assert booked["startDateTime"] == SOON.isoformat()
    assert (booked["chargingStationID"], booked["vehicleID"]) == (1, 7)
    assert json.loads(ask_legacy(stack, "findReservation", vid=8))["chargingStationID"] == 2
    assert ask(stack, "findReservation", client="7") == "NOT_FOUND"
    assert ask_legacy(stack, "findReservation", vid=9) == "None"
    assert ask_legacy(stack, "findReservation", vid=10) == "None"
    points = ask(stack, "receiveAllChargingPoints", "chargingStationID=2")
    assert points[0]["availability"] == "ocupado"

    assert ask_legacy(stack, "newChargingStation", x_position=100, y_position=0) == "2"
    assert ask_legacy(stack, "newChargingStation", x_position=5, y_position=5) == "10"
    new = {"chargingStationID": 1, "power": 1, "kWhPrice": 0, "availability": "livre"}
    assert ask_legacy(stack, "newChargingPoint", **new) == "3"
    stack.stop()

    start = SOON.replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC).isoformat()
    rows = {(row["chargingStationID"], row["vehicleID"]): row for row in read(stack, "reservations.json")}
    assert list(rows) == [(1, 7), (2, "8")]
    assert rows[1, 7]["startDateTime"] == start
    assert start.endswith("+00:00")
    aside = [(row["file"], row["reason"]) for row in read(stack, "set_aside.json")]
    assert aside == [
        ("charging_points.json", "its station does not exist"),
        ("reservations.json", "it overlaps an earlier one of its point"),
        ("reservations.json", "the vehicle has another reservation"),
    ]
    assert "its station does not exist" in stack.service.tail()
    assert [(row["type"], row["reservation"]["vehicleID"]) for row in history(stack)] == [
        ("reservationFinished", 10)
    ]
    assert read(stack, "charging_points.json")[0]["availability"] == "reservado"


def test_a_file_may_be_edited_by_hand_after_a_clean_stop(stack: Stack) -> None:
    stack.start()
    for x in (1, 2):
        assert ask(stack, "newChargingStation", f"x_position={x}", "y_position=0", client="ana") == x
    stack.stop()
    assert {path.name for path in stack.data_dir.iterdir() if path.name.startswith("journal")} == set()
    write(stack, "charging_stations.json", [station(1, 30.5), station(7, 40)])
    write(stack, "charging_points.json", [point(5, 7)])
    stack.start()

    moved = ("chargingStationID=1", "x_position=30.5", "y_position=1")
    assert ask(stack, "updateChargingStation", *moved, client="bob") == "FORBIDDEN"
    assert ask(stack, "updateChargingStation", *moved, client="ana") == "Sucesso"
    assert ask(stack, "deleteChargingStation", "chargingStationID=2", client="ana") == "NOT_FOUND"
    assert ask_legacy(stack, "deleteChargingPoint", chargingStationID=7, chargingPointID=5) == "Sucesso"
    assert ask(stack, "newChargingStation", "x_position=2", "y_position=0", client="ana") == 8
    stack.stop()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[\n    {]", "line 2"),
        ('{"chargingPointID": 1}', "array"),
        ('[{"chargingPointID": 1, "chargingStationID": 1}]', "item 1 lacks the key 'power'"),
        ('[{"chargingPointID": 1}, 3]', "item 1 lacks the key 'chargingStationID'"),
        ("[NaN]", "NaN"),
        ("", "line 1"),
    ],
)
def test_a_file_that_is_none_stops_the_start_and_nothing_is_overwritten(
    stack: Stack, text: str, named: str
) -> None:
    write(stack, "charging_stations.json", [station(1, 0)])
    broken = stack.data_dir / "charging_points.json"
    broken.write_text(text)
    before = {path.name: path.read_bytes() for path in stack.data_dir.iterdir()}
    stack.broker.start()
    stack.service.start()
    wait_until(lambda: not stack.service.running, "the service refuses to start")

    assert stack.service.stop() != 0
    log = stack.service.tail()
    assert str(broken) in log
    assert named in log
    assert "Traceback" not in log
    after = {path.name: path.read_bytes() for path in stack.data_dir.iterdir() if path.name != "lock"}
    assert after == before


def test_what_was_answered_outlives_a_kill(stack: Stack) -> None:
    stack.start()
    answered = [
        ask(stack, "newChargingStation", f"x_position={x}", "y_position=0", client="ana") for x in range(5)
    ]
    new = ("chargingStationID=3", "power=10", "kWhPrice=1", "availability=livre")
    assert ask(stack, "newChargingPoint", *new, client="ana") == 1
    here = ("x=0", "y=0", "actualBatteryPercentage=50", "batteryCapacity=20")
    booked = ask(stack, "scheduleReservation", *here, client="bob")
    stack.service.kill()
    stack.start_service()

    assert answered == [1, 2, 3, 4, 5]
    assert ask(stack, "findReservation", client="bob") == booked
    assert ask(stack, "receiveAllReservations", "chargingStationID=3", client="ana") == [booked]
    assert ask(stack, "newChargingStation", "x_position=9", "y_position=0", client="ana") == 6
    stack.stop()


def test_a_folder_in_use_is_refused(stack: Stack) -> None:
    stack.start()
    second = stack.recharge("service")

    assert second.returncode == 1
    assert "in use by another cloud service" in second.stderr
    stack.stop()


def test_of_two_services_at_one_broker_the_younger_ends(stack: Stack, tmp_path: Path) -> None:
    """Their folders differ, so nothing else keeps them apart, and clients would be answered by either."""
    stack.start()
    first = ask(stack, "newChargingStation", "x_position=1", "y_position=1")
    other = Stack(tmp_path / "other")
    other.service = Process(
        "other service",
        [sys.executable, "-m", "cloud_service", "service"],
        tmp_path / "other.log",
        {**other.environment, "RECHARGE_MQTT_PORT": str(stack.mqtt_port)},
    )
    other.service.start()
    try:
        wait_until(lambda: not other.service.running, "the second service has ended")
        assert "uses this broker: this one stops" in other.service.tail()
        wait_until(lambda: "is there a second cloud_service" in stack.service.tail(), "the first tells of it")
        second = ask(stack, "newChargingStation", "x_position=2", "y_position=1")
        assert ask(stack, "newChargingStation", "x_position=3", "y_position=1") == second + 1 == first + 2
    finally:
        if other.service.running:
            other.service.kill()
    stack.stop()


def test_nothing_is_retained_below_reply_and_a_forged_mark_ends_no_service(stack: Stack) -> None:
    """On an open broker anybody can retain anything, in the service's name too."""
    forged = {"online": True, "version": "1", "since": "2000-01-01T00:00:00Z", "now": "2100-01-01T00:00:00Z"}
    stack.start()
    for topic in ("service/cloud_service", "reply/cloud_service/running", "reply/cloud_service/compared"):
        retain(stack, f"recharge/v1/{topic}", json.dumps(forged))
    for _ in range(2):
        stack.service.kill()
        retain(stack, "recharge/v1/service/cloud_service", json.dumps(forged))
        stack.start_service()
        assert ask(stack, "newChargingStation", "x_position=1", "y_position=1") == 1
    command = ["mosquitto_sub", "-p", str(stack.mqtt_port), "--retained-only", "-W", "2", "-t"]
    below = subprocess.run([*command, "recharge/v1/reply/#"], capture_output=True, text=True, check=False)
    assert below.stdout == ""
    stack.stop()


def retain(stack: Stack, topic: str, text: str) -> None:
    subprocess.run(
        ["mosquitto_pub", "-p", str(stack.mqtt_port), "-q", "1", "-r", "-t", topic, "-m", text], check=True
    )
