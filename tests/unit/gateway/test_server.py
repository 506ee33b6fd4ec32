"""The gateway as existing clients use it, over real sockets, with a stand-in for the service."""

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from cloud_service.mqtt.requester import OutcomeUnknown
from cloud_service.protocol.errors import Busy, NotFound
from tests.kit.waiting import until
from tests.unit.gateway.clients import PATIENT, Gateway, seconds

RESERVATION = {
    "reservationID": 1,
    "chargingStationID": 2,
    "chargingPointID": 3,
    "chargingPointPower": 30,
    "kWhPrice": 0.5,
    "vehicleID": 7,
    "startDateTime": "2026-03-01T02:30:00+00:00",
    "finishDateTime": "2026-03-01T03:30:00+00:00",
    "duration": 1.0,
    "price": 15,
}
NEW_STATION = {"newChargingStation": True, "x_position": 1, "y_position": 2}
DELETE_STATION = {"deleteChargingStation": True, "chargingStationID": 1}
FIND = {"findReservation": True, "vid": 7}
POINTS = {"receiveAllChargingPoints": True, "chargingStationID": 1}


def answer(action: str, values: Mapping[str, Any]) -> Any:
    match action:
        case "newChargingStation":
            return values["x_position"]
        case "findReservation":
            return {**RESERVATION, "vehicleID": values["vid"]}
        case "receiveAllChargingPoints":
            return []
    return "Sucesso"


async def test_each_kind_of_reply() -> None:
    async with Gateway(answer) as gateway:
        client = await gateway.connect()
        assert await client.ask(NEW_STATION) == b"1"
        assert await client.ask(DELETE_STATION) == b"Sucesso"
        assert await client.ask(POINTS) == b"None"
        reservation = json.loads(await client.ask(FIND))
        assert reservation == {
            **RESERVATION,
            "startDateTime": "2026-02-28T23:30:00",
            "finishDateTime": "2026-03-01T00:30:00",
        }


async def test_only_the_keys_of_the_action_reach_the_service_each_time_under_a_new_id() -> None:
    async with Gateway(answer) as gateway:
        client = await gateway.connect()
        await client.ask({**FIND, "requestID": "mine", "replyTo": "recharge/v1/reply/other", "vehicle": 1})
        await client.ask(FIND)
        assert gateway.requester.asked == [("findReservation", {"vid": 7})] * 2
        assert None not in gateway.requester.request_ids
        assert len(set(gateway.requester.request_ids)) == 2


async def test_a_request_a_byte_at_a_time() -> None:
    async with Gateway(answer) as gateway:
        client = await gateway.connect()
        for byte in json.dumps(NEW_STATION, indent=4).encode():
            client.writer.write(bytes([byte]))
            await client.writer.drain()
            await asyncio.sleep(0.001)
        assert await client.receive() == b"1"


async def test_two_requests_in_one_segment() -> None:
    async with Gateway(answer) as gateway:
        client = await gateway.connect()
        client.writer.write(json.dumps(NEW_STATION).encode() + json.dumps(DELETE_STATION).encode())
        assert await client.reader.readexactly(len("1Sucesso")) == b"1Sucesso"


async def test_replies_keep_the_order_of_the_requests_even_if_the_first_takes_longest() -> None:
    async def slowly(action: str, values: Mapping[str, Any]) -> Any:
        if values["x_position"] == 1:
            await asyncio.sleep(0.2)
        return values["x_position"]

    async with Gateway(slowly) as gateway:
        client = await gateway.connect()
        for number in (1, 2, 3):
            client.send({**NEW_STATION, "x_position": number})
        assert await client.reader.readexactly(3) == b"123"
        assert [values["x_position"] for _, values in gateway.requester.asked] == [1, 2, 3]


@pytest.mark.parametrize("style", [{}, {"indent": 4}, {"indent": "\t"}, {"separators": (",", ":")}])
async def test_pretty_printed_or_not_with_white_space_around(style: dict[str, Any]) -> None:
    async with Gateway(answer) as gateway:
        client = await gateway.connect()
        client.writer.write(b"\r\n ")
        client.send(NEW_STATION, **style)
        client.writer.write(b"\n")
        assert await client.receive() == b"1"
        client.writer.write(b"  \n")
        assert await client.ask(NEW_STATION) == b"1"


