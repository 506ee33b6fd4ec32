"""The gateway as a process, with a real broker and a stand-in for the service."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cloud_service.gateway.server import GatewayServer, listen
from cloud_service.gateway.settings import GatewaySettings
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.mqtt.requester import Requester
from cloud_service.protocol import topics
from cloud_service.protocol.errors import Busy, StorageFailed
from cloud_service.protocol.messages import Message
from tests.kit.processes import HOST, Broker, Process, clean_environment, free_port
from tests.kit.responder import Responder, in_turn
from tests.kit.waiting import DEADLINE, until, wait_until

ASK = b'{"newChargingStation": true, "x_position": 1, "y_position": 2}'
FIND = b'{"findReservation": true, "vid": 7}'


class Gateway(Process):
    """`recharge gateway` under its own account."""

    def __init__(
        self, folder: Path, broker_port: int, account: str, tcp_port: int | None = None, tcp_host: str = HOST
    ) -> None:
        self.account = account
        self.port = tcp_port or free_port()
        environment = clean_environment(
            RECHARGE_MQTT_PORT=str(broker_port),
            RECHARGE_MQTT_USER=account,
            RECHARGE_TCP_HOST=tcp_host,
            RECHARGE_TCP_PORT=str(self.port),
        )
        words = [sys.executable, "-m", "cloud_service", "gateway"]
        super().__init__("gateway", words, folder / "gateway.log", environment)

    def wait(self) -> int:
        """Returns the exit status once the process ends by itself."""
        wait_until(lambda: not self.running, "the gateway ended")
        assert self._process is not None
        return self._process.wait(DEADLINE)


@pytest.fixture
def gateway(broker: Broker, tmp_path: Path) -> Iterator[Gateway]:
    process = Gateway(tmp_path, broker.port, f"gateway-{tmp_path.name[-20:].replace('_', '-')}")
    yield process
    if process.running:
        process.kill()


class Presence:
    """Records the gateway's presence messages."""

    def __init__(self, address: BrokerAddress, account: str) -> None:
        self.messages: list[dict[str, object]] = []
        self.connection = AsyncConnection(
            address, f"watch-{account}", subscriptions=[topics.service(account)], on_message=self._receive
        )

    @property
    def online(self) -> list[object]:
        return [body["online"] for body in self.messages]

    def _receive(self, message: Message) -> None:
        self.messages.append(msgspec.json.decode(message.payload))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_announces_itself_answers_and_stops_in_order(
    broker: Broker, gateway: Gateway, number: signal.Signals
) -> None:
    presence = Presence(broker.address, gateway.account)
    answered = asyncio.Event()
    async with presence.connection, Responder(broker.address, gateway.account, in_turn(12)) as service:
        gateway.start()
        await until(lambda: presence.online == [True])
        assert sorted(presence.messages[0]) == ["now", "online", "since", "version"]
        idle, idle_writer = await asyncio.open_connection(HOST, gateway.port)
        reader, writer = await asyncio.open_connection(HOST, gateway.port)
        writer.write(ASK)
        assert await reader.read(4096) == b"12"
        (incoming,) = service.received
        assert incoming.client == gateway.account
        assert incoming.envelope.reply_to.startswith(f"recharge/v1/reply/{gateway.account}/")

        service.answer = lambda _incoming: answered.set()
        writer.write(ASK)
        await answered.wait()
        os.kill(gateway.pid, number)
        assert await idle.read() == b""
        service.reply(service.received[-1], 13)
        assert await reader.read() == b"13"
        await until(lambda: not gateway.running)
        await until(lambda: presence.online == [True, False])
        idle_writer.close()
        writer.close()
    assert gateway.wait() == 0
    assert "Traceback" not in gateway.tail()


async def test_the_last_will_of_a_killed_gateway_says_offline(broker: Broker, gateway: Gateway) -> None:
    presence = Presence(broker.address, gateway.account)
    async with presence.connection:
        gateway.start()
        await until(lambda: presence.online == [True])
        gateway.kill()
        await until(lambda: presence.online == [True, False])


def test_a_port_in_use_is_one_clear_line(broker: Broker, tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        gateway = Gateway(tmp_path, broker.port, "gateway-late", port)
        gateway.start()
        assert gateway.wait() == 1
    (line,) = gateway.tail().splitlines()
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use; choose others" in line


def test_a_host_that_nobody_knows_is_one_clear_line(broker: Broker, tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, broker.port, "gateway-nowhere", tcp_host="nowhere.invalid")
    gateway.start()
    assert gateway.wait() == 2
    (line,) = gateway.tail().splitlines()
    assert "nowhere.invalid, set with --tcp-host, is not known: " in line
    assert "Unknown error" not in line


def test_a_missing_broker_is_one_clear_line(tmp_path: Path) -> None:
    port = free_port()
    gateway = Gateway(tmp_path, port, "gateway-alone")
    gateway.start()
    assert gateway.wait() == 1
    (line,) = gateway.tail().splitlines()
    assert f"the broker gateway-alone@127.0.0.1:{port} cannot be reached" in line


async def test_a_busy_service_is_asked_again_until_the_deadline(broker: Broker) -> None:
    settings = GatewaySettings(port=0, deadline=2)
    answers = in_turn(Busy(), StorageFailed(), 5)
    async with (
        Responder(broker.address, "gateway-busy", lambda incoming: answers(incoming)) as service,
        Requester(broker.address, "gateway-busy") as requester,
        GatewayServer(listen(settings), requester, settings) as server,
    ):
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(ASK)
        assert await reader.read(4096) == b"5"
        assert len(set(service.ids)) == 1
        assert len(service.ids) == 3
        answers = in_turn(Busy())
        writer.write(ASK)
        assert await reader.read() == b""
        writer.close()
        assert len(service.ids) > 4
        assert len(set(service.ids)) == 2


async def test_a_silent_service_leaves_the_client_without_a_reply(broker: Broker) -> None:
    settings = GatewaySettings(port=0, deadline=0.5)
    async with (
        Responder(broker.address, "gateway-mute", in_turn(None)) as service,
        Requester(broker.address, "gateway-mute") as requester,
        GatewayServer(listen(settings), requester, settings) as server,
    ):
        reader, writer = await asyncio.open_connection(HOST, server.port)
        begun = asyncio.get_running_loop().time()
        writer.write(FIND)
        assert await reader.read() == b""
        assert asyncio.get_running_loop().time() - begun >= 0.5
        writer.close()
        assert len(service.ids) == 1
