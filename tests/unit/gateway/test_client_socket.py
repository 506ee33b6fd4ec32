"""The socket of one client, which is the other end of a socket pair."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cloud_service.gateway.client_socket import READ_BYTES, ClientSocket
from tests.kit.waiting import DEADLINE, until
from tests.unit.gateway.clients import seconds


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[ClientSocket, socket.socket]]:
    """Our socket, and the client's."""
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.setblocking(False)
    client = ClientSocket(ours)
    with theirs:
        yield client, theirs
        client.close()


async def test_each_wait_has_its_own_deadline() -> None:
    async with connected() as (client, theirs):
        theirs.send(b"in time")
        assert await client.receive(seconds() + DEADLINE) == b"in time"
        for wait in (0.02, 0.05, 0.02):
            begun = seconds()
            assert await asyncio.wait_for(client.receive(begun + wait), DEADLINE / 2) == b""
            assert seconds() >= begun + wait


async def test_a_wait_outlasts_the_deadline_of_the_one_before() -> None:
    async with connected() as (client, theirs):
        theirs.send(b"in time")
        assert await client.receive(seconds() + 0.05) == b"in time"
        begun = seconds()
        assert await client.receive(begun + 0.2) == b""
        assert seconds() >= begun + 0.2


async def test_what_arrives_while_nobody_waits_is_kept_and_no_more_than_that_is_read() -> None:
    async with connected() as (client, theirs):
        theirs.send(b"first")
        assert await client.receive(seconds() + DEADLINE) == b"first"
        sent = 0
        while sent < 2 * READ_BYTES:
            sent += theirs.send(b"x" * READ_BYTES)
        await asyncio.sleep(0.01)
        for _ in range(2):
            assert await client.receive(seconds() + DEADLINE) == b"x" * READ_BYTES


async def test_the_end_of_file_stays() -> None:
    async with connected() as (client, theirs):
        theirs.send(b"last")
        theirs.shutdown(socket.SHUT_WR)
        received = [await client.receive(seconds() + DEADLINE) for _ in range(3)]
        assert received == [b"last", b"", b""]


async def test_a_wait_can_be_ended() -> None:
    async with connected() as (client, _):
        waiting = asyncio.create_task(client.receive(seconds() + 2 * DEADLINE))
        await asyncio.sleep(0)
        client.wake()
        assert await asyncio.wait_for(waiting, DEADLINE) == b""


async def test_a_reply_that_nobody_reads_is_an_error_in_time() -> None:
    async with connected() as (client, _):
        with pytest.raises(TimeoutError):
            await client.send(b"x" * 2**24, 0.05)


async def test_a_large_reply_arrives_whole() -> None:
    async with connected() as (client, theirs):
        sending = asyncio.create_task(client.send(bytes(2**22), DEADLINE))
        received = 0
        while received < 2**22:
            received += len(await asyncio.get_running_loop().sock_recv(theirs, 2**16))
        await sending
        assert received == 2**22


async def test_hanging_up_does_not_wait_for_ever_for_a_client_that_goes_on_sending() -> None:
    async with connected() as (client, theirs):
        loop = asyncio.get_running_loop()

        async def flood() -> None:
            while True:
                await loop.sock_sendall(theirs, b"x" * READ_BYTES)

        flooding = asyncio.create_task(flood())
        await asyncio.wait_for(client.hang_up(0.05), DEADLINE)
        assert theirs.recv(1) == b""
        flooding.cancel()
        await until(flooding.done)


async def test_a_broken_connection_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    ours.setblocking(False)
    client = ClientSocket(ours)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    theirs.close()  # with this option, a reset
    with pytest.raises(ConnectionResetError):
        await client.receive(seconds() + DEADLINE)
    client.close()
