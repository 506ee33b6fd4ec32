"""Ports that are free, taken, or not this machine's."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from cloud_service.local.errors import CannotStart, UnknownHost
from cloud_service.local.ports import accepting, choose_port, free_port, is_free

HOST = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_free_and_taken_ports(taken: int) -> None:
    assert is_free(HOST, free_port(HOST))
    assert not is_free(HOST, taken)


def test_a_free_port_is_kept() -> None:
    port = free_port(HOST)
    assert choose_port(HOST, port, "--port", fixed=True) == port
    assert choose_port(HOST, port, "--port", fixed=False) == port


def test_zero_picks_a_free_port() -> None:
    assert is_free(HOST, choose_port(HOST, 0, "--port", fixed=True))


def test_a_taken_port_is_replaced_unless_it_is_fixed(taken: int) -> None:
    assert choose_port(HOST, taken, "--port", fixed=False) != taken
    with pytest.raises(CannotStart, match=rf"port {taken} on {HOST} is taken; .* with --port "):
        choose_port(HOST, taken, "--port", fixed=True)


def test_an_address_of_another_machine() -> None:
    with pytest.raises(CannotStart, match=r"cannot listen on 192\.0\.2\.1, port 1234: "):
        choose_port("192.0.2.1", 1234, "--port", fixed=False)


@pytest.mark.parametrize("port", [0, 1234])
def test_a_host_that_nobody_knows(port: int) -> None:
    with pytest.raises(UnknownHost, match=rf"nowhere\.invalid, where port {port} is to listen, is not known"):
        choose_port("nowhere.invalid", port, "--port", fixed=True)


def test_accepting_waits_for_a_listener() -> None:
    async def main() -> None:
        port = free_port(HOST)
        waiting = asyncio.create_task(accepting(HOST, port))
        await asyncio.sleep(0)
        server = await asyncio.start_server(lambda reader, writer: writer.close(), HOST, port)
        async with server, asyncio.timeout(10):
            await waiting

    asyncio.run(main())
