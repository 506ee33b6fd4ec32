"""Requests of those who wish the network ill: it goes on for everybody else."""

import asyncio
import json
import subprocess
from collections.abc import Iterator

import pytest

from cloud_service.broker.requester import Requester
from cloud_service.local.mosquitto import find_program
from cloud_service.protocol.errors import NotFound
from tests.harness import DEADLINE, Stack

OWN = "recharge/v1/reply/mallory"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A network of its own: who succeeds here would take other tests down too."""
    with Stack(tmp_path_factory.mktemp("hostile")) as running:
        yield running


def publish(target: Stack, topic: str, body: bytes, *options: str) -> None:
    program = str(find_program("mosquitto_pub"))
    command = [program, "-p", str(target.mqtt_port), "-V", "5", "-q", "1", "-t", topic, "-s", *options]
    subprocess.run(command, input=body, check=True, timeout=DEADLINE)


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
    """A broker ends the connection of whoever publishes where it should not, each time that it is tried."""
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
