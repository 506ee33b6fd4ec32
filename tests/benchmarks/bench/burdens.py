"""What is measured beside throughput: memory, starts, stalls, idle connections, an import."""

import asyncio
import gc
import resource
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import msgspec

from cloud_service.core.records import Reservation
from cloud_service.protocol import topics
from cloud_service.protocol.replies import succeeded
from cloud_service.service.engine.deduplication import Deduplication, to_record
from cloud_service.service.engine.limits import DeduplicationLimits
from cloud_service.store.interface import StoredRequest
from tests.benchmarks.bench import load, packets
from tests.benchmarks.bench.cost import wait_until_idle
from tests.benchmarks.bench.load import CLIENT, Load
from tests.benchmarks.bench.networks import Shape
from tests.benchmarks.bench.results import Results, Row
from tests.benchmarks.bench.scenarios import SMALL, Effort, running
from tests.kit.processes import HOST, Stack
from tests.kit.waiting import wait_until

PACE = 500.0
"""Bookings a second while others are idle, or a checkpoint is written."""
POINTS_EACH = 4
_FEWEST_BOOKINGS = 1_000
"""Two seconds at this pace: a checkpoint is due after one."""


_PIECE = 10_000
"""How many requests of an import one connection sends: a load has to end within a test's deadline."""


def large_network(results: Results, effort: Effort, folder: Path) -> None:
    """A start from checkpoints, the memory after it, and the longest stall while a checkpoint is written."""
    shape = Shape(
        effort.stations, POINTS_EACH, queued=2, queue=max(effort.reservations // effort.stations // 2, 1)
    )
    stack = Stack(folder, checkpoint_seconds="1")
    shape.make(stack.data_dir)
    starts, memory = [], 0.0
    try:
        stack.broker.start()
        for _ in range(2):
            begun = time.monotonic()
            stack.start_service()
            starts.append(time.monotonic() - begun)
            wait_until_idle(stack.service.pid)
            memory = stack.service.memory()
            if len(starts) == 1:
                assert stack.service.stop() == 0, stack.service.tail()
        bookings = max(effort.stations // 10, _FEWEST_BOOKINGS)
        stalls = [_stall(stack, shape, bookings) for _ in range(effort.rounds)]
    finally:
        stack.kill()
    points = shape.stations * POINTS_EACH
    size = f"{shape.stations:,} stations, {points:,} points, {shape.reservations:,} reservations"
    results.rows += (
        Row(f"start from checkpoints: {size}", "s", starts, "lower", 3),
        Row(f"memory: {size}", "MB", [memory * 2**20 / 1e6], "lower", 450),
        Row(f"longest wait while checkpoints are written: {size}", "ms", stalls, "lower", 50),
    )


def _stall(stack: Stack, shape: Shape, bookings: int) -> float:
    """The longest latency of bookings in milliseconds, while one checkpoint follows another."""
    file = stack.data_dir / "reservations.json"
    before = file.stat().st_mtime_ns
    topic = topics.request("scheduleReservation", CLIENT)
    seen = load.run(stack.mqtt_port, topic, shape.bookings(), bookings, a_second=PACE)
    wait_until(lambda: file.stat().st_mtime_ns != before, "a checkpoint is written")
    return seen.quantile(1) * 1e3


def request_memory(results: Results, effort: Effort, folder: Path) -> None:
    """The memory of a remembered request, including its reply."""
    known = effort.reservations
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        deduplication = Deduplication(DeduplicationLimits(), _answered(known))
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(deduplication) == known
    results.rows.append(Row("memory of a remembered request", "kB", [taken / known / 1e3], "lower", 0.2))


def _answered(count: int) -> Iterator[StoredRequest]:
    """Bookings of three clients, each with an ID and a reply of its own."""
    chance, begun = Random("answered"), datetime.now(UTC)
    for number in range(count):
        at = begun + number * timedelta(milliseconds=1)
        start, hours = at + timedelta(hours=100 * chance.random()), 3 * chance.random()
        key = (chance.randrange(1, 400), chance.randrange(1, 5_000), chance.randrange(1, 5))
        row = Reservation(*key, 22, 0.5, number, start, start + timedelta(hours=hours), hours, 11 * hours)
        outcome = succeeded(row.described())
        identity, fingerprint = f"text:{chance.randbytes(16).hex()}", chance.randbytes(16)
        request = to_record(f"{CLIENT}-{number % 3}", identity, fingerprint, outcome)
        yield StoredRequest(number, at, request)


def idle_connections(results: Results, effort: Effort, folder: Path) -> None:
    """The 99th percentile of bookings at a steady pace beside idle connections."""
    many = effort.connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with running(folder, SMALL, tcp_max_connections=str(many + 100)) as stack:
            values = asyncio.run(_beside_idle(stack, effort))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    beside = f"{many:,} idle MQTT and {many:,} idle TCP connections"
    name = f"99th percentile at {PACE:.0f} bookings/s beside {beside}"
    results.rows.append(Row(name, "ms", values, "lower", 30))


async def _beside_idle(stack: Stack, effort: Effort) -> list[float]:
    async with AsyncExitStack() as opened:
        for number in range(effort.connections):
            for port, first in ((stack.mqtt_port, packets.connect(f"idle-{number}")), (stack.tcp_port, b"")):
                _, writer = await asyncio.open_connection(HOST, port)
                writer.write(first)
                opened.callback(writer.close)
        return [
            (await asyncio.to_thread(_paced, stack, effort.requests)).quantile(0.99) * 1e3
            for _ in range(effort.rounds)
        ]


def _paced(stack: Stack, requests: int) -> Load:
    topic = topics.request("scheduleReservation", CLIENT)
    return load.run(stack.mqtt_port, topic, SMALL.bookings(), requests, a_second=PACE)


def import_over_mqtt(results: Results, effort: Effort, folder: Path) -> None:
    """Stations and their points are registered by one client, with many requests outstanding."""
    stations = effort.stations
    with running(folder, Shape(stations=0)) as stack:
        begun = time.monotonic()
        places = (
            msgspec.json.encode({"x_position": number % 300, "y_position": number // 300})
            for number in range(stations)
        )
        points = (
            msgspec.json.encode(
                {
                    "chargingStationID": number // POINTS_EACH + 1,
                    "power": 22,
                    "kWhPrice": 0.5,
                    "availability": "livre",
                }
            )
            for number in range(stations * POINTS_EACH)
        )
        for action, bodies, many in (
            ("newChargingStation", places, stations),
            ("newChargingPoint", points, stations * POINTS_EACH),
        ):
            for at in range(0, many, _PIECE):
                topic = topics.request(action, CLIENT)
                load.run(stack.mqtt_port, topic, bodies, min(_PIECE, many - at), outstanding=500)
        minutes = (time.monotonic() - begun) / 60
    goal = 5 * stations / 100_000
    name = f"import of {stations:,} stations, {stations * POINTS_EACH:,} points over MQTT"
    results.rows.append(Row(name, "min", [minutes], "lower", goal))