async def test_several_requests_on_one_connection_with_pauses() -> None:
    async with Gateway(answer) as gateway:
        client = await gateway.connect()
        for _ in range(5):
            assert await client.ask(NEW_STATION) == b"1"
            await asyncio.sleep(0.05)
            assert await client.ask(DELETE_STATION) == b"Sucesso"
            await asyncio.sleep(0.05)


async def test_a_client_that_reads_until_the_bytes_parse() -> None:
    many = [{**RESERVATION, "reservationID": number} for number in range(1, 500)]
    async with Gateway(lambda *_: many) as gateway:
        client = await gateway.connect()
        client.send({"receiveAllReservations": True, "chargingStationID": 2})
        received = await client.until_json()
        assert [record["reservationID"] for record in received] == list(range(1, 500))


@pytest.mark.parametrize(("request_", "reply"), [(DELETE_STATION, b"Sucesso"), (POINTS, b"None")])
async def test_the_connection_ends_after_sucesso_and_none_for_clients_that_read_until_the_end(
    request_: dict[str, Any], reply: bytes
) -> None:
    async with Gateway(answer, msgspec.structs.replace(PATIENT, linger=0.2)) as gateway:
        client = await gateway.connect()
        begun = seconds()
        client.send(request_)
        assert await client.until_end() == reply
        assert seconds() - begun >= 0.2


async def test_white_space_after_sucesso_does_not_keep_the_connection() -> None:
    async with Gateway(answer, msgspec.structs.replace(PATIENT, linger=0.5)) as gateway:
        client = await gateway.connect()
        client.send(DELETE_STATION)
        end = asyncio.create_task(client.until_end())
        while not end.done() and not client.writer.is_closing():
            client.writer.write(b"\n")
            await asyncio.sleep(0.02)
        assert await end == b"Sucesso"


async def test_after_other_replies_the_connection_stays() -> None:
    async with Gateway(answer, msgspec.structs.replace(PATIENT, linger=0.1)) as gateway:
        client = await gateway.connect()
        assert await client.ask(NEW_STATION) == b"1"
        await client.nothing_for(0.5)
        assert await client.ask(FIND)
        await client.nothing_for(0.5)


async def test_a_request_that_follows_sucesso_keeps_the_connection() -> None:
    async with Gateway(answer, msgspec.structs.replace(PATIENT, linger=2)) as gateway:
        client = await gateway.connect()
        assert await client.ask(DELETE_STATION) == b"Sucesso"
        assert await client.ask(NEW_STATION) == b"1"
        await client.nothing_for(2.5)


async def test_a_silent_connection_is_closed_without_a_byte() -> None:
    async with Gateway(answer, msgspec.structs.replace(PATIENT, idle_timeout=0.3)) as gateway:
        begun = seconds()
        client = await gateway.connect()
        assert await client.until_end() == b""
        assert seconds() - begun >= 0.3


async def test_a_request_must_be_complete_in_time_even_if_bytes_keep_arriving() -> None:
    async with Gateway(answer, msgspec.structs.replace(PATIENT, request_timeout=0.5)) as gateway:
        begun = seconds()
        client = await gateway.connect()
        end = asyncio.create_task(client.until_end())
        client.writer.write(b'{"findReservation": true, "vid": 7')
        while not end.done() and not client.writer.is_closing():
            client.writer.write(b" ")
            await asyncio.sleep(0.02)
        assert await end == b"None"
        assert seconds() - begun >= 0.5
        assert gateway.requester.asked == []


async def test_a_client_that_ends_its_side_gets_all_its_replies_and_then_the_end() -> None:
    async with Gateway(answer) as gateway:
        client = await gateway.connect()
        client.send(NEW_STATION)
        client.send(DELETE_STATION)
        client.writer.write_eof()
        assert await client.until_end() == b"1Sucesso"
        await until(lambda: gateway.server.connections == 0)


