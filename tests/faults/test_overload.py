"""More requests than the service takes: each is answered, some with BUSY, and others do not wait behind."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path

import pytest

from cloud_service.mqtt.requester import Requester
from cloud_service.store.snapshot import take_snapshot
from cloud_service.store.verify import examine
from tests.faults.backlog import NAME, Plan, Seen, register
from tests.kit.processes import Stack
from tests.kit.scale import Scale
from tests.kit.waiting import until

pytestmark = pytest.mark.alone

VEHICLES = 10
AHEAD = 2
"""In order of arrival a vehicle would wait as long as the thousands of other requests; in turns, far less."""


@pytest.mark.timeout(600)
def test_each_takes_effect_once_and_others_do_not_wait(
    tmp_path: Path, scale: Scale, figure: Callable[[str], None]
) -> None:
    count = scale(share=4_000, full=20_000)
    with Stack(tmp_path, pending_in_all="3000", pending_per_client="2500", log_level="warning") as stack:
        # Before those, the broker's own queue is full of them, in which there are no turns.
        seen, waits = _beside(stack, Plan(count, unanswered=4_000, lead=1_500))
        assert _places(stack) == list(range(count)), "a request was lost, or took effect twice"
    assert set(seen.statuses) == {"ok", "BUSY"}
    figure(
        f"{count} requests of one client, 4,000 at once where 2,500 may wait: all took effect once, after"
        f" {seen.statuses['BUSY']} answers BUSY; {_compare(seen, waits)}"
    )
    assert _percentile(waits, 99) * AHEAD < _percentile(seen.waits, 50), "vehicles wait behind the others"


@pytest.mark.timeout(600)
def test_a_vehicle_does_not_starve_behind_an_import(
    tmp_path: Path, scale: Scale, figure: Callable[[str], None]
) -> None:
    count = scale(share=5_000, full=30_000)
    with Stack(tmp_path, pending_per_client="4000", log_level="warning") as stack:
        seen, waits = _beside(stack, Plan(count, unanswered=3_000, lead=3_000))
        assert _places(stack) == list(range(count))
    assert set(seen.statuses) == {"ok"}
    figure(f"{count} stations imported, 3,000 at once: {_compare(seen, waits)}")
    assert _percentile(waits, 99) * AHEAD < _percentile(seen.waits, 50), "vehicles wait behind the others"


def _beside(stack: Stack, plan: Plan) -> tuple[Seen, list[float]]:
    """What the account saw, and how long each request of some vehicles took meanwhile."""
    context = get_context("spawn")
    results: Queue[Seen] = context.Queue()
    underway = context.Event()
    arguments = (plan, stack.mqtt_port, stack.service.pid, underway, results)
    process = context.Process(target=register, args=arguments, daemon=True)

    async def drive() -> list[float]:
        async with Requester(stack.address, "other-owner") as owner:
            station = await owner.request("newChargingStation", {"x_position": -1, "y_position": -1})
            point = {"chargingStationID": station, "power": 50, "kWhPrice": 1, "availability": "livre"}
            await owner.request("newChargingPoint", point)
        process.start()
        await until(lambda: underway.is_set() or not process.is_alive())

        def going_on() -> bool:
            return results.empty() and process.is_alive()

        names = [f"vehicle-{number}" for number in range(VEHICLES)]
        waits = await asyncio.gather(*(_book_and_cancel(stack, name, going_on) for name in names))
        return [wait for each in waits for wait in each]

    waits = asyncio.run(drive())
    seen = results.get(timeout=60)
    process.join()
    return seen, waits


async def _book_and_cancel(stack: Stack, name: str, going_on: Callable[[], bool]) -> list[float]:
    """How long each request of a vehicle took, in seconds."""
    place = {"x": 0, "y": 0, "actualBatteryPercentage": 90, "batteryCapacity": 10}
    waits: list[float] = []
    async with Requester(stack.address, name) as vehicle:
        while going_on():
            begun = time.monotonic()
            booked = await vehicle.request("scheduleReservation", place, timeout=60)
            between = time.monotonic()
            await vehicle.request("deleteReservation", {"reservationID": booked["reservationID"]}, timeout=60)
            waits += [between - begun, time.monotonic() - between]
    return waits


def _compare(seen: Seen, waits: list[float]) -> str:
    own, median, tail = (
        f"{1000 * value:.0f} ms"
        for value in (_percentile(seen.waits, 50), _percentile(waits, 50), _percentile(waits, 99))
    )
    return (
        f"its requests waited {own} in the median; {len(waits)} of vehicles that booked and cancelled"
        f" meanwhile {median} in the median, {tail} in the 99th percentile"
    )


def _percentile(seconds: list[float], percent: int) -> float:
    return sorted(seconds)[len(seconds) * percent // 100]


def _places(stack: Stack) -> list[float]:
    """Where the account's stations stand, in order."""
    stations = examine(take_snapshot(stack.data_dir), None, datetime.now(UTC)).tables.stations
    return sorted(station.x for station in stations.values() if station.owner == NAME)
