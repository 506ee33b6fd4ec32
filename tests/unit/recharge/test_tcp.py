"""The client of the old TCP protocol, against sockets that answer as a gateway might."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from recharge import OutcomeUnknown, Refused, Vehicle
from recharge import tcp as legacy

RESERVATION = {
    "reservationID": 1,
    "chargingStationID": 2,
    "chargingPointID": 3,
    "chargingPointPower": 22,
    "kWhPrice": 0.9,
    "vehicleID": "7",
    "startDateTime": "2026-03-01T12:05:00",
    "finishDateTime": "2026-03-01T13:05:00",
    "duration": 1.0,
    "price": 19.8,
}

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def serve(answer: Answer, use: Callable[[int], Awaitable[Any]]) -> Any:
    """Runs `use` with the port of a server that handles each connection with `answer`."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        finally:
            writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        return await use(server.sockets[0].getsockname()[1])


def ask(answer: Answer, seconds: float = 30.0, values: Mapping[str, Any] | None = None) -> Any:
    async def use(port: int) -> Any:
        return await legacy.request("findReservation", values or {"vid": 7}, port=port, seconds=seconds)

    return asyncio.run(serve(answer, use))


def saying(*pieces: bytes) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    return answer


def test_the_request_is_one_object_with_the_action_as_a_key() -> None:
    seen = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(json.loads(await reader.read()))
        writer.write(b"Sucesso")

    assert ask(answer, values={"vid": "7"}) == "Sucesso"
    assert seen == [{"findReservation": True, "vid": "7"}]


def test_a_reply_in_pieces_is_read_to_its_end() -> None:
    body = json.dumps(RESERVATION, indent=4).encode()
    assert ask(saying(*(body[at : at + 50] for at in range(0, len(body), 50)))) == RESERVATION


def test_an_id_is_read_to_its_last_digit() -> None:
    assert ask(saying(b"1", b"2", b"3")) == 123


def test_none_is_a_refusal() -> None:
    with pytest.raises(Refused):
        ask(saying(b"None"))


@pytest.mark.parametrize("reply", [b"", b'{"reservationID": 1, '])
def test_a_connection_that_ends_without_a_reply_leaves_the_outcome_unknown(reply: bytes) -> None:
    with pytest.raises(OutcomeUnknown, match="ended without a reply"):
        ask(saying(reply))


def test_a_silent_gateway_leaves_the_outcome_unknown() -> None:
    async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()
        await asyncio.sleep(5)

    with pytest.raises(OutcomeUnknown, match=r"no reply from .* within 0\.2 s"):
        ask(silence, seconds=0.2)


def test_an_unreachable_gateway_is_a_connection_error() -> None:
    async def use(port: int) -> int:
        return port

    closed = asyncio.run(serve(saying(), use))
    with pytest.raises(ConnectionError, match="cannot be reached"):
        asyncio.run(legacy.request("findReservation", {"vid": 7}, port=closed))


def test_dates_without_an_offset_are_in_the_gateways_zone() -> None:
    zone = ZoneInfo("America/Sao_Paulo")

    async def use(port: int) -> Any:
        async with Vehicle("7", protocol="tcp", gateway=("127.0.0.1", port), zone=zone) as vehicle:
            return await vehicle.reservation()

    found = asyncio.run(serve(saying(json.dumps(RESERVATION).encode()), use))
    assert found is not None
    assert found.start == datetime(2026, 3, 1, 12, 5, tzinfo=zone)
    assert found.key == (2, 3, 1)


def test_a_vehicle_without_a_reservation_has_none() -> None:
    async def use(port: int) -> Any:
        async with Vehicle("7", protocol="tcp", gateway=("127.0.0.1", port)) as vehicle:
            return await vehicle.reservation()

    assert asyncio.run(serve(saying(b"None"), use)) is None
