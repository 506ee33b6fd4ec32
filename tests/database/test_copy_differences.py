"""A copy that is not what was copied is refused, whatever differs, and the difference is named."""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from cloud_service.core.changes import Event
from cloud_service.core.records import Point, Reservation, Station
from cloud_service.core.tables import Tables
from cloud_service.database.copying.contents import Contents, Line, Tally
from cloud_service.database.copying.differences import CopyDiffers, require_same
from cloud_service.store.journal import RequestRecord
from cloud_service.store.network_clock import NetworkClock

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = (1, 1, 1)


def reservation(vehicle: str) -> Reservation:
    return Reservation(1, 1, 1, 22, 0.5, vehicle, NOW, NOW + timedelta(hours=1), 1.0, 11.0, False)


def event(vehicle: str) -> Event:
    return Event("reservationScheduled", NOW, "requested", reservation(vehicle), "ana")


def request(identity: str) -> tuple[datetime, RequestRecord]:
    return NOW, RequestRecord("ana", identity, b"print", "ok", '"ok":true')


def contents() -> Contents:
    return Contents(
        Tables(
            stations={1: Station(1, 3, 4, "ana", 1)},
            points={(1, 1): Point(1, 1, 30, 0.5, "reservado")},
            reservations={KEY: reservation("bia")},
            last_station_id=1,
        ),
        [request("first"), request("second")],
        [event("bia"), event("carl")],
        NetworkClock(NOW, 60.0),
    )


def tally(*texts: bytes) -> Tally:
    counted = Tally()
    deque(counted.counting([Line(NOW, KEY, text) for text in texts], lambda _: None), maxlen=0)
    return counted


def with_another_number(copied: Contents) -> Contents:
    copied.tables.points[1, 1] = replace(copied.tables.points[1, 1], power=30.0)
    return copied


def without_a_reservation(copied: Contents) -> Contents:
    del copied.tables.reservations[KEY]
    return copied


def with_one_more_station(copied: Contents) -> Contents:
    copied.tables.stations[2] = Station(2, 5, 6, "ana", 0)
    return copied


def with_another_largest_id(copied: Contents) -> Contents:
    copied.tables.last_station_id = 0
    return copied


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (with_another_number, r"points \(1, 1\): .*power=30\.0.* instead of .*power=30,"),
        (without_a_reservation, r"reservations \(1, 1, 1\): None instead of"),
        (with_one_more_station, "stations 2 was not there before"),
        (with_another_largest_id, "last_station_id is 0, not 1"),
        (lambda copied: replace(copied, requests=copied.requests[::-1]), "the answered requests"),
        (lambda copied: replace(copied, events=copied.events[::-1]), "the events that are not published yet"),
        (lambda copied: replace(copied, clock=None), "since when time passes faster"),
    ],
)
def test_a_difference_is_named(change: Callable[[Contents], Contents], named: str) -> None:
    with pytest.raises(CopyDiffers, match=f"the copy was not kept, because it differs: {named}"):
        require_same(change(contents()), contents(), tally(), tally())


@pytest.mark.parametrize("found", [(b"1",), (b"1", b"3"), (b"1", b"2", b"2")])
def test_a_history_that_differs(found: tuple[bytes, ...]) -> None:
    with pytest.raises(CopyDiffers, match=f"its history differs: {len(found)} lines instead of 2"):
        require_same(contents(), contents(), tally(*found), tally(b"1", b"2"))


def test_the_same_in_another_order_of_the_history() -> None:
    require_same(contents(), contents(), tally(b"2", b"1"), tally(b"1", b"2"))