async def test_a_request_that_is_cut_off_by_the_end_is_refused() -> None:
    async with Gateway(answer) as gateway:
        client = await gateway.connect()
        client.writer.write(json.dumps(NEW_STATION).encode()[:-1])
        client.writer.write_eof()
        assert await client.until_end() == b"None"
        assert gateway.requester.asked == []


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00",
        b"[]",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b'"text"',
        b"{'vid': 7}",
        b'{"vid": NaN}',
        b'{"vid": "\xff"}',
        b'{"a":' * 33,
    ],
)
async def test_bytes_that_are_not_a_json_object_get_none_and_the_end_after_earlier_replies(
    garbage: bytes,
) -> None:
    async with Gateway(answer) as gateway:
        client = await gateway.connect()
        client.send(NEW_STATION)
        client.writer.write(garbage)
        client.send(NEW_STATION)
        assert await client.until_end() == b"1None"
        assert len(gateway.requester.asked) == 1


async def test_the_none_for_an_endless_object_is_not_lost_to_a_reset() -> None:
    async with Gateway(answer) as gateway:
        client = await gateway.connect()
        end = asyncio.create_task(client.until_end())
        client.writer.write(b'{"a": "')
        while not end.done():
            client.writer.write(b"x" * 4096)
            await asyncio.sleep(0.001)
        assert await end == b"None"


@pytest.mark.parametrize(
    "request_",
    [{}, {"vid": 7}, {"findReservation": True}, {**FIND, "vid": None}, {**NEW_STATION, "x_position": "1"}],
)
async def test_a_bad_request_gets_none_and_the_next_may_follow(request_: dict[str, Any]) -> None:
    async with Gateway(answer) as gateway:
        client = await gateway.connect()
        assert await client.ask(request_) == b"None"
        assert gateway.requester.asked == []
        assert await client.ask(NEW_STATION) == b"1"


async def test_a_permanent_error_is_none() -> None:
    def refuse(*_: Any) -> Any:
        raise NotFound

    async with Gateway(refuse) as gateway:
        client = await gateway.connect()
        assert await client.ask(FIND) == b"None"


def raising(error: Exception) -> Any:
    def fail(*_: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    "fault",
    [
        raising(Busy()),
        raising(OutcomeUnknown("no reply")),
        raising(ConnectionError("the broker refused a message")),
        raising(RuntimeError("a fault of ours")),
        lambda *_: None,
    ],
    ids=["busy", "unknown", "broker", "fault", "no reservation"],
)
async def test_an_unknown_outcome_ends_the_connection_without_a_reply(fault: Any) -> None:
    async with Gateway(fault) as gateway:
        client = await gateway.connect()
        client.send(FIND)
        client.send(FIND)
        assert await client.until_end() == b""
        assert len(gateway.requester.asked) == 1


async def test_one_line_is_logged_for_each_request(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(action: str, values: Mapping[str, Any]) -> Any:
        if action == "findReservation":
            raise NotFound("vehicle 7 has no reservation")
        return 1

    with caplog.at_level(logging.INFO, logger="cloud_service.gateway"):
        async with Gateway(refuse) as gateway:
            client = await gateway.connect()
            assert await client.ask(NEW_STATION) == b"1"
            assert await client.ask(FIND) == b"None"
            client.writer.write(b"garbage")
            assert await client.until_end() == b"None"
    lines = [vars(record) for record in caplog.records if record.getMessage() == "request"]
    host, port = client.writer.get_extra_info("sockname")[:2]
    assert {line["client"] for line in lines} == {f"{host}:{port}"}
    assert [(line["action"], line["outcome"], line.get("reason")) for line in lines] == [
        ("newChargingStation", "ok", None),
        ("findReservation", "NOT_FOUND", "vehicle 7 has no reservation"),
        (None, "BAD_REQUEST", "b'g' at byte 0 cannot be part of a JSON object"),
    ]
    assert [line["request_id"] for line in lines[:2]] == gateway.requester.request_ids
    assert all(line["milliseconds"] >= 0 for line in lines)
