"""New bookings of one address are limited, and nothing else of it is."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from cloud_service.gateway.bookings import WINDOW_SECONDS, BookingLimit, source_of
from cloud_service.protocol.errors import NotFound, StorageFailed
from tests.unit.gateway.clients import PATIENT, Gateway

RESERVATION = {
    "reservationID": 1,
    "chargingStationID": 1,
    "chargingPointID": 1,
    "chargingPointPower": 22,
    "kWhPrice": 0.5,
    "vehicleID": 7,
    "startDateTime": "2026-03-01T12:00:00+00:00",
    "finishDateTime": "2026-03-01T13:00:00+00:00",
    "duration": 1.0,
    "price": 11.0,
}
LIMITED = msgspec.structs.replace(PATIENT, max_bookings_per_address=2)


class Service:
    """Books a reservation for each vehicle, once."""

    def __init__(self) -> None:
        self.booked: dict[Any, dict[str, Any]] = {}

    def answer(self, action: str, values: Mapping[str, Any]) -> Any:
        vehicle = values.get("vid")
        if action == "scheduleReservation":
            new = {**RESERVATION, "reservationID": len(self.booked) + 1, "vehicleID": vehicle}
            return self.booked.setdefault(vehicle, new)
        if action == "findReservation":
            if vehicle not in self.booked:
                raise NotFound
            return self.booked[vehicle]
        return "Sucesso"


def book(vehicle: int) -> dict[str, Any]:
    return {
        "scheduleReservation": True,
        "vid": vehicle,
        "x": 1,
        "y": 1,
        "actualBatteryPercentage": 50,
        "batteryCapacity": 44,
    }


async def test_at_the_limit_a_connection_ends_at_once_without_a_reply() -> None:
    """`None` would say that no station can be booked; the booking may work later."""
    service = Service()
    async with Gateway(service.answer, LIMITED) as gateway:
        for vehicle in (1, 2):
            assert b'"reservationID"' in await (await gateway.connect()).ask(book(vehicle))
        third = await gateway.connect()
        third.send(book(3))
        assert await third.until_end() == b""
        assert set(service.booked) == {1, 2}
        other_address = await gateway.connect("127.0.0.2")
        assert b'"vehicleID": 3' in await other_address.ask(book(3))


async def test_at_the_limit_everything_but_new_bookings_is_answered() -> None:
    service = Service()
    async with Gateway(service.answer, LIMITED) as gateway:
        client = await gateway.connect()
        replies = [await client.ask(book(vehicle)) for vehicle in (1, 2)]
        assert [await client.ask(book(vehicle)) for vehicle in (1, 2)] == replies
        assert await client.ask({"findReservation": True, "vid": 1}) == replies[0]
        cancelled = {"deleteReservation": True, "reservationID": 1, "vehicleID": 1}
        assert await client.ask(cancelled) == b"Sucesso"


async def test_what_was_not_booked_does_not_count() -> None:
    answers = iter([NotFound(), NotFound(), StorageFailed(), RESERVATION])

    def answer(_action: str, _values: Mapping[str, Any]) -> Any:
        result = next(answers)
        if isinstance(result, Exception):
            raise result
        return result

    async with Gateway(answer, msgspec.structs.replace(LIMITED, max_bookings_per_address=1)) as gateway:
        client = await gateway.connect()
        assert [await client.ask(book(1)), await client.ask(book(1))] == [b"None", b"None"]
        client.send(book(1))
        assert await client.until_end() == b""
        assert b'"reservationID": 1' in await (await gateway.connect()).ask(book(1))


async def test_refused_bookings_are_counted_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with Gateway(
        Service().answer, msgspec.structs.replace(LIMITED, max_bookings_per_address=1)
    ) as gateway:
        await (await gateway.connect()).ask(book(1))
        for vehicle in range(2, 102):
            client = await gateway.connect()
            client.send(book(vehicle))
            assert await client.until_end() == b""
    lines = [vars(record) for record in caplog.records if record.message == "bookings refused"]
    assert sum(line["count"] for line in lines) == 100
    assert len(lines) < 20
    assert {(line["client"], line["reason"]) for line in lines} == {
        ("127.0.0.1", "at the limit of 1 new bookings per address and hour")
    }


def test_a_source_has_room_again_an_hour_after_each_of_its_bookings() -> None:
    limit = BookingLimit(2)
    for now in (0.0, 10.0):
        assert limit.admit("a", now)
        limit.settle("a", (1, 1, int(now)), now)
    assert not limit.admit("a", WINDOW_SECONDS - 1)
    assert limit.admit("b", WINDOW_SECONDS - 1)
    assert limit.admit("a", WINDOW_SECONDS)
    assert not limit.admit("a", WINDOW_SECONDS), "one is being made, and the other one counts"


def test_bookings_that_are_being_made_count() -> None:
    limit = BookingLimit(2)
    assert [limit.admit("a", 0.0) for _ in range(3)] == [True, True, False]
    limit.settle("a", None, 0.0)
    assert limit.admit("a", 0.0)


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
    ],
)
def test_all_addresses_of_an_ipv6_network_are_one_source(host: str, source: str) -> None:
    assert source_of(host) == source
