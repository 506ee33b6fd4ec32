"""The stories of reservations show what contradicts the promise: each kind, beside a sound one."""

from datetime import timedelta
from typing import Any

import pytest

from tests.faults.drivers import Deed, Name, Notes
from tests.faults.stories import Stories

Body = dict[str, Any]
DAY = "2099-01-01T"


def row(number: int, start: str, state: str = "reserved", *, vehicle: str = "ana", point: int = 1) -> Body:
    """A charge of half an hour."""
    hour, minute = map(int, start.split(":"))
    finish = timedelta(hours=hour, minutes=minute + 30)
    return {
        "reservationID": number,
        "chargingStationID": 1,
        "chargingPointID": point,
        "vehicleID": vehicle,
        "startDateTime": f"{DAY}{start}:00+00:00",
        "finishDateTime": f"{DAY}{str(finish).zfill(8)}+00:00",
        "price": 5,
        "state": state,
    }


def booked(reservation: Body) -> Body:
    return {"type": "reservationScheduled", "at": f"{DAY}08:00:00+00:00", "reason": "requested"} | {
        "reservation": reservation
    }


def changed(reason: str, before: Body, after: Body) -> Body:
    moment = f"{DAY}08:30:00+00:00"
    kind = "reservationChanged"
    return {"type": kind, "at": moment, "reason": reason, "reservation": after, "before": before}


def ended(kind: str, reason: str, at: str, reservation: Body) -> Body:
    return {"type": kind, "at": f"{DAY}{at}:00+00:00", "reason": reason, "reservation": reservation}


NO_SHOW = "reservationNoShow", "noShow"
FINISHED = "reservationFinished", "timePassed"
FIRST = booked(row(1, "09:00"))
SOUND = [
    FIRST,
    booked(row(2, "09:35", vehicle="bia")),
    changed("overrun", row(2, "09:35", vehicle="bia"), row(2, "09:50", vehicle="bia")),
    ended(*NO_SHOW, "09:03", row(1, "09:00", "noShow")),
]


def problems(*told: Body) -> str:
    return "\n".join(Stories(told, timedelta(minutes=3)).problems)


def test_a_sound_story() -> None:
    assert problems(*SOUND) == ""


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ([ended(*FINISHED, "09:30", row(1, "09:00", "completed"))], "nothing was told of this before"),
        ([FIRST, FIRST], "an ID was given twice"),
        ([FIRST, booked(row(2, "09:34", vehicle="bia"))], "within five minutes of each other"),
        ([FIRST, booked(row(1, "12:00", point=2))], "a vehicle has two"),
        ([FIRST, ended(*NO_SHOW, "09:02", row(1, "09:00", "noShow"))], "given up too early"),
        ([FIRST, ended(*NO_SHOW, "09:03", row(1, "09:00", "cancelled"))], "the state does not fit"),
        ([FIRST, ended(*FINISHED, "09:29", row(1, "09:00", "completed"))], "finished too early"),
        ([FIRST, ended(*FINISHED, "09:40", row(1, "09:01", "completed"))], "before this"),
        ([FIRST, changed("movedUp", row(1, "09:00"), row(1, "08:56"))], "less than five minutes"),
        ([FIRST, changed("overrun", row(1, "09:00"), row(1, "09:10") | {"price": 6})], "dearer than before"),
        ([FIRST, changed("overrun", row(1, "09:00"), row(1, "09:10", "active"))], "the state does not fit"),
    ],
)
def test_a_story_that_cannot_be(told: list[Body], problem: str) -> None:
    assert problem in problems(*told)


@pytest.mark.parametrize(
    ("history", "problem"),
    [
        ([((1, 1, 1), "noShow")], None),
        ([], "not in the history"),
        ([((1, 1, 1), "noShow")] * 2, "in the history 2 times"),
        ([((1, 1, 1), "completed")], "never told of"),
        ([((1, 1, 1), "noShow"), ((1, 1, 9), "cancelled")], "never told of"),
    ],
)
def test_each_ended_reservation_is_in_the_history_once_with_its_last_state(
    history: list[tuple[Name, str]], problem: str | None
) -> None:
    found = Stories(SOUND, timedelta(minutes=3)).compare_with_files([row(2, "09:50", vehicle="bia")], history)

    assert (problem in "\n".join(found)) if problem else found == []


def test_a_reservation_that_has_moved_is_scheduled_where_it_was_moved_to() -> None:
    stale = row(2, "09:35", vehicle="bia")

    found = Stories(SOUND, timedelta(minutes=3)).compare_with_files([stale], [((1, 1, 1), "noShow")])

    assert [text.startswith("scheduled as") for text in found] == [True]


@pytest.mark.parametrize("deed", ["began", "finished", "cancelled"])
def test_what_was_answered_has_to_hold(deed: Deed) -> None:
    stories = Stories(SOUND, timedelta(minutes=3))

    assert stories.compare_with_notes(Notes(seen=[row(2, "09:35", vehicle="bia")])) == []
    assert "never told of" in stories.compare_with_notes(Notes(seen=[row(2, "09:36", vehicle="bia")]))[0]
    assert "ends with ('noShow', 'noShow')" in stories.compare_with_notes(Notes(done=[(deed, (1, 1, 1))]))[0]
