"""Which reservations a charger shows, and when."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloud_service.ocpp.calls import Ask
from cloud_service.ocpp.exchange import CallRefused
from cloud_service.ocpp.leniencies import Leniencies
from cloud_service.ocpp.reservations import HELD_AFTER, Reservations
from cloud_service.protocol.ocpp import ChargerRecord

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEFORE = timedelta(minutes=15)
SECOND = timedelta(seconds=1)
ERRORS = ("NotSupported", "NotImplemented", "InternalError")
RESERVED: Mapping[str, Any] = {
    "chargingPointID": 5,
    "reservationID": 1,
    "vehicleID": "ana",
    "state": "reserved",
    "startDateTime": NOON.isoformat(),
}


class Bench:
    """A charger whose connector 2 is point 5, with one reservation at noon. It is the service too."""

    def __init__(self, before: timedelta = BEFORE) -> None:
        self.record = ChargerRecord("accepted", True, "ocpp-gateway", NOON, station=4, points={1: 1, 2: 5})
        self.known = [RESERVED]
        self.status = "Accepted"
        """What the charger answers, or the error that it has. Without it, the charger does not answer."""
        self.asked: list[Ask] = []
        self.leniencies = Leniencies()
        self.reservations = Reservations(self, self, self.leniencies, before)

    async def keep(self, record: ChargerRecord) -> None:
        self.record = record

    async def request(self, action: str, values: Mapping[str, Any], *, request_id: str | None = None) -> Any:
        assert (action, values) == ("receiveAllReservations", {"chargingStationID": 4})
        return self.known

    async def at(self, now: datetime) -> list[str]:
        """What is asked of the charger at this moment: the actions."""
        self.asked.clear()
        await self.reservations.follow(self._ask, "1.6", now)
        return [ask.action for ask in self.asked]

    async def changes(self, *known: Mapping[str, Any]) -> list[str]:
        """The service has these reservations now. What is asked at noon."""
        self.known = list(known)
        self.reservations.changed()
        return await self.at(NOON)

    async def _ask(self, ask: Ask) -> Mapping[str, Any]:
        self.asked.append(ask)
        if not self.status:
            raise TimeoutError
        if self.status in ERRORS:
            raise CallRefused(self.status)
        return {"status": self.status}


async def test_it_is_shown_from_a_while_before_its_start_until_a_while_after() -> None:
    bench = Bench()
    assert await bench.at(NOON - BEFORE - SECOND) == []
    assert await bench.at(NOON - BEFORE) == ["ReserveNow"]
    assert bench.asked[0].payload == {
        "connectorId": 2,
        "expiryDate": (NOON + HELD_AFTER).isoformat(),
        "idTag": "ana",
        "reservationId": bench.asked[0].payload["reservationId"],
    }
    assert await bench.at(NOON + HELD_AFTER - SECOND) == []
    assert await bench.at(NOON + HELD_AFTER) == ["CancelReservation"]


async def test_none_is_shown_if_nobody_wants_it() -> None:
    assert await Bench(timedelta()).at(NOON) == []


@pytest.mark.parametrize(
    "later", [{"state": "active"}, {"startDateTime": (NOON + timedelta(days=1)).isoformat()}]
)
async def test_it_is_shown_no_longer_once_it_is_no_reservation_of_now(later: Mapping[str, Any]) -> None:
    bench = Bench()
    assert await bench.at(NOON) == ["ReserveNow"]
    shown = bench.asked[0].payload["reservationId"]
    assert await bench.changes({**RESERVED, **later}) == ["CancelReservation"]
    assert bench.asked[0].payload == {"reservationId": shown}


async def test_one_that_has_moved_a_little_is_shown_again() -> None:
    bench = Bench()
    await bench.at(NOON)
    moved = {**RESERVED, "startDateTime": (NOON + timedelta(minutes=5)).isoformat()}
    assert await bench.changes(moved) == ["CancelReservation", "ReserveNow"]


async def test_those_of_other_points_are_nothing_to_the_charger() -> None:
    assert await Bench().changes({**RESERVED, "chargingPointID": 3}) == []


async def test_reservations_of_two_points_have_different_numbers() -> None:
    bench = Bench()
    assert await bench.changes(RESERVED, {**RESERVED, "chargingPointID": 1}) == ["ReserveNow"] * 2
    assert len({ask.payload["reservationId"] for ask in bench.asked}) == 2


@pytest.mark.parametrize("status", ["Occupied", "InternalError", ""])
async def test_a_refused_one_is_asked_for_again_after_a_minute(status: str) -> None:
    bench = Bench()
    bench.status = status
    assert await bench.at(NOON) == ["ReserveNow"]
    assert await bench.at(NOON + timedelta(seconds=59)) == []
    bench.status = "Accepted"
    assert await bench.at(NOON + timedelta(seconds=60)) == ["ReserveNow"]
    assert await bench.at(NOON + timedelta(minutes=5)) == []


async def test_one_that_is_over_is_withdrawn_until_the_charger_has_answered() -> None:
    bench = Bench()
    await bench.at(NOON)
    bench.status = ""
    assert await bench.changes() == ["CancelReservation"]
    assert await bench.at(NOON + SECOND) == []
    bench.status = "Rejected"
    assert await bench.at(NOON + timedelta(minutes=1)) == ["CancelReservation"]
    assert await bench.at(NOON + timedelta(minutes=2)) == []


async def test_what_changes_while_they_are_read_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()

    async def answer_late(*_: object) -> Any:
        found = list(bench.known)
        bench.known.append({**RESERVED, "reservationID": 2, "vehicleID": "bia"})
        bench.reservations.changed()
        return found

    with monkeypatch.context() as late:
        late.setattr(bench, "request", answer_late)
        assert await bench.at(NOON) == ["ReserveNow"]
    assert await bench.at(NOON) == ["ReserveNow"]
    assert await bench.at(NOON) == []


@pytest.mark.parametrize("status", ["NotSupported", "NotImplemented"])
async def test_a_charger_that_cannot_is_asked_once(status: str) -> None:
    bench = Bench()
    bench.status = status
    assert await bench.at(NOON) == ["ReserveNow"]
    assert await bench.at(NOON + timedelta(minutes=5)) == []
    assert bench.leniencies.all == (f"ReserveNow: {status}; reservations are not shown there",)


async def test_one_that_the_charger_has_let_go_of_is_shown_again() -> None:
    bench = Bench()
    await bench.at(NOON)
    bench.reservations.let_go(bench.asked[0].payload["reservationId"])
    assert await bench.at(NOON) == ["ReserveNow"]
