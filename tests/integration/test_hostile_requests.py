"""Malicious requests: everyone else is still served."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_service.local.mosquitto import find_program
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.mqtt.requester import Requester
from cloud_service.protocol.errors import NotFound
from cloud_service.protocol.messages import Message
from cloud_service.protocol.replies import Reply, decode_reply
from tests.kit.mqtt_bytes import CONNECT, PUBACK, PUBLISH, packet, receive, text, variable
from tests.kit.processes import HOST, Process, Stack
from tests.kit.waiting import DEADLINE

OWN = "recharge/v1/reply/mallory"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A separate network: a successful attack here would take other tests down too."""
    with Stack(tmp_path_factory.mktemp("hostile")) as running:
        yield running


def publish(target: Stack, topic: str, body: bytes, *, lines: bool = False) -> None:
    """One message, or one for each line of the body."""
    program = str(find_program("mosquitto_pub"))
    command = [program, "-p", str(target.mqtt_port), "-V", "5", "-q", "1", "-t", topic]
    subprocess.run([*command, "-l" if lines else "-s"], input=body, check=True, timeout=DEADLINE)


async def ask_as_another(target: Stack) -> None:
    """Somebody else is answered, in the time that anybody would wait."""
    async with Requester(target.address, "alice") as alice:
        with pytest.raises(NotFound):
            await alice.request("findReservation", {}, timeout=30)


@pytest.mark.parametrize(
    "below",
    [
        "/" * 198,
        "/" * 65_000,
        "/" + "x" * 65_000,
        "/\x01",
        "/\x7f",
        "/\ufdd0",
        "/\uffff",
        "/\U0001fffe",
        "/\u200e",
        "/$SYS",
    ],
    ids=lambda below: ascii(below[:8]),
)
def test_no_reply_topic_cuts_the_service_off(target: Stack, below: str) -> None:
    """A broker ends the connection of a client that publishes where it may not, each time that it tries."""
    body = json.dumps({"replyTo": OWN + below}).encode()
    publish(target, "recharge/v1/request/findReservation/mallory", body)
    asyncio.run(ask_as_another(target))


@pytest.mark.parametrize("below", ["/" * 197, "/" + "x" * 65_500, "/é ß/$SYS"], ids=lambda below: below[:8])
def test_an_odd_reply_topic_that_can_be_used_is(target: Stack, below: str) -> None:
    program = str(find_program("mosquitto_rr"))
    topic = OWN + below
    options = ["-p", str(target.mqtt_port), "-V", "5", "-q", "1", "-W", "30", "-m", "{}", "-e", topic]
    command = [program, *options, "-t", "recharge/v1/request/findReservation/mallory"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=DEADLINE)
    assert json.loads(done.stdout)["error"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "options",
    [
        ["user-property", "k", "\ufeff"],
        ["user-property", "\ufeff", "v"],
        ["content-type", "\ufeff"],
        ["response-topic", OWN + "/\ufeff"],
    ],
    ids=lambda options: ascii(options),
)
def test_a_property_that_a_library_takes_for_malformed_harms_nobody(
    target: Stack, options: list[str]
) -> None:
    """The packet would end the connection, be redelivered on the next one, and end that one too."""
    program = str(find_program("mosquitto_pub"))
    topic = "recharge/v1/request/findReservation/mallory"
    command = [program, "-p", str(target.mqtt_port), "-V", "5", "-q", "1", "-t", topic, "-m", "{}"]
    subprocess.run([*command, "-D", "publish", *options], check=True, timeout=DEADLINE)
    asyncio.run(ask_as_another(target))


def test_thousands_of_user_properties_hold_up_nobody(target: Stack) -> None:
    """A reader that takes the square of their number would need minutes for this one packet."""
    properties = b"\x26\x00\x00\x00\x00" * 300_000

    async def attack() -> Reply:
        replies: asyncio.Queue[Message] = asyncio.Queue()
        connection = AsyncConnection(
            target.address, "mallory", subscriptions=[OWN], on_message=replies.put_nowait
        )
        async with connection, asyncio.timeout(30):
            await asyncio.to_thread(_publish_with, target, properties)
            await ask_as_another(target)
            return decode_reply((await replies.get()).payload)

    error = asyncio.run(attack()).error
    assert error is not None
    assert error.code == "TOO_LARGE"


def _publish_with(target: Stack, properties: bytes) -> None:
    """A request with these properties, by the byte: no library makes them fast enough."""
    with socket.create_connection((HOST, target.mqtt_port), DEADLINE) as connection:
        connection.sendall(packet(CONNECT, text("MQTT") + b"\x05\x02\x00\x3c\x00" + text("mallory-2")))
        receive(connection, receive(connection, 2)[1])  # CONNACK
        topic = text("recharge/v1/request/findReservation/mallory")
        body = topic + b"\x00\x01" + variable(len(properties)) + properties + b"{}"
        connection.sendall(packet(PUBLISH, body))
        assert receive(connection, 1)[0] == PUBACK


def peak_memory(process: Process) -> int:
    """In MiB."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    raise AssertionError("the kernel does not report it")


@pytest.mark.alone
@pytest.mark.skipif(sys.platform != "linux", reason="a process's peak memory is read from /proc")
def test_many_large_replies_neither_fill_the_memory_nor_hold_up_others(tmp_path: Path) -> None:
    """A thousand questions of some bytes each, with replies of half a mebibyte that nobody reads."""
    point = {"chargingStationID": 1, "power": 1, "kWhPrice": 1, "availability": "livre"}

    async def attack(target: Stack) -> None:
        async with Requester(target.address, "mallory", limit=500) as mallory:
            await mallory.request("newChargingStation", {"x_position": 1, "y_position": 1}, timeout=DEADLINE)
            adding = [mallory.request("newChargingPoint", point, timeout=DEADLINE) for _ in range(4_500)]
            await asyncio.gather(*adding)
            before = peak_memory(target.service)
            topic = "recharge/v1/request/receiveAllChargingPoints/mallory"
            publish(target, topic, b'{"chargingStationID": 1}\n' * 1_000, lines=True)
            await ask_as_another(target)
            with pytest.raises(NotFound):  # the requests of one client are answered in order
                await mallory.request("findReservation", {}, timeout=DEADLINE)
            assert peak_memory(target.service) - before < 150

    with Stack(tmp_path) as target:
        asyncio.run(attack(target))
