"""Sends hostile bodies over MQTT or TCP, and counts what comes back."""

import asyncio
import socket
from collections import Counter
from multiprocessing.queues import Queue
from random import Random
from time import monotonic

import msgspec

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from tests.faults.hostile import Hostile
from tests.kit.processes import HOST
from tests.kit.waiting import DEADLINE

NAME = "fuzzer"
RATE = 1_000
"""Bodies a second over MQTT. More than the service takes would be a test of overload, which has its own."""
NO_ANSWER = "no answer"
_LAST = b"last"


def bodies_over_tcp(count: int) -> list[bytes]:
    """The same for the same count."""
    hostile = Hostile(Random(count), named=True)
    return [hostile.body(hostile.action()) for _ in range(count)]


def messages(count: int) -> list[Message]:
    """The same for the same count."""
    hostile = Hostile(Random(count))
    actions = [hostile.action() for _ in range(count)]
    return [Message(hostile.topic(action, NAME), hostile.body(action)) for action in actions]


def attack(protocol: str, port: int, count: int, answers: "Queue[Counter[str]]") -> None:
    """Runs in a separate process. Over TCP as fast as they are answered.

    Counts the answers: over MQTT by `ok` or the error's code, over TCP by their text up to the first space.
    """
    answers.put(asyncio.run(_over_mqtt(port, count) if protocol == "MQTT" else _over_tcp(port, count)))


async def _over_mqtt(port: int, count: int) -> Counter[str]:
    """Ends with a sound request: once that has its reply, all before it have theirs."""
    answers: Counter[str] = Counter()
    answered = asyncio.Event()
    room = asyncio.Semaphore(100)

    def receive(message: Message) -> None:
        if message.correlation == _LAST:
            answered.set()
        else:
            reply = msgspec.json.decode(message.payload)
            answers["ok" if reply["ok"] else reply["error"]["code"]] += 1

    async def send(connection: AsyncConnection, message: Message) -> None:
        try:
            await connection.publish(message)
        finally:
            room.release()

    address, own = BrokerAddress(HOST, port), topics.reply(NAME) + "/#"
    async with AsyncConnection(address, NAME, subscriptions=[own], on_message=receive) as connection:
        async with asyncio.TaskGroup() as tasks:
            begun = monotonic()
            for number, message in enumerate(messages(count)):
                await asyncio.sleep(begun + number / RATE - monotonic())
                await room.acquire()
                tasks.create_task(send(connection, message))
        last = Message(topics.request("findReservation", NAME), b"{}", correlation=_LAST)
        await connection.publish(last)
        async with asyncio.timeout(DEADLINE):
            await answered.wait()
    return answers


async def _over_tcp(port: int, count: int) -> Counter[str]:
    answers: Counter[str] = Counter()
    bodies = iter(bodies_over_tcp(count))

    async def one_after_the_other() -> None:
        for body in bodies:
            answer = await _exchange(port, body)
            answers[answer.decode().partition(" ")[0].strip() or NO_ANSWER] += bool(body.strip())

    async with asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(one_after_the_other())
    return answers


async def _exchange(port: int, body: bytes) -> bytes:
    """What came back until the gateway ended the connection, whose other side we end after the body."""
    reader, writer = await asyncio.open_connection(HOST, port)
    connection: socket.socket = writer.get_extra_info("socket")
    # Without it, ports run out: closed connections keep theirs for a minute.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    try:
        writer.write(body)
        writer.write_eof()
        async with asyncio.timeout(DEADLINE):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
