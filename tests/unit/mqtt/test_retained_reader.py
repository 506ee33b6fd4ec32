"""Reading what a broker has retained, a few messages at a time, until the mark."""

import asyncio
from pathlib import Path

from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.mqtt.retained_reader import RetainedReader
from cloud_service.mqtt.sockets import open_socket
from cloud_service.protocol.messages import Message
from tests.kit.processes import Broker
from tests.kit.waiting import wait_until

COUNT = 3_000
MARK = Message("test/mark", b"all")


def retain(broker: Broker) -> None:
    async def publish() -> None:
        async with AsyncConnection(broker.address, "publisher") as connection:
            for number in range(COUNT):
                connection.send(Message(f"test/state/{number}", b"%d" % number, retain=True))
            await connection.publish(Message("test/last", b""))

    asyncio.run(publish())


def reader_of(broker: Broker, heard: list[Message]) -> RetainedReader:
    return RetainedReader(
        broker.address,
        "reader",
        open_socket(broker.address),
        subscriptions=["test/state/#", MARK.topic],
        mark=MARK,
        on_message=heard.append,
    )


def test_everything_comes_a_few_at_a_time_and_then_the_mark(tmp_path: Path) -> None:
    heard: list[Message] = []
    with Broker(tmp_path) as broker:
        retain(broker)
        reader = reader_of(broker, heard)
        most = 0

        def is_read() -> bool:
            nonlocal most
            before = len(heard)
            reader.read(100)
            most = max(most, len(heard) - before)
            return bool(heard) and heard[-1].topic == MARK.topic

        wait_until(is_read, "the mark has come")
        reader.close()
    assert most == 100
    assert {message.topic for message in heard[:-1]} == {f"test/state/{number}" for number in range(COUNT)}
    assert all(message.retain for message in heard[:-1])


def test_where_nothing_is_retained_the_mark_comes_alone(tmp_path: Path) -> None:
    heard: list[Message] = []
    with Broker(tmp_path) as broker:
        reader = reader_of(broker, heard)

        def is_read() -> list[Message]:
            reader.read(100)
            return heard

        wait_until(is_read, "the mark has come")
        reader.close()
    assert [message.topic for message in heard] == [MARK.topic]


def test_a_broker_that_ends_breaks_it(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker:
        reader = reader_of(broker, [])
        broker.kill()

        def is_broken() -> bool:
            reader.read(100)
            return reader.broken is not None

        wait_until(is_broken, "it is broken")
