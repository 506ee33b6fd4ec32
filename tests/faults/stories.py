"""The story of each reservation, as events told it, beside what the files and its clients know.

A story begins with a booking, goes on with moves, and ends once. It has to be whole: each event begins where
the one before it ended, whatever was killed in between.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from tests.faults.bookings import moment, public
from tests.faults.drivers import Deed, Name, Notes, Row, name_of

MARGIN = timedelta(minutes=5)
"""Between two reservations of a point, and the least by which one moves up: the contract's numbers."""
LAST_STATE = {
    "reservationCancelled": "cancelled",
    "reservationFinished": "completed",
    "reservationNoShow": "noShow",
}
MOVES = ("overrun", "pointFailed", "movedUp", "pointChanged")
LEGAL_ENDS: Mapping[Deed, tuple[tuple[str, str], ...]] = {
    "began": (("completed", "chargingFinished"), ("completed", "timePassed")),
    "finished": (("completed", "chargingFinished"), ("completed", "timePassed")),
    "cancelled": (("cancelled", "vehicleCancelled"), ("completed", "vehicleLeft")),
}
"""States and reasons with which a reservation may end after this was answered."""


class Story(Struct):
    """A reservation: all that it has been, and the event with which it ended, if it has."""

    rows: list[Row]
    end: Row | None = None


class Stories:
    """All stories of a run, and what is wrong with them. Takes the bodies of events in their order.

    Unless one service tells them all, only those of one vehicle are in order.
    """

    def __init__(self, told: Iterable[Row], no_show: timedelta, *, by_one_service: bool = True) -> None:
        self.problems: list[str] = []
        self.by_name: dict[Name, Story] = {}
        self.reasons: Counter[str] = Counter()
        self._no_show = no_show
        self._by_one_service = by_one_service
        self._open: dict[Name, Story] = {}
        for body in told:
            self._tell(body)

    @property
    def scheduled(self) -> set[Name]:
        """The reservations that have not ended."""
        return set(self._open)

    def compare_with_files(self, scheduled: Iterable[Row], ended: Iterable[tuple[Name, str]]) -> list[str]:
        """Each reservation is either scheduled, or in the history once with its last state."""
        history = list(ended)
        told = [(name_of(story.end["reservation"]), _state(story.end)) for story in self._ended()]
        found = {name_of(row): public(row) for row in scheduled}
        still = {name: public(story.rows[-1]) for name, story in self._open.items()}
        return [
            *(f"in the history {count} times: {row}" for row, count in Counter(history).items() if count > 1),
            *(f"told of as ended, but not in the history: {row}" for row in set(told) - set(history)),
            *(f"in the history, but never told of: {row}" for row in set(history) - set(told)),
            *(
                f"scheduled as {found.get(name)}, but told of as {still.get(name)}"
                for name in found.keys() | still.keys()
                if found.get(name) != still.get(name)
            ),
        ]

    def compare_with_notes(self, notes: Notes) -> list[str]:
        """What clients have seen was told of, and what was answered to them holds."""
        unknown = {str(public(row)): row for row in notes.seen if not self._was(row)}
        problems = [f"a client has seen what was never told of: {row}" for row in unknown.values()]
        for deed, name in notes.done:
            end = self.by_name[name].end if name in self.by_name else None
            how = None if end is None else (_state(end), end["reason"])
            if how not in LEGAL_ENDS[deed] and not (deed == "began" and end is None):
                problems.append(f"{deed} was answered for {name}, but its story ends with {how}")
        return problems

    def _tell(self, body: Row) -> None:
        self.reasons[body["reason"]] += 1
        if body["type"] == "reservationScheduled":
            self._begin(body["reservation"])
        elif (story := self._open.pop(name_of(body.get("before") or body["reservation"]), None)) is None:
            self.problems.append(f"nothing was told of this before: {body}")
        else:
            self._go_on(story, body)

    def _begin(self, row: Row) -> None:
        if name_of(row) in self.by_name:
            self.problems.append(f"an ID was given twice: {row}")
        self._place(Story([]), row)

    def _go_on(self, story: Story, body: Row) -> None:
        before = body.get("before") or body["reservation"]
        if public(before) != public(story.rows[-1]):
            self.problems.append(f"it was {story.rows[-1]} before this: {body}")
        if body["type"] == "reservationChanged":
            self.problems += _wrong_move(body)
            self._place(story, body["reservation"])
        else:
            self.problems += self._wrong_end(body)
            story.end = body

    def _place(self, story: Story, row: Row) -> None:
        """It stands in the queue of its point, at a distance from all others."""
        for other in self._open.values():
            close = other.rows[-1]
            at_one_point = self._by_one_service and name_of(close)[:2] == name_of(row)[:2]
            if at_one_point and _too_close(close, row):
                self.problems.append(f"within five minutes of each other: {close} and {row}")
            if close["vehicleID"] == row["vehicleID"]:
                self.problems.append(f"a vehicle has two: {close} and {row}")
        story.rows.append(row)
        self.by_name[name_of(row)] = self._open[name_of(row)] = story

    def _wrong_end(self, body: Row) -> Iterator[str]:
        row = body["reservation"]
        if _state(body) != LAST_STATE[body["type"]]:
            yield f"the state does not fit: {body}"
        at = datetime.fromisoformat(body["at"])
        if body["type"] == "reservationNoShow" and at < moment(row["startDateTime"]) + self._no_show:
            yield f"given up too early: {body}"
        if body["reason"] == "timePassed" and at < moment(row["finishDateTime"]):
            yield f"finished too early: {body}"

    def _ended(self) -> Iterator[Any]:
        stories = {id(story): story for story in self.by_name.values()}
        return (story for story in stories.values() if story.end is not None)

    def _was(self, row: Row) -> bool:
        story = self.by_name.get(name_of(row))
        return story is not None and any(public(row) == public(each) for each in story.rows)


def summary(reasons: Mapping[str, int]) -> str:
    """How many events gave the reasons that matter, for a figure."""
    return (
        f"{reasons['noShow']} no-shows, {reasons['overrun']} moves after overruns,"
        f" {reasons['pointFailed']} from broken points, {reasons['movedUp']} moved up,"
        f" {reasons['chargingFinished']} sessions finished"
    )


def _wrong_move(body: Row) -> Iterator[str]:
    before, after = body["before"], body["reservation"]
    if body["reason"] not in MOVES:
        yield f"moved for no reason of this run: {body}"
    if body["reason"] != "pointChanged" and after["price"] > before["price"]:
        yield f"dearer than before: {body}"
    earlier = moment(before["startDateTime"]) - moment(after["startDateTime"])
    if body["reason"] == "movedUp" and earlier < MARGIN:
        yield f"moved up by less than five minutes: {body}"
    active = body["reason"] == "pointChanged"
    if after["state"] != ("active" if active else "reserved"):
        yield f"the state does not fit: {body}"


def _too_close(one: Row, other: Row) -> bool:
    return moment(one["startDateTime"]) < moment(other["finishDateTime"]) + MARGIN and moment(
        other["startDateTime"]
    ) < (moment(one["finishDateTime"]) + MARGIN)


def _state(body: Row) -> str:
    return str(body["reservation"]["state"])
