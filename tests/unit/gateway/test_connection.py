"""One connection, without a server: its client is the other end of a socket pair."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from cloud_service.gateway.connection import LONG_LIST_RECORDS, Connection
from cloud_service.gateway.measurements import Measurements
from cloud_service.gateway.settings import GatewaySettings
from cloud_service.mqtt.requester import OutcomeUnknown
from cloud_service.protocol.errors import Busy, NotFound
from tests.kit.fake_requester import FakeRequester
from tests.kit.waiting import until
from tests.unit.gateway.clients import PATIENT, Client

FIND = {"findReservation": True, "vid": 7}
DELETE = {"deleteChargingStation": True, "chargingStationID": 5.0}
LIST = {"receiveAllChargingPoints": True, "chargingStationID": 1}


class Serving:
    """A connection that serves its client in a task."""

    def __init__(self, answer: Callable[[str, Mapping[str, Any]], Any], settings: GatewaySettings) -> None:
        ours, self._theirs = socket.socketpair()
        ours.setblocking(False)
        self.requester = FakeRequester(answer)
        self.connection = Connection(
            ours,
            peer="10.0.0.1:5",
            requester=self.requester,
            settings=settings,
            measurements=Measurements(),
        )
        self.task = asyncio.create_task(self.connection.serve())

    async def client(self) -> Client:
        return Client(*await asyncio.open_connection(sock=self._theirs, limit=2**22))


@asynccontextmanager
async def serving(
    answer: Callable[[str, Mapping[str, Any]], Any], **limits: float
) -> AsyncIterator[tuple[Serving, Client]]:
    served = Serving(answer, msgspec.structs.replace(PATIENT, **limits))
    client = await served.client()
    try:
        yield served, client
    finally:
        client.close()
        served.task.cancel()
        await asyncio.wait([served.task])


def done(*_: Any) -> str:
    return "Sucesso"


async def never(*_: Any) -> None:
    await asyncio.get_running_loop().create_future()


async def test_the_service_gets_a_typed_request_with_the_keys_of_its_action() -> None:
    async with serving(done) as (served, client):
        assert await client.ask({**DELETE, "vid": 1}) == b"Sucesso"
        assert repr(served.requester.asked) == "[('deleteChargingStation', {'chargingStationID': 5})]"


@pytest.mark.parametrize("body", [b'{"vid": 01}', b'{"vid": "\xff"}', b'{"vid" 7}', b"{]", b"["])
async def test_what_is_not_json_gets_none_and_the_end(body: bytes) -> None:
    async with serving(done) as (served, client):
        client.writer.write(body)
        assert await client.until_end() == b"None"
        await served.task
        assert served.requester.asked == []


@pytest.mark.parametrize("body", [b'{"vid": 1, "vid": 1}', b'{"vid": 1e999}', b'{"vid": "\\ud800"}', b"{}"])
async def test_json_that_is_not_a_request_gets_none_and_the_connection_stays(body: bytes) -> None:
    async with serving(done) as (served, client):
        client.writer.write(body)
        assert await client.receive() == b"None"
        assert await client.ask(DELETE) == b"Sucesso"
        assert not served.task.done()


async def test_a_malformed_object_that_does_not_end_is_refused_after_the_request_timeout() -> None:
    async with serving(done, request_timeout=0.2) as (_, client):
        client.writer.write(b'{"vid" 7')
        await client.nothing_for(0.1)
        assert await client.until_end() == b"None"


async def test_a_long_list_is_the_same_text_as_a_short_one() -> None:
    points = [{"chargingPointID": number} for number in range(LONG_LIST_RECORDS + 1)]
    async with serving(lambda *_: points) as (_, client):
        client.send(LIST)
        client.writer.write_eof()
        assert await client.until_end() == json.dumps(points, indent=4).encode()


async def test_stopping_ends_an_idle_connection_without_a_byte() -> None:
    async with serving(done) as (served, client):
        assert await client.ask(DELETE) == b"Sucesso"
        served.connection.stop()
        assert await client.until_end() == b""
        await served.task


async def test_stopping_before_the_first_read_ends_the_connection() -> None:
    async with serving(done) as (served, client):
        served.connection.stop()
        assert await client.until_end() == b""
        await served.task


async def test_stopping_waits_for_the_reply() -> None:
    proceed = asyncio.Event()

    async def when_allowed(*_: Any) -> str:
        await proceed.wait()
        return "Sucesso"

    async with serving(when_allowed) as (served, client):
        client.send(DELETE)
        client.send(DELETE)
        await until(lambda: served.requester.asked)
        served.connection.stop()
        proceed.set()
        assert await client.until_end() == b"Sucesso"
        assert len(served.requester.asked) == 1


async def test_a_client_that_resets_the_connection_is_not_an_error(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(done) as (served, client):
        assert await client.ask(DELETE) == b"Sucesso"
        client.close()
        await served.task
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (NotFound("no reservation"), "NOT_FOUND"),
        (Busy("later"), "BUSY"),
        (OutcomeUnknown("no reply"), "UNKNOWN"),
        (ConnectionError("the broker refused a message"), "UNKNOWN"),
        (RuntimeError("a fault of ours"), "UNKNOWN"),
    ],
)
async def test_each_outcome_is_logged(
    error: Exception, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise error

    with caplog.at_level(logging.INFO, logger="cloud_service.gateway"):
        async with serving(fail) as (_, client):
            client.send(FIND)
            client.writer.write_eof()
            assert await client.until_end() == (b"None" if outcome == "NOT_FOUND" else b"")
    (line,) = [vars(record) for record in caplog.records if record.message == "request"]
    assert (line["action"], line["client"], line["outcome"]) == ("findReservation", "10.0.0.1:5", outcome)


async def test_a_request_that_is_cancelled_is_logged_as_unknown(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="cloud_service.gateway"):
        async with serving(never) as (served, client):
            client.send(FIND)
            await until(lambda: served.requester.asked)
            served.task.cancel()
            assert await client.until_end() == b""
    (line,) = [vars(record) for record in caplog.records if record.message == "request"]
    assert (line["action"], line["outcome"]) == ("findReservation", "UNKNOWN")
