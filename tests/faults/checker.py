"""Reads a run's record together with what was kept of it, and says what contradicts the promise."""

import asyncio
import time
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any

import msgspec

from cloud_service.core.network import Network
from cloud_service.core.tables import Tables
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from tests.faults.bookings import Booking, bookings, public
from tests.faults.kept import Kept, kept_by, kept_in_folder, tables_of
from tests.faults.load import HAPPENINGS, Load
from tests.faults.recorder import Record
from tests.kit.processes import Stack

FIVE_MINUTES = timedelta(minutes=5)
"""Between two reservations of a point: the contract's number, not the product's constant."""
STATE_SECONDS = 1.5
"""By how much retained state may be late: the contract's second, and some of a busy machine."""
PATIENCE = 10.0
"""How long retained state and presence may take to become correct. The contract gives state one second."""


def stop_and_check(stack: Stack, load: Load) -> None:
    """Checks what is retained, what was written, and once more after a clean stop."""
    check_state(stack)
    check_kept(load, kept_by(stack))
    stack.stop()
    check_kept(load, kept_by(stack))


def check_run(load: Load, data_dir: Path) -> None:
    """Raises AssertionError with all that is wrong with this run on a data folder."""
    check_kept(load, kept_in_folder(data_dir))


def check_kept(load: Load, kept: Kept) -> None:
    """Raises AssertionError with all that is wrong with this run."""
    problems = [*load.violations, *kept.findings]
    problems += _differences(load, kept.tables)
    problems += _overlaps(load.record)
    problems += _reused(load.record)
    if not load.loses_events:
        problems += load.listener.unheard(kept.expected)
    problems += _untold(load, kept)
    assert load.record["answered"], "nothing was answered, so this proves nothing"
    assert not problems, "\n".join(problems)


def _differences(load: Load, tables: Tables) -> list[str]:
    """Between what the clients know and what the files hold."""
    known = [public(vehicle.reservation) for vehicle in load.vehicles if vehicle.reservation]
    sites = {site.station for site in load.sites}
    found = [public(row.public()) for row in tables.reservations.values() if row.station_id not in sites]
    problems = [f"a client has it, the files do not: {row}" for row in known if row not in found]
    problems += [f"the files have it, no client does: {row}" for row in found if row not in known]
    for charger in load.chargers:
        has = {key[1]: point.public() for key, point in tables.points.items() if key[0] == charger.far}
        if has != charger.points:
            problems.append(f"{charger.client.name} knows {charger.points}, the files have {has}")
        if sum(station_id == charger.near for station_id, _ in tables.points) != charger.NEAR_POINTS:
            problems.append(f"points of {charger.client.name} where vehicles book are gone, or too many")
        for station_id in (charger.near, charger.far):
            if station_id not in tables.stations:
                problems.append(f"station {station_id} of {charger.client.name} is gone")
    return problems


def _untold(load: Load, kept: Kept) -> list[str]:
    """Between what events tell, from booking to end, and what was written and the clients know."""
    told = load.listener.told if load.hears_in_order else kept.journal
    if told is None:  # a clean stop has removed the journal
        return []
    stories = load.stories(told)
    load.happened = stories.reasons
    scheduled = [row.public() for row in kept.tables.reservations.values()]
    missing = HAPPENINGS - stories.reasons.keys() if load.drivers else ()
    return [
        *stories.problems,
        *stories.compare_with_files(scheduled, kept.ended),
        *stories.compare_with_notes(load.notes),
        *(f"this load has no reservation with {reason}, and proves nothing about it" for reason in missing),
    ]


def _overlaps(record: Record) -> list[str]:
    """No two reservations of a point were ever scheduled within five minutes of each other."""
    points: dict[tuple[int, int], list[Booking]] = {}
    for booking in bookings(record):
        points.setdefault(booking.name[:2], []).append(booking)
    problems = []
    for queue in points.values():
        scheduled: list[Booking] = []
        for booking in sorted(queue, key=lambda booking: booking.begun):
            scheduled = [other for other in scheduled if other.ended > booking.begun]
            problems += [
                f"overlap: {booking.row} and {other.row}"
                for other in scheduled
                if other.start < booking.finish + FIVE_MINUTES and booking.start < other.finish + FIVE_MINUTES
            ]
            scheduled.append(booking)
    return problems


