"""The programs of the guides: the charger for an ESP32, and what systemd starts.

test_blocks.py runs the code blocks.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cloud_service.protocol import topics
from recharge import Vehicle
from tests.docs.pages import ROOT, Page, commands
from tests.guests import INSTALL, MODULES
from tests.kit.mqtt import MqttConnection
from tests.kit.people import Place, people_of, target_of
from tests.kit.processes import HOST, Process, Stack
from tests.kit.refusals import refused
from tests.kit.tcp import TcpClient
from tests.kit.waiting import DEADLINE, wait_until

ESP32 = ROOT / "docs" / "examples" / "esp32_charger.py"
GUESTS = ROOT / "tests" / "guests"
SYSTEMD = ROOT / "systemd"
NODE = shutil.which("node")
MICROPYTHON = MODULES / "@micropython"
OLD_ZONE = ZoneInfo("America/Sao_Paulo")
STATION = {"chargingStationID": 1}


def test_the_esp32_charger_registers_and_hears_of_a_booking(network: Stack, tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text(f"BROKER, PORT, PASSWORD = {HOST!r}, {network.mqtt_port}, None\n")
    log = tmp_path / "esp32.log"
    path = os.pathsep.join((str(GUESTS / "micropython"), str(tmp_path)))
    words = [sys.executable, "-u", str(ESP32)]
    board = Process("esp32", words, log, {**network.environment, "PYTHONPATH": path})
    presence = topics.presence("esp32-charger")

    async def book() -> int:
        async with Vehicle("esp32-guest", network.address) as vehicle:
            return (await vehicle.book(12, 8, 20, 40)).station_id

    with MqttConnection(network.mqtt_port, "watcher") as watcher:
        watcher.subscribe(presence)
        board.start()
        try:

            def said(text: str) -> bool:
                board.check()
                return text in log.read_text()

            assert watcher.on(presence).payload == b'{"online": true}'
            wait_until(lambda: said("is online"), "the board is online")
            assert f"station {asyncio.run(book())} is online" in log.read_text()
            wait_until(lambda: said("reservationScheduled esp32-guest"), "the board has the event")
        finally:
            board.kill()
        assert watcher.on(presence).payload == b'{"online": false}'


@pytest.mark.skipif(NODE is None or not MICROPYTHON.exists(), reason=f"MicroPython is missing: {INSTALL}")
def test_micropython_compiles_the_charger() -> None:
    words = [str(NODE), str(GUESTS / "compile.mjs"), str(ESP32)]
    assert subprocess.check_output(words, text=True, timeout=DEADLINE) == "compiled\n"


def _executable(line: str, folder: Path) -> str:
    """An ExecStart of /opt/recharge, where systemd-analyze finds a program on this machine."""
    return line.replace("/opt/recharge/systemd", str(SYSTEMD)).replace("/opt/recharge/.venv/bin", str(folder))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    (tmp_path / "recharge").symlink_to(sys.executable)
    for unit in (*SYSTEMD.glob("*.service"), *SYSTEMD.glob("*.timer")):
        lines = unit.read_text().splitlines()
        (tmp_path / unit.name).write_text("\n".join(_executable(line, tmp_path) for line in lines))
    units = [str(unit) for unit in (*tmp_path.glob("*.service"), *tmp_path.glob("*.timer"))]
    assert len(units) == 3
    verified = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    about_ours = [line for line in verified.stderr.splitlines() if "recharge" in line]
    assert (verified.returncode, about_ours) == (0, [])


def test_a_trial_move_from_the_old_server(tmp_path: Path) -> None:
    """`verify` names what the network then sets aside, and its clients find their dates as they were."""
    start = datetime.now(OLD_ZONE).replace(tzinfo=None) + timedelta(minutes=10)
    folder = tmp_path / "data"
    write_old_files(folder, start)
    stack = Stack(tmp_path, time_zone=str(OLD_ZONE))
    verified = stack.recharge("verify", str(folder))
    assert verified.stdout.endswith("not sound\n")
    with stack:
        set_aside = json.loads((folder / "set_aside.json").read_text())
        [kept] = json.loads(
            TcpClient(target_of(stack), "old").text({"receiveAllReservations": True, **STATION})
        )
    assert [row["reason"] for row in set_aside] == [
        "its station does not exist",
        "the vehicle has another reservation",
    ]
    assert all(
        f"WRONG: {row['file']}: {row['reason']}: {row['record']}" in verified.stdout for row in set_aside
    )
    assert kept["startDateTime"] == start.isoformat()


def write_old_files(folder: Path, start: datetime) -> None:
    """Files of the old server with a point too many, and a vehicle with two reservations."""
    point = {"chargingPointID": 1, "power": 30, "kWhPrice": 0.5, "availability": "livre"}
    charge = {"chargingPointPower": 30, "kWhPrice": 0.5, "vehicleID": 7, "duration": 1, "price": 15}
    reservations = [
        {
            "reservationID": number,
            "chargingPointID": 1,
            "startDateTime": (start + timedelta(days=number - 1)).isoformat(),
            "finishDateTime": (start + timedelta(days=number - 1, hours=1)).isoformat(),
            **charge,
            **STATION,
        }
        for number in (1, 2)
    ]
    files: dict[str, list[dict[str, Any]]] = {
        "charging_stations": [{"x_position": 10, "y_position": 20, **STATION}],
        "charging_points": [{**point, **STATION}, {**point, "chargingStationID": 99}],
        "reservations": reservations,
    }
    folder.mkdir()
    for name, records in files.items():
        (folder / f"{name}.json").write_text(json.dumps(records, indent=4))


def test_the_nightly_backup_keeps_the_newest(network: Stack, checkout: Path, reader: dict[str, str]) -> None:
    """Three old ones and a folder of somebody else: with KEEP 2, the newest two and the folder stay."""
    folder = checkout / "backups"
    for name in ("2026-01-01T031500Z", "2026-01-02T031500Z", "2026-01-03T031500Z", "mine"):
        (folder / name).mkdir(parents=True)
    words = [str(SYSTEMD / "recharge-backup"), str(checkout / "run"), str(folder), "2"]
    subprocess.run(words, env=reader, check=True, capture_output=True, timeout=DEADLINE)
    *older, newest, other = sorted(path.name for path in folder.iterdir())
    assert (older, other) == (["2026-01-03T031500Z"], "mine")
    assert (folder / newest / "charging_stations.json").exists()


def test_a_backup_that_fails_removes_none(checkout: Path, reader: dict[str, str]) -> None:
    folder = checkout / "backups"
    for day in range(1, 6):
        (folder / f"2026-01-0{day}T031500Z").mkdir(parents=True)
    words = [str(SYSTEMD / "recharge-backup"), str(checkout / "run"), str(folder), "2"]
    environment = {**reader, "RECHARGE_DATA_DIR": str(checkout / "missing")}
    failed = subprocess.run(words, env=environment, check=False, capture_output=True, timeout=DEADLINE)
    assert failed.returncode != 0
    assert len(list(folder.iterdir())) == 5


def test_the_guides_restore_goes_back_to_the_backup(
    network: Stack, checkout: Path, reader: dict[str, str]
) -> None:
    """With the command of the page, on folders of this machine."""
    words = [str(SYSTEMD / "recharge-backup"), str(checkout / "run"), str(checkout / "backups"), "2"]
    subprocess.run(words, env=reader, check=True, capture_output=True, timeout=DEADLINE)
    [backup] = (checkout / "backups").iterdir()
    with people_of(network) as people:
        later = people.charger().station(Place(500, 500))
    network.service.stop()
    places = {
        "runuser -u recharge -- /opt/recharge/.venv/bin/recharge": str(checkout / "run"),
        "/var/lib/recharge": str(network.data_dir),
        "/var/backups/recharge/NAME": str(backup),
    }
    page = Page(ROOT / "docs" / "guides" / "operate.md")
    [command] = (line for block in page.blocks for line in commands(block) if " restore " in line)
    for shown, here in places.items():
        assert shown in command
        command = command.replace(shown, here)
    subprocess.run(["sh", "-c", command], env=reader, check=True, capture_output=True, timeout=DEADLINE)
    network.start_service()
    with people_of(network) as people:
        operator = people.mqtt("operator", "operator")
        assert len(operator.ask("receiveAllChargingPoints", chargingStationID=later - 1)) == 1
        with refused("NOT_FOUND"):
            operator.ask("receiveAllChargingPoints", chargingStationID=later)
