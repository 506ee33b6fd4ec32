"""`recharge` commands of the clients as processes, and what the network knows of them."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from cloud_service.protocol import topics
from recharge import Charger, Point, Station, Vehicle
from tests.kit.mqtt import MqttConnection
from tests.kit.processes import Process, Stack
from tests.kit.waiting import DEADLINE, wait_until

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"


@contextmanager
def command(stack: Stack, folder: Path, *words: str, **environment: str) -> Iterator[Process]:
    """A `recharge` command that runs until it is ended, with a log of its own in the folder."""
    process = Process(
        words[0],
        [sys.executable, "-m", "cloud_service", *words],
        folder / f"{words[0]}-{uuid4().hex}.log",
        {**stack.environment, "XDG_STATE_HOME": str(folder), **environment},
    )
    process.start()
    try:
        yield process
    finally:
        if process.running:
            process.kill()


@contextmanager
def running_charger(stack: Stack, folder: Path, name: str, *words: str) -> Iterator[Process]:
    """An unattended charger that has registered everything."""
    with command(stack, folder, "charger", "--yes", "--name", name, *words) as charger:
        wait_until(lambda: "Station " in charger.tail() or not charger.running, f"{name} is registered")
        charger.check()
        yield charger


def points_of(stack: Stack, account: str, station_id: int) -> list[Point]:
    async def ask() -> list[Point]:
        async with Charger(account, stack.address, client_id=f"{account}-look", presence=False) as charger:
            return await charger.points(station_id)

    return asyncio.run(ask())


def presence_of(stack: Stack, account: str) -> bool | None:
    """What the broker keeps on the account's presence topic; None if it keeps nothing."""
    presence, mark = topics.presence(account), f"look/{uuid4().hex}"
    with MqttConnection(stack.mqtt_port, f"look-{account}") as looking:
        looking.subscribe(presence, mark)
        looking.publish(mark)  # comes back behind what is retained
        kept = looking.take_until(mark)
    return bool(json.loads(kept[-1].payload)["online"]) if kept else None


async def told(reader: Vehicle, expected: Station) -> None:
    """Waits until the retained state, which follows the replies, is that of this station."""
    async with asyncio.timeout(DEADLINE):
        while await reader.station(expected.station_id) != expected:
            await asyncio.sleep(0.05)
