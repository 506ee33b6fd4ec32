"""What is measured: each scenario fills in some rows and series of the results.

Figures that are compared are measured in turn, so that other work of the machine affects both.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import msgspec
from msgspec import Struct

from cloud_service.protocol import topics
from tests.benchmarks.bench import load, tcp_load
from tests.benchmarks.bench.cost import Costs, wait_until_idle
from tests.benchmarks.bench.echo import READY, TOPIC
from tests.benchmarks.bench.load import CLIENT, Load
from tests.benchmarks.bench.networks import Shape
from tests.benchmarks.bench.results import Results, Row, Series
from tests.kit.processes import Process, Stack
from tests.kit.waiting import wait_until

SMALL = Shape(stations=100)


class Effort(Struct, frozen=True):
    """How much a run measures."""

    rounds: int
    requests: int
    """In a round."""
    stations: int
    """Of the large network."""
    reservations: int
    connections: int
    """Idle connections over each protocol."""


FULL = Effort(rounds=5, requests=4_000, stations=100_000, reservations=200_000, connections=5_000)
QUICK = Effort(rounds=3, requests=1_500, stations=5_000, reservations=20_000, connections=500)


@contextmanager
def running(folder: Path, shape: Shape, **settings: str) -> Iterator[Stack]:
    """A network of this shape, which one client may book for weeks ahead."""
    limits = {"tcp_max_bookings_per_address": "1000000", "booking_horizon_days": "0"}
    stack = Stack(folder, **limits | settings)
    shape.make(stack.data_dir)
    with stack:
        yield stack


def bookings(results: Results, effort: Effort, folder: Path) -> None:
    """Bookings beside bare echoes on one broker, with few and many outstanding."""
    with running(folder, SMALL) as stack, echoing(stack, "paho") as paho, echoing(stack, "lean"):
        costs = Costs({"service": stack.service, "broker": stack.broker})
        costs_of_echo = Costs({"echo": paho, "broker": stack.broker})
        names = {"booking": booked(stack, SMALL), "paho echo": echoed(stack, "paho")}
        names["lean echo"] = echoed(stack, "lean")
        over_outstanding = {name: Series("outstanding", name, {}) for name in names}
        for outstanding in (1, 10, 30, 100, 300):
            seen: dict[str, list[Load]] = {name: [] for name in names}
            requests = effort.requests if outstanding > 1 else effort.requests // 4
            for _ in range(effort.rounds):
                for name, ask in names.items():
                    with ExitStack() as counted:
                        if outstanding == 100 and name != "lean echo":
                            costs_here = costs if name == "booking" else costs_of_echo
                            counted.enter_context(costs_here.round(requests))
                        seen[name].append(ask(requests, outstanding))
            for name, loads in seen.items():
                over_outstanding[name].points[str(outstanding)] = [each.rate for each in loads]
            if outstanding == 100:
                results.rows.append(_rates(_name("throughput", 100), seen["booking"], seen["paho echo"], 1.3))
                results.rows.append(
                    _rates("lean echoes : paho echoes, throughput", seen["lean echo"], seen["paho echo"])
                )
                results.series += [_distribution(name, loads) for name, loads in seen.items()]
            if outstanding == 1:
                results.rows.append(_medians(_name("median latency", 1), seen["booking"], seen["paho echo"]))
        results.series += over_outstanding.values()
        results.rows += _cost_rows("booking over MQTT", costs)
        results.rows += _cost_rows("paho echo", costs_of_echo)
        results.series += [_cost_series("booking, MQTT", costs), _cost_series("paho echo", costs_of_echo)]


def other_actions(results: Results, effort: Effort, folder: Path) -> None:
    """A registration and a read, beside bare echoes."""
    with running(folder, SMALL) as stack, echoing(stack, "paho"):
        numbers = count(1)
        registrations = (
            msgspec.json.encode({"x_position": next(numbers), "y_position": -1_000}) for _ in numbers
        )
        vehicle = 1_000_000_000
        body = msgspec.json.encode(
            {"vid": vehicle, "x": 0, "y": 0, "actualBatteryPercentage": 20, "batteryCapacity": 40}
        )
        load.run(stack.mqtt_port, topics.request("scheduleReservation", CLIENT), iter([body]), 1)
        finds = iter(lambda: msgspec.json.encode({"vid": vehicle}), None)
        echo = echoed(stack, "paho")
        for action, bodies, goal in (
            ("newChargingStation", registrations, 1.6),
            ("findReservation", finds, 1.7),
        ):
            pairs = []
            for _ in range(effort.rounds):
                asked = load.run(
                    stack.mqtt_port, topics.request(action, CLIENT), bodies, effort.requests, outstanding=100
                )
                pairs.append((asked, echo(effort.requests, 100)))
            answered, echoes = map(list, zip(*pairs, strict=True))
            results.rows.append(_rates(f"`{action}` : paho echoes, throughput", answered, echoes, goal))


def over_tcp(results: Results, effort: Effort, folder: Path) -> None:
    """Bookings through the gateway, beside bookings over MQTT."""
    with running(folder, SMALL) as stack:
        costs = Costs({"service": stack.service, "broker": stack.broker, "gateway": stack.gateway})
        mqtt, bodies = booked(stack, SMALL), SMALL.legacy_bookings()
        direct, kept, single = [], [], []
        for _ in range(effort.rounds):
            direct.append(mqtt(effort.requests, 64))
            with costs.round(effort.requests):
                kept.append(tcp_load.run(stack.tcp_port, bodies, effort.requests, 64, kept=True))
            single.append(tcp_load.run(stack.tcp_port, bodies, effort.requests, 64, kept=False))
        results.rows.append(_rates("TCP, 64 kept connections : MQTT, 64 outstanding", kept, direct, 0.6))
        results.rows.append(
            _rates("TCP, a connection a request : MQTT, 64 outstanding", single, direct, 0.35)
        )
        results.rows += _cost_rows("booking over TCP", costs)
        results.series.append(_cost_series("booking, TCP", costs))


def old_clients(results: Results, effort: Effort, folder: Path) -> None:
    """Bookings a second in two networks for which the rates of the original server are known."""
    networks = {
        "500 reservations": Shape(stations=50, queued=2, queue=5),
        "10,000 stations": Shape(stations=10_000, points=1),
    }
    for number, (size, shape) in enumerate(networks.items()):
        with running(folder / str(number), shape) as stack:
            wait_until_idle(stack.service.pid)
            bodies = shape.legacy_bookings()
            loads = [
                tcp_load.run(stack.tcp_port, bodies, effort.requests, 64, kept=False)
                for _ in range(effort.rounds)
            ]
        rates = [each.rate for each in loads]
        results.rows.append(Row(f"old clients' bookings a second, {size}", "/s", rates, "higher"))


def sizes(results: Results, effort: Effort, folder: Path) -> None:
    """Bookings in large networks, beside a small one."""
    stations = Shape(stations=effort.stations, queued=2, queue=1)
    ten_times_less = Shape(stations=effort.stations // 10, queued=2, queue=1)
    crowded = Shape(stations=1, points=10, queued=10, queue=effort.reservations // 200)
    thousand = Shape(stations=1_000)
    reserved = Shape(stations=1_000, queued=4, queue=effort.reservations // 4_000)
    half = Shape(stations=1_000, queued=2, queue=effort.reservations // 4_000)
    _grow(results, effort, folder / "stations", "stations", (SMALL, ten_times_less, stations), 0.9)
    _grow(results, effort, folder / "reservations", "reservations", (thousand, half, reserved), 0.9)
    _grow(results, effort, folder / "crowd", "reservations of one station", (Shape(1, 10), crowded), 0.8)


def _grow(
    results: Results, effort: Effort, folder: Path, what: str, shapes: tuple[Shape, ...], goal: float
) -> None:
    def size(shape: Shape) -> int:
        return shape.stations if what == "stations" else shape.reservations

    with ExitStack() as all_of_them:
        stacks = [
            all_of_them.enter_context(running(folder / str(number), shape, checkpoint_seconds="3600"))
            for number, shape in enumerate(shapes)
        ]
        for stack in stacks:
            wait_until_idle(stack.service.pid)
        asks = [booked(stack, shape) for stack, shape in zip(stacks, shapes, strict=True)]
        rounds = [[ask(effort.requests, 100) for ask in asks] for _ in range(effort.rounds)]
    seen = [list(loads) for loads in zip(*rounds, strict=True)]
    name = f"{size(shapes[0]):,} -> {size(shapes[-1]):,} {what}, throughput"
    results.rows.append(_rates(name, seen[-1], seen[0], goal))
    points = {
        f"{size(shape):,}": [each.rate for each in loads] for shape, loads in zip(shapes, seen, strict=True)
    }
    results.series.append(Series(what, "bookings", points))


# Asking.

Ask = Callable[[int, int], Load]
"""Sends this many requests, with this many outstanding."""


def booked(stack: Stack, shape: Shape) -> Ask:
    """Bookings over MQTT."""
    bodies, topic = shape.bookings(), topics.request("scheduleReservation", CLIENT)
    return lambda requests, outstanding: load.run(
        stack.mqtt_port, topic, bodies, requests, outstanding=outstanding
    )


def echoed(stack: Stack, kind: str) -> Ask:
    """The same bodies, sent back."""
    bodies = SMALL.bookings()
    return lambda requests, outstanding: load.run(
        stack.mqtt_port, f"{TOPIC}/{kind}", bodies, requests, outstanding=outstanding
    )


@contextmanager
def echoing(stack: Stack, kind: str) -> Iterator[Process]:
    """An echo at the network's broker."""
    words = [sys.executable, "-m", "tests.benchmarks.bench.echo", str(stack.mqtt_port), kind]
    process = Process(f"{kind} echo", words, stack.folder / f"{kind}.log")
    process.start()
    try:
        wait_until(lambda: READY in process.tail(), "the echo is ready")
        yield process
    finally:
        process.kill()


# Rows.


def _name(what: str, outstanding: int) -> str:
    return f"bookings : paho echoes, {what}, {outstanding} outstanding"


def _rates(name: str, ours: list[Load], others: list[Load], goal: float | None = None) -> Row:
    values = [our.rate / other.rate for our, other in zip(ours, others, strict=True)]
    return Row(name, "", values, "higher", goal)


def _medians(name: str, ours: list[Load], others: list[Load]) -> Row:
    values = [our.quantile(0.5) / other.quantile(0.5) for our, other in zip(ours, others, strict=True)]
    return Row(name, "", values, "lower", 1.25)


def _distribution(name: str, loads: list[Load]) -> Series:
    """The latencies in milliseconds, by the share of requests that took no longer."""
    shares = [number / 100 for number in range(1, 100)] + [0.995, 0.999]
    return Series(
        "latency", name, {str(share): [each.quantile(share) * 1e3 for each in loads] for share in shares}
    )


def _cost_rows(what: str, costs: Costs) -> Iterator[Row]:
    for process, values in costs.of_rounds.items():
        yield Row(f"{what}: processor time of the {process}", "µs", values, "lower")


def _cost_series(what: str, costs: Costs) -> Series:
    return Series("cost", what, costs.of_rounds)