def _reused(record: Record) -> list[str]:
    """A reservation's ID means one reservation for ever, and a charge has the right duration and price."""
    rows: dict[tuple[int, int, int], dict[str, Any]] = {}
    problems = []
    for booking in bookings(record):
        row = rows.setdefault(booking.name, booking.row)
        if public(row) != public(booking.row):
            problems.append(f"an ID was given twice: {row} and {booking.row}")
        if abs(booking.finish - booking.start - timedelta(hours=row["duration"])) > timedelta(seconds=1):
            problems.append(f"wrong duration: {row}")
        if abs(row["price"] - row["duration"] * row["chargingPointPower"] * row["kWhPrice"]) > 0.02:
            problems.append(f"wrong price: {row}")
    return problems


def latencies(record: Record) -> dict[str, float]:
    """Percentiles of the answered requests, in seconds."""
    seconds = sorted(call.seconds for call in record["answered"])
    return {
        f"p{percent}": seconds[min(len(seconds) - 1, len(seconds) * percent // 100)] for percent in (50, 99)
    }


def check_state(stack: Stack) -> None:
    """Raises AssertionError unless the retained state soon matches the files and presence is online.

    For a network to which nobody sends anything. Time may still change it, so what is compared with the files
    is what they hold at that moment, and each topic has to be right within the second that it may be late.
    The seconds are fewer than the pauses after which presence is published anyway.
    """
    asyncio.run(_check_state(stack))


async def _check_state(stack: Stack) -> None:
    found: dict[str, Any] = {}
    right: dict[str, float] = {}
    """When each topic was last as it has to be."""

    def problems() -> list[str]:
        now = time.monotonic()
        wrong = _differs(found, _expected_state(stack))
        right.update(dict.fromkeys(found.keys() - wrong.keys(), now))
        return [text for topic, text in wrong.items() if now - right.get(topic, -inf) > STATE_SECONDS]

    def receive(message: Message) -> None:
        body = msgspec.json.decode(message.payload) if message.payload else None
        if body is None:
            found.pop(message.topic, None)
        else:
            body.pop("updated", None)
            found[message.topic] = body

    subscriptions = [f"{topics.ROOT}/state/#", f"{topics.ROOT}/service/+"]
    connection = AsyncConnection(
        stack.address, "monitor-checker", subscriptions=subscriptions, on_message=receive
    )
    async with connection:
        end = time.monotonic() + PATIENCE
        while (wrong := problems()) and time.monotonic() < end:
            await asyncio.sleep(0.1)
    assert not wrong, "\n".join(wrong)


def _expected_state(stack: Stack) -> dict[str, Any]:
    tables = tables_of(stack)
    network = Network(tables)
    wanted: dict[str, Any] = {}
    for station in tables.stations.values():
        points = len(network.points(station.station_id))
        wanted[topics.station_state(station.station_id)] = {**station.public(), "chargingPoints": points}
    for point in tables.points.values():
        queue = network.queue(point.key)
        free_from = None if queue.free_from is None else queue.free_from.isoformat()
        session = network.session(point.key)
        wanted[topics.point_state(*point.key)] = {
            **point.public(),
            "queueLength": len(queue),
            "freeFrom": free_from,
            "operational": point.operational,
            "session": session and session.public(),
        }
    return wanted


def _differs(found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, str]:
    """What is wrong, by topic."""
    services = [topics.service(name) for name in ("cloud_service", "gateway")]
    offline = {topic: topic for topic in services if not found.get(topic, {}).get("online")}
    state = {topic: body for topic, body in found.items() if topic not in services}
    return offline | {
        topic: f"{topic}: found {state.get(topic)}, expected {wanted.get(topic)}"
        for topic in sorted(state.keys() | wanted.keys())
        if state.get(topic) != wanted.get(topic)
    }
