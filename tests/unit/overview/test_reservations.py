"""Which reservations are known, from events, lengths of queues and lists, and how they are counted."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_service.mqtt.requester import Requester
from cloud_service.overview import lists
from cloud_service.overview.overview import Overview
from cloud_service.overview.records import Event, Reservation
from cloud_service.overview.reservations import SOON, Reservations
from cloud_service.protocol.errors import NotFound
from tests.kit.fake_requester import FakeRequester

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_reservation(start: float, hours: float = 1, *, number: int = 1, point: int = 1) -> Reservation:
    """One that starts so many hours after noon."""
    begin = NOON + timedelta(hours=start)
    return Reservation(number, 1, point, begin, begin + timedelta(hours=hours))


def an_event(kind: str, reservation: Reservation, before: Reservation | None = None) -> Event:
    return Event(kind, NOON, reservation, before=before)


@pytest.fixture
def reservations() -> Reservations:
    found = Reservations()
    found.are_known = True
    return found


def counts(reservations: Reservations, hours: float = 0) -> tuple[int | None, int | None]:
    now = NOON + timedelta(hours=hours)
    return reservations.under_way(now), reservations.starting_soon(now)


def test_time_alone_changes_the_counts(reservations: Reservations) -> None:
    for number, start in enumerate((0, 1, 7), 1):
        reservations.receive_event(an_event("reservationScheduled", a_reservation(start, number=number)))
    assert counts(reservations) == (1, 1), "the one at 19:00 is not within six hours"
    assert counts(reservations, 1) == (1, 1), "one has ended, the next has begun"
    assert counts(reservations, 2) == (0, 1)
    assert counts(reservations, 8) == (0, 0)


def test_events_put_in_and_take_out(reservations: Reservations) -> None:
    first = a_reservation(1)
    reservations.receive_event(an_event("reservationScheduled", first))
    reservations.receive_event(an_event("reservationScheduled", first))
    assert counts(reservations) == (0, 1), "a repetition is the same reservation"
    moved = a_reservation(2, point=2)
    reservations.receive_event(an_event("reservationChanged", moved, before=first))
    assert len(reservations) == 1
    reservations.receive_event(an_event("somethingNew", a_reservation(3, number=9)))
    assert len(reservations) == 1
    reservations.receive_event(an_event("reservationCancelled", moved))
    reservations.receive_event(an_event("reservationFinished", moved))
    assert len(reservations) == 0


def test_a_queue_of_another_length_has_to_be_read(reservations: Reservations) -> None:
    reservations.receive_length((1, 1), 2)
    assert reservations.unread() == [1]
    reservations.receive_list(1, [a_reservation(1), a_reservation(3, number=2)])
    assert (reservations.unread(), counts(reservations)) == ([], (0, 2))
    reservations.receive_event(an_event("reservationScheduled", a_reservation(5, number=3)))
    assert reservations.unread() == [1], "its state follows"
    reservations.receive_length((1, 1), 3)
    assert reservations.unread() == []
    reservations.receive_length((1, 1), 0)
    assert (reservations.unread(), len(reservations)) == ([], 0)


def test_after_a_gap_every_queue_is_in_doubt(reservations: Reservations) -> None:
    reservations.receive_length((1, 1), 1)
    reservations.receive_list(1, [a_reservation(1)])
    reservations.doubt()
    reservations.receive_length((1, 1), 1)
    assert reservations.unread() == [1], "as many may be others"
    reservations.receive_list(1, [a_reservation(2)])
    assert (reservations.unread(), counts(reservations, 1)) == ([], (0, 1))


def test_before_the_lists_are_read_there_is_no_count() -> None:
    reservations = Reservations()
    reservations.receive_event(an_event("reservationScheduled", a_reservation(0)))
    assert counts(reservations) == (None, None)


TIMES = st.lists(st.tuples(st.integers(-40, 40), st.integers(1, 40)), max_size=30)


@given(TIMES, st.data())
def test_the_counts_are_those_of_a_plain_list(times: list[tuple[int, int]], data: st.DataObject) -> None:
    reservations = Reservations()
    reservations.are_known = True
    rows = [a_reservation(start / 4, length / 4, number=n) for n, (start, length) in enumerate(times, 1)]
    for row in rows:
        reservations.receive_event(an_event("reservationScheduled", row))
    for row in data.draw(st.lists(st.sampled_from(rows), unique=True)) if rows else []:
        rows.remove(row)
        reservations.receive_event(an_event("reservationCancelled", row))
    assert counts(reservations) == (
        sum(row.start <= NOON < row.finish for row in rows),
        sum(NOON < row.start <= NOON + SOON for row in rows),
    )


class Service:
    """Lists what a test puts there."""

    def __init__(self) -> None:
        self.lists: dict[int, list[dict[str, Any]]] = {}
        self.requester = FakeRequester(self._answer)

    def _answer(self, action: str, keys: Mapping[str, Any]) -> list[dict[str, Any]]:
        assert action == "receiveAllReservations"
        if keys["chargingStationID"] not in self.lists:
            raise NotFound("there is no such station")
        return self.lists[keys["chargingStationID"]][keys["offset"] : keys["offset"] + keys["limit"]]

    def queue(self, station: int, length: int) -> None:
        self.lists[station] = [
            {
                "reservationID": number,
                "chargingStationID": station,
                "chargingPointID": 1,
                "vehicleID": "secret",
                "startDateTime": "2026-03-01T13:00:00+00:00",
                "finishDateTime": "2026-03-01T14:00:00+00:00",
            }
            for number in range(1, length + 1)
        ]

    @property
    def asked(self) -> list[int]:
        return [keys["chargingStationID"] for _, keys in self.requester.asked]


async def followed(service: Service, overview: Overview, until: Any) -> None:
    requester = cast(Requester, service.requester)
    following = asyncio.create_task(lists.follow_reservations(overview, requester))
    async with asyncio.timeout(30):
        while not until():
            await asyncio.sleep(0.001)
    following.cancel()


@pytest.fixture
def overview(monkeypatch: pytest.MonkeyPatch) -> Overview:
    monkeypatch.setattr(lists, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(lists, "PAUSE_SECONDS", 0)
    found = Overview()
    found.connected()
    found.complete()
    return found


async def test_lists_are_read_in_pages_and_once(overview: Overview) -> None:
    service = Service()
    service.queue(1, 2500)
    service.queue(2, 1)
    overview.reservations.receive_length((1, 1), 2500)
    overview.reservations.receive_length((2, 1), 1)
    overview.reservations.receive_length((3, 1), 1)
    await followed(service, overview, lambda: overview.reservations.are_known)
    assert sorted(service.asked) == [1, 1, 1, 2, 3]
    assert overview.all_figures(NOON)["reservationsSoon"] == 2501
    assert overview.reservations.unread() == [], "a station that is gone is not asked for again"


async def test_what_differs_for_a_moment_is_not_asked_for(overview: Overview) -> None:
    service = Service()
    await followed(service, overview, lambda: overview.reservations.are_known)
    service.queue(1, 1)
    overview.reservations.receive_length((1, 1), 1)
    overview.reservations.receive_event(an_event("reservationScheduled", a_reservation(1)))
    service.queue(2, 1)
    overview.reservations.receive_length((2, 1), 1)
    await followed(service, overview, lambda: service.asked)
    assert service.asked == [2]


async def test_there_is_room_for_so_many(overview: Overview, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_KNOWN", 10)
    service = Service()
    for station in (1, 2):
        service.queue(station, 10)
        overview.reservations.receive_length((station, 1), 10)
    turns = iter(range(100))
    await followed(service, overview, lambda: next(turns) >= 50)
    assert len(service.asked) == 1
    assert overview.all_figures(NOON)["reservationsSoon"] is None
