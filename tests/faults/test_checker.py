"""The checker and the clients of the load find what contradicts the promise: each kind, in a sound record."""

import asyncio
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from cloud_service.mqtt.requester import OutcomeUnknown
from cloud_service.protocol.errors import InternalError
from recharge import tcp as legacy
from recharge.errors import CutReply
from tests.faults.bookings import Booking
from tests.faults.checker import check_run
from tests.faults.listener import Listener, expected_by_clients
from tests.faults.participants import Charger
from tests.faults.recorder import Call, LegacyClient, MQTTClient, Record


def row(number: int, hour: int, **values: Any) -> dict[str, Any]:
    """A reservation of an hour, 10 kWh, at this hour of a day."""
    return {
        "reservationID": number,
        "chargingStationID": 1,
        "chargingPointID": 1,
        "chargingPointPower": 10,
        "kWhPrice": 1,
        "vehicleID": f"vehicle-{number}",
        "startDateTime": f"2099-01-01T{hour:02}:00:00+00:00",
        "finishDateTime": f"2099-01-01T{hour + 1:02}:00:00+00:00",
        "duration": 1,
        "price": 10,
        **values,
    }


def check(folder: Path, *rows: dict[str, Any], kept: bool = False) -> None:
    """Each was booked by a client of its own, and cancelled at the end unless it is `kept`."""
    for name in ("charging_stations", "charging_points", "reservations"):
        (folder / f"{name}.json").write_text("[]")
    record = Record()
    for moment, booked in enumerate(rows):
        name = f"client-{moment}"
        record.calls.append(
            Call(name, "a", "scheduleReservation", {}, moment, moment + 0.5, "answered", booked)
        )
    for moment in range(0 if kept else len(rows)):
        record.calls.append(Call(f"client-{moment}", "b", "deleteReservation", {}, 100, 101, "answered"))
    vehicles = [SimpleNamespace(reservation=booked) for booked in rows] if kept else []
    load: Any = SimpleNamespace(
        violations=[],
        record=record,
        vehicles=vehicles,
        chargers=[],
        sites=[],
        drivers=[],
        loses_events=True,
        hears_in_order=False,
        listener=None,
    )
    check_run(load, folder)


def test_a_sound_run_is_sound(tmp_path: Path) -> None:
    check(tmp_path, row(1, 8), row(2, 10))


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ((row(1, 8), row(2, 9)), "overlap"),
        ((row(1, 8), row(1, 12)), "given twice"),
        ((row(1, 8, finishDateTime="2099-01-01T09:30:00+00:00"),), "wrong duration"),
        ((row(1, 8, price=11),), "wrong price"),
    ],
)
def test_what_clients_know_contradicts_itself(
    rows: tuple[dict[str, Any], ...], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=problem):
        check(tmp_path, *rows)


def test_an_answered_reservation_is_not_in_the_files(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="a client has it, the files do not"):
        check(tmp_path, row(1, 8), kept=True)


class FakeRequester:
    """The first request gets no answer; then the list comes as given."""

    def __init__(self, points: list[dict[str, Any]]) -> None:
        self._points = points

    async def request(self, action: str, values: dict[str, Any], **_: Any) -> Any:
        if action == "receiveAllChargingPoints":
            return self._points
        raise OutcomeUnknown("no reply")


class Violations:
    """As much of a Load as a charger needs."""

    given_up = False

    def __init__(self) -> None:
        self.found: list[str] = []

    def expect(self, holds: bool, violation: str) -> bool:
        if not holds:
            self.found.append(violation)
        return holds

    async def settled(self, client: MQTTClient, action: str, values: dict[str, Any]) -> Call:
        return await client.ask(action, values)


def point(number: int, power: int) -> dict[str, Any]:
    return {
        "chargingPointID": number,
        "chargingStationID": 2,
        "power": power,
        "kWhPrice": 0,
        "availability": "livre",
    }


class DeletingFirst(Random):
    """Has a charger delete its first point."""

    def random(self) -> float:
        return 0.4

    def choice(self, seq: Any) -> Any:
        return seq[0]


@pytest.mark.parametrize(
    ("after", "sound"),
    [
        ([point(1, 7), point(2, 9)], True),
        ([point(2, 9)], True),
        ([], False),
        ([point(1, 7)], False),
        ([point(1, 7), point(2, 8)], False),
    ],
)
def test_a_deletion_without_an_answer_happened_wholly_or_not_at_all(
    after: list[dict[str, Any]], sound: bool
) -> None:
    load = Violations()
    requester: Any = FakeRequester(after)
    charger = Charger(load, MQTTClient(Record(), "charger", requester), 0, DeletingFirst())  # type: ignore[arg-type]
    charger.far = 2
    charger.points = {1: point(1, 7), 2: point(2, 9)}
    asyncio.run(charger.step())
    assert (not load.found) == sound


def test_an_internal_error_is_no_answer_to_live_with() -> None:
    class Faulty:
        async def request(self, *_: Any, **__: Any) -> Any:
            raise InternalError

    requester: Any = Faulty()
    with pytest.raises(AssertionError, match="the service has a fault"):
        asyncio.run(MQTTClient(Record(), "charger", requester).ask("findReservation", {}))


@pytest.mark.parametrize("gateway_killed", [True, False])
def test_a_part_of_a_reply_is_a_fault_of_a_gateway_that_lives(
    gateway_killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut(*_: Any, **__: Any) -> Any:
        raise CutReply("12 bytes")

    monkeypatch.setattr(legacy, "request", cut)
    client = LegacyClient(Record(), "legacy", 1, gateway_killed=gateway_killed)
    if gateway_killed:
        assert asyncio.run(client.ask("findReservation", {})).outcome == "unknown"
    else:
        with pytest.raises(AssertionError, match="the gateway sent something that is not a reply"):
            asyncio.run(client.ask("findReservation", {}))


def test_an_event_is_missing_or_made_up() -> None:
    booked = [Booking(row(1, 8), 0)]
    listener = Listener()
    listener.heard = {
        ("vehicle-1", "reservationScheduled", (1, 1, 1)): row(1, 8),
        ("owner", "reservationScheduled", (1, 1, 1)): row(1, 8),
        ("owner", "reservationScheduled", (1, 1, 2)): row(2, 10),
    }
    kept = expected_by_clients(booked, [row(1, 8)], {1: "owner"})
    assert not listener.unheard(kept)
    assert len(listener.unheard(expected_by_clients(booked, [], {1: "owner"}))) == 2
    assert len(listener.untrue(booked, {1})) == 1
