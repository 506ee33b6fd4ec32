"""Ports that are free, taken, or not this machine's."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from cloud_service.local.errors import CannotStart, UnknownHost
from cloud_service.local.ports import accepting, answering, is_free, listen
from tests.kit.processes import HOST, free_port
from tests.kit.waiting import DEADLINE


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_free_and_taken_ports(taken: int) -> None:
    assert not is_free(HOST, taken)
    assert is_free(HOST, free_port())


def test_a_free_port_is_kept() -> None:
    for fixed in (True, False):
        port = free_port()
        with listen(HOST, port, "--port", fixed=fixed) as listener:
            assert listener.getsockname()[1] == port


def test_a_free_port_is_not_one_of_those_for_outgoing_connections() -> None:
    """Between the choice and the moment when a process binds it, a connection could get it."""
    with listen(HOST, 0, "--tcp-port", fixed=True) as listener:
        assert listener.getsockname()[1] < 32_768


def test_a_taken_port_is_replaced_unless_it_is_fixed(taken: int) -> None:
    with listen(HOST, taken, "--port", fixed=False) as listener:
        assert listener.getsockname()[1] != taken
    with pytest.raises(CannotStart, match=rf"port {taken} on {HOST} is taken; .* with --port "):
        listen(HOST, taken, "--port", fixed=True)


def test_of_two_who_want_a_port_the_first_has_it_from_then_on() -> None:
    port = free_port()
    with (
        listen(HOST, port, "--port", fixed=False) as first,
        listen(HOST, port, "--port", fixed=False) as second,
    ):
        assert first.getsockname()[1] == port
        assert second.getsockname()[1] not in (0, port)


def test_an_address_of_another_machine() -> None:
    with pytest.raises(CannotStart, match=r"cannot listen on 192\.0\.2\.1, port 1234: "):
        listen("192.0.2.1", 1234, "--port", fixed=False)


@pytest.mark.parametrize("port", [0, 1234])
def test_a_host_that_nobody_knows(port: int) -> None:
    with pytest.raises(
        UnknownHost, match=rf"nowhere\.invalid, on which port {port} should listen, is unknown"
    ):
        listen("nowhere.invalid", port, "--port", fixed=True)


def test_accepting_waits_for_a_listener() -> None:
    async def main() -> None:
        port = free_port()
        waiting = asyncio.create_task(accepting(HOST, port))
        await asyncio.sleep(0)
        server = await asyncio.start_server(lambda reader, writer: writer.close(), HOST, port)
        async with server, asyncio.timeout(DEADLINE):
            await waiting

    asyncio.run(main())


def test_who_only_listens_does_not_answer() -> None:
    async def main() -> None:
        with listen(HOST, 0, "--port", fixed=True) as listener:
            port = listener.getsockname()[1]
            waiting = asyncio.create_task(answering(HOST, port))
            await accepting(HOST, port)
            assert not waiting.done()
            server = await asyncio.start_server(_answer, sock=listener)
            async with server, asyncio.timeout(DEADLINE):
                await waiting

    asyncio.run(main())


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.0 404\r\n\r\n")
    writer.close()
