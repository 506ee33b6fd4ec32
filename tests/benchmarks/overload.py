"""At which rate the service begins to answer BUSY, and what a client sees: python -m
tests.benchmarks.overload

At each rate some accounts send for some seconds, whatever the replies: a booking, a lookup of it, and so on.
Meanwhile a vehicle sends one request after another.
"""

import asyncio
import socket
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections import Counter
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path

import msgspec
from msgspec import Struct, field
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from cloud_service.mqtt.requester import Requester
from cloud_service.protocol import topics
from tests.kit.processes import HOST, Stack

RATES = (1_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000)
"""The rows of the table in docs/reliability-figures.md."""
POINTS = 500
TICK = 0.005
"""Seconds between two bursts of requests."""


class Seen(Struct):
    """What the accounts saw at a rate. Latencies are in seconds."""

    sent: int = 0
    seconds: float = 0.0
    """Of sending."""
    outcomes: Counter[str] = field(default_factory=Counter)
    answered: list[float] = field(default_factory=list)
    """Until a reply other than BUSY."""
    refused: list[float] = field(default_factory=list)
    """Until BUSY."""


class Account:
    """A client that sends without waiting; only its own thread waits."""

    def __init__(self, port: int, name: str, seen: Seen) -> None:
        self._name = name
        self._seen = seen
        self._begun: dict[str, float] = {}
        self._client = Client(CallbackAPIVersion.VERSION2, name)
        self._client.max_inflight_messages_set(0)
        self._client.on_message = self._receive
        self._client.connect(HOST, port)
        connection = self._client.socket()
        assert isinstance(connection, socket.socket)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client.subscribe(topics.reply(name), qos=1)
        self._client.loop_start()

    @property
    def waiting(self) -> int:
        return len(self._begun)

    def send(self, number: int) -> None:
        values: dict[str, str | int] = {"vid": f"{self._name}-{number // 2}"}
        action = "findReservation" if number % 2 else "scheduleReservation"
        if action == "scheduleReservation":
            values |= {
                "x": number // 2 % POINTS,
                "y": 0,
                "actualBatteryPercentage": 90,
                "batteryCapacity": 10,
            }
        name = f"{action}-{number}-{time.time_ns()}"
        self._begun[name] = time.monotonic()
        self._client.publish(
            topics.request(action, self._name), msgspec.json.encode({**values, "requestID": name}), qos=1
        )

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _receive(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        reply = msgspec.json.decode(message.payload)
        seconds = time.monotonic() - self._begun.pop(reply["requestID"])
        outcome = "ok" if reply["ok"] else reply["error"]["code"]
        self._seen.outcomes[outcome] += 1
        (self._seen.refused if outcome == "BUSY" else self._seen.answered).append(seconds)


def send_at(rate: int, seconds: float, count: int, port: int, results: "Queue[Seen]") -> None:
    """Runs in a separate process."""
    seen = Seen()
    accounts = [Account(port, f"load-{rate}-{number}", seen) for number in range(count)]
    begun = time.monotonic()
    while (now := time.monotonic() - begun) < seconds:
        while seen.sent < rate * now:
            accounts[seen.sent % count].send(seen.sent // count)
            seen.sent += 1
        time.sleep(TICK)
    seen.seconds = time.monotonic() - begun
    end = time.monotonic() + 120
    while any(account.waiting for account in accounts) and time.monotonic() < end:
        time.sleep(0.05)
    seen.outcomes["lost"] = sum(account.waiting for account in accounts)
    for account in accounts:
        account.close()
    results.put(seen)


async def measure(stack: Stack, rate: int, seconds: float, accounts: int) -> tuple[Seen, list[float]]:
    """What the accounts saw, and how long the vehicle beside them waited."""
    context = get_context("spawn")
    results: Queue[Seen] = context.Queue()
    process = context.Process(target=send_at, args=(rate, seconds, accounts, stack.mqtt_port, results))
    waits: list[float] = []
    async with Requester(stack.address, "vehicle") as vehicle:
        place = {"x": 0, "y": 0, "actualBatteryPercentage": 90, "batteryCapacity": 10}
        await vehicle.request("scheduleReservation", {"vid": "vehicle", **place})
        process.start()
        while results.empty():
            begun = time.monotonic()
            await vehicle.request("findReservation", {"vid": "vehicle"}, timeout=60)
            waits.append(time.monotonic() - begun)
            await asyncio.sleep(0.05)
    seen = results.get()
    process.join()
    return seen, waits


async def furnish(stack: Stack) -> None:
    """Stations in a row, with a point each."""
    async with Requester(stack.address, "owner") as owner:

        async def add(x: int) -> None:
            station = await owner.request("newChargingStation", {"x_position": x, "y_position": 0})
            point = {"chargingStationID": station, "power": 50, "kWhPrice": 1, "availability": "livre"}
            await owner.request("newChargingPoint", point)

        await asyncio.gather(*(add(x) for x in range(POINTS)))


def main(words: list[str] | None = None) -> int:
    parser = ArgumentParser(prog="python -m tests.benchmarks.overload", description=__doc__)
    parser.add_argument("--rates", type=int, nargs="+", default=RATES, help="requests per second")
    parser.add_argument("--seconds", type=float, default=10, help="at each rate (default: 10)")
    parser.add_argument("--accounts", type=int, default=4, help="that share the rate (default: 4)")
    options = parser.parse_args(words)
    print("wanted/s  sent/s  BUSY   reply p50, p99 (ms)  BUSY p50, p99 (ms)  vehicle p50, p99 (ms)  lost")
    for rate in options.rates:
        with (
            tempfile.TemporaryDirectory(prefix="overload-") as folder,
            Stack(Path(folder), log_level="warning") as stack,
        ):
            asyncio.run(furnish(stack))
            seen, waits = asyncio.run(measure(stack, rate, options.seconds, options.accounts))
        print(
            f"{rate:8} {seen.sent / seen.seconds:7.0f} {seen.outcomes['BUSY'] / seen.sent:5.1%}"
            f" {_percentiles(seen.answered):>21} {_percentiles(seen.refused):>19} {_percentiles(waits):>22}"
            f" {seen.outcomes['lost']:5}",
            flush=True,
        )
    return 0


def _percentiles(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    if not ordered:
        return "-"
    return ", ".join(f"{1000 * ordered[len(ordered) * percent // 100]:.0f}" for percent in (50, 99))


if __name__ == "__main__":
    sys.exit(main())
