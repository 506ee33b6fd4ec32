"""Waiting for a process's presence."""

import asyncio
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from cloud_service.local import presence
from cloud_service.local.presence import PresenceWatch
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.protocol.presence import process_presence
from tests.kit.processes import Broker

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def report(*, online: bool, retain: bool = False) -> Message:
    """A presence message as a subscriber receives it when it is published."""
    return replace(process_presence("gateway", online=online, since=NOW, now=NOW), retain=retain)


async def is_online(watch: PresenceWatch) -> bool:
    waiting = asyncio.create_task(watch.online("gateway"))
    await asyncio.sleep(0)
    waiting.cancel()
    return waiting.done()


@pytest.mark.parametrize(
    ("messages", "online"),
    [
        ([report(online=True)], True),
        ([report(online=True, retain=True)], False),
        ([report(online=True), report(online=False)], False),
        ([report(online=False), report(online=True)], True),
        ([Message(topics.service("gateway"), b"")], False),
        ([replace(report(online=True), topic=topics.service("cloud_service"))], False),
    ],
)
async def test_only_the_last_report_since_the_start_counts(messages: list[Message], online: bool) -> None:
    watch = PresenceWatch()
    for message in messages:
        watch.receive(message)
    assert await is_online(watch) is online


async def test_a_process_that_comes_is_noticed(broker: Broker) -> None:
    message = process_presence("gateway", online=True, since=NOW, now=NOW)
    async with AsyncConnection(broker.address, "reporting") as connection:
        await connection.publish(message)
        async with presence.watch(broker.address) as watch:
            assert not await is_online(watch)
            await connection.publish(message)
            await watch.online("gateway")
