"""No client can harm the others, and no reply is lost when the gateway stops."""

import asyncio
import errno
import os
import socket
import struct
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest

from cloud_service.gateway.server import GatewayServer, listen
from cloud_service.gateway.settings import GatewaySettings
from cloud_service.protocol.errors import TooLarge
from tests.kit.fake_requester import FakeRequester
from tests.kit.waiting import until
from tests.unit.gateway.clients import PATIENT, Gateway

ASK = {"newChargingStation": True, "x_position": 1, "y_position": 2}
LIST = {"receiveAllChargingPoints": True, "chargingStationID": 1}
POINT = {
    "chargingPointID": 1,
    "chargingStationID": 1,
    "power": 30,
    "kWhPrice": 0.5,
    "availability": "livre",
}


def limited(**limits: Any) -> GatewaySettings:
    return msgspec.structs.replace(PATIENT, **limits)


def one(*_: Any) -> Any:
    return 1


async def test_a_client_that_never_reads_is_cut_off_and_delays_no_one() -> None:
    def answer(action: str, _values: Mapping[str, Any]) -> Any:
        return [POINT] * 8000 if action == "receiveAllChargingPoints" else 1

    async with Gateway(answer, limited(write_timeout=0.5)) as gateway:
        deaf = await gateway.connect()
        assert isinstance(deaf.writer.transport, asyncio.Transport)
        deaf.writer.transport.pause_reading()
        for _ in range(100):
            deaf.send(LIST)
        await until(lambda: gateway.requester.asked)
        other = await gateway.connect()
        while gateway.server.connections == 2:
            assert await other.ask(ASK) == b"1"
        lists = [action for action, _ in gateway.requester.asked if action == "receiveAllChargingPoints"]
        assert len(lists) < 20, "the gateway kept asking for a client that reads nothing"


async def test_connections_per_address_are_limited_without_keeping_others_out() -> None:
    async with Gateway(one, limited(max_connections_per_address=2)) as gateway:
        first, second = await gateway.connect(), await gateway.connect()
        assert await first.ask(ASK) == await second.ask(ASK) == b"1"
        assert await refused(gateway)
        other = await gateway.connect("127.0.0.2")
        assert await other.ask(ASK) == b"1"
        first.close()
        await until(lambda: gateway.server.connections == 2)
        third = await gateway.connect()
        assert await third.ask(ASK) == b"1"


async def test_the_total_number_of_connections_is_limited() -> None:
    async with Gateway(one, limited(max_connections=2)) as gateway:
        first, second = await gateway.connect("127.0.0.2"), await gateway.connect("127.0.0.3")
        assert await first.ask(ASK) == await second.ask(ASK) == b"1"
        assert await refused(gateway, "127.0.0.4")
        second.close()
        await until(lambda: gateway.server.connections == 1)
        assert await (await gateway.connect("127.0.0.4")).ask(ASK) == b"1"


async def test_only_allowed_networks_may_connect(caplog: pytest.LogCaptureFixture) -> None:
    allowed = (ip_network("10.0.0.0/8"), ip_network("127.0.1.0/24"), ip_network("::1/128"))
    async with Gateway(one, limited(allowed_networks=allowed)) as gateway:
        assert await refused(gateway, "127.0.0.2")
        assert await (await gateway.connect("127.0.1.2")).ask(ASK) == b"1"
    (line,) = [vars(record) for record in caplog.records if record.levelname == "WARNING"]
    assert (line["client"], line["reason"]) == ("127.0.0.2", "not in an allowed network")


async def test_a_flood_of_refused_connections_does_not_flood_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Gateway(one, limited(allowed_networks=(ip_network("127.0.1.0/24"),))) as gateway:
        begun = asyncio.get_running_loop().time()
        for _ in range(100):
            assert await refused(gateway)
        lasted = asyncio.get_running_loop().time() - begun
    lines = [vars(record) for record in caplog.records if record.levelname == "WARNING"]
    assert sum(line["count"] for line in lines) == 100
    assert len(lines) <= lasted + 2, "one at once, one each second, the rest at the end"


async def test_ipv4_clients_of_an_ipv6_socket_count_as_ipv4() -> None:
    settings = limited(host="::", allowed_networks=(ip_network("127.0.0.0/8"),))
    try:
        listener = listen(settings)
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with GatewayServer(listener, FakeRequester(one), settings) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b'{"newChargingStation": 1, "x_position": 1, "y_position": 2}')
        assert await reader.read(4096) == b"1"
        writer.transport.abort()


class Exhausted(socket.socket):
    """A listener whose first calls of accept() fail."""

    failures = 2

    def accept(self) -> tuple[socket.socket, Any]:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return super().accept()


async def test_without_file_descriptors_new_connections_wait(caplog: pytest.LogCaptureFixture) -> None:
    settings = limited()
    listener = Exhausted(fileno=listen(settings).detach())
    async with GatewayServer(listener, FakeRequester(one), settings, retry_seconds=0.05) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b'{"newChargingStation": 1, "x_position": 1, "y_position": 2}')
        assert await reader.read(4096) == b"1"
        writer.transport.abort()
    errors = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 2
    assert "Too many open files" in errors[0]


async def test_a_connection_that_ended_before_it_was_accepted_costs_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = limited()
    listener = listen(settings)
    for reset in (False, True):
        with socket.create_connection(listener.getsockname()) as client:
            if reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    async with GatewayServer(listener, FakeRequester(one), settings) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b'{"newChargingStation": 1, "x_position": 1, "y_position": 2}')
        assert await reader.read(4096) == b"1"
        assert server.connections == 1
        writer.transport.abort()
    assert [record.message for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


async def refused(gateway: Gateway, source: str = "127.0.0.1") -> bool:
    """Returns whether a connection from this address ends at once, without a byte."""
    try:
        client = await gateway.connect(source)
        return await client.until_end() == b""
    except ConnectionError:
        return True


async def test_stopping_answers_the_request_in_progress_and_ends_idle_connections() -> None:
    proceed = asyncio.Event()

    async def when_allowed(*_: Any) -> int:
        await proceed.wait()
        return 1

    gateway = Gateway(when_allowed)
    async with asyncio.TaskGroup() as tasks:
        await gateway.__aenter__()
        busy, idle, half = [await gateway.connect() for _ in range(3)]
        busy.send(ASK)
        busy.send(ASK)
        half.writer.write(b'{"newChargingStation"')
        await until(lambda: gateway.requester.asked and gateway.server.connections == 3)
        stopping = tasks.create_task(gateway.__aexit__(None, None, None))
        assert await idle.until_end() == b""
        assert await half.until_end() == b""
        with pytest.raises(OSError):  # noqa: PT011
            await gateway.connect()
        assert not stopping.done()
        proceed.set()
        assert await busy.until_end() == b"1"
    assert len(gateway.requester.asked) == 1


async def test_stopping_has_a_time_limit() -> None:
    async def never(*_: Any) -> None:
        await asyncio.get_running_loop().create_future()

    async with Gateway(never, stop_seconds=0.2) as gateway:
        client = await gateway.connect()
        client.send(ASK)
        await until(lambda: gateway.requester.asked)
        begun = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - begun < 30
    assert gateway.server.connections == 0


async def test_a_list_that_is_too_large_ends_the_connection_without_a_reply() -> None:
    """`None` would say that there is nothing."""

    def answer(*_: Any) -> Any:
        raise TooLarge

    async with Gateway(answer) as gateway:
        for action in ("receiveAllChargingPoints", "receiveAllReservations"):
            client = await gateway.connect()
            client.send({action: True, "chargingStationID": 1})
            assert await client.until_end() == b""
