"""What is due at a point, and when: all that happens by the passing of time (contract, section 5)."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from cloud_service.core.queue import MARGIN, Queue
from cloud_service.core.records import Point, PointKey, Reservation
from cloud_service.core.rules import NEVER, Rules
from cloud_service.core.sessions import Absence, Session

DueKind: TypeAlias = Literal["noShow", "finish", "pointFailed", "overrun", "silence", "prolong"]

_ORDER: Final[tuple[DueKind, ...]] = ("noShow", "finish", "pointFailed", "overrun", "silence", "prolong")
"""Of what is due at the same moment, the earlier in this list comes first."""

INSTANT: Final = timedelta.resolution
"""A session that finishes at the very moment until which it holds its point does not last longer."""

_EVER: Final = datetime.min.replace(tzinfo=UTC)


class PointCondition(Struct, frozen=True):
    """A point, and everything on which it depends what is due there. `absence` is that of its owner."""

    point: Point
    queue: Queue
    session: Session | None
    absence: Absence | None


def out_of_order_from(point: Point, absence: Absence | None, rules: Rules) -> datetime | None:
    """From when on a point is out of order; None if it is in order as far as anybody knows.

    `absence` is that of its station's owner.
    """
    if not point.operational:
        return _EVER
    if absence is None or rules.offline == NEVER:
        return None
    return absence.since + rules.offline


def in_order(point: Point, absence: Absence | None, rules: Rules, now: datetime) -> bool:
    """Whether a point takes new reservations."""
    since = out_of_order_from(point, absence, rules)
    return since is None or since > now


def next_due(condition: PointCondition, rules: Rules) -> tuple[datetime, DueKind] | None:
    """Returns what is due next at a point. It depends on the first of its queue only.

    Reservations of a queue do not overlap: nothing is due of a later one before the same of an earlier.
    """
    first, point = condition.queue.first, condition.point
    is_plain = point.operational and not point.tells_sessions and condition.absence is None
    if is_plain and condition.session is None:  # most are, and this is asked at each booking
        return None if first is None else (first.finish, "finish")
    due = [*_due_of_queue(first, condition, rules), *_due_of_session(condition.session, rules)]
    return min(due, key=lambda each: (each[0], _ORDER.index(each[1])), default=None)


def _due_of_queue(
    first: Reservation | None, condition: PointCondition, rules: Rules
) -> Iterator[tuple[datetime, DueKind]]:
    if first is None:
        return
    yield first.finish, "finish"
    reserved = first if first.state == "reserved" else condition.queue.first_reserved
    if reserved is None:
        return
    if condition.point.tells_sessions and rules.no_show != NEVER:
        yield reserved.start + rules.no_show, "noShow"
    out_of_order = out_of_order_from(condition.point, condition.absence, rules)
    if out_of_order is not None and rules.failure_ahead != NEVER:
        waiting = waiting_for_repair(condition)
        if waiting is not None:
            yield max(out_of_order, waiting.start - rules.failure_ahead), "pointFailed"
    if condition.session is not None and is_overrun(condition.session, reserved):
        yield condition.session.finish, "overrun"


def waiting_for_repair(condition: PointCondition) -> Reservation | None:
    """The earliest reserved one that a point cannot serve while it is out of order.

    Where a charger does not tell of sessions, a vehicle may be charging from its reservation's start on. If
    such a charger goes offline after that, the vehicle may charge on: nobody can know better.
    """
    point, absence = condition.point, condition.absence
    if point.tells_sessions or not point.operational or absence is None:
        return condition.queue.first_reserved
    return next((each for each in islice(condition.queue, 2) if each.start > absence.since), None)


def is_overrun(session: Session, reserved: Reservation) -> bool:
    """Whether a session that lasts longer than it was meant to holds the point beyond another's start."""
    is_its_own = reserved.vehicle == session.vehicle
    return session.until > session.finish and reserved.start < session.until + MARGIN and not is_its_own


def _due_of_session(session: Session | None, rules: Rules) -> Iterator[tuple[datetime, DueKind]]:
    if session is None:
        return
    yield session.until + INSTANT, "prolong"
    if rules.silence != NEVER:
        yield max(session.finish, session.heard) + rules.silence, "silence"


class Schedule:
    """The points at which something is due, the earliest first."""

    def __init__(self) -> None:
        self._moments: dict[PointKey, datetime] = {}
        self._heap: list[tuple[datetime, PointKey]] = []
        """Also has moments that count no longer: a heap can only be looked at from its top."""

    def put(self, key: PointKey, moment: datetime | None) -> None:
        """Notes when something is next due at a point; None if nothing is."""
        if moment is None:
            self._moments.pop(key, None)
        elif self._moments.get(key) != moment:
            self._moments[key] = moment
            heappush(self._heap, (moment, key))
        if len(self._heap) > 2 * len(self._moments) + 100:
            self._tidy()

    def put_all(self, due: Iterable[tuple[PointKey, datetime]]) -> None:
        """Notes it for many points, in place of all that was noted."""
        self._moments = dict(due)
        self._tidy()

    def moment(self, key: PointKey) -> datetime | None:
        """When something is next due at a point; None if nothing is."""
        return self._moments.get(key)

    def first(self, now: datetime) -> PointKey | None:
        """Returns the point at which something was due first, if that moment has come."""
        while self._heap and self._heap[0][0] <= now:
            moment, key = self._heap[0]
            if self._moments.get(key) == moment:
                return key
            heappop(self._heap)
        return None

    @property
    def next_moment(self) -> datetime | None:
        """When something is due next; None if nothing is."""
        while self._heap:
            moment, key = self._heap[0]
            if self._moments.get(key) == moment:
                return moment
            heappop(self._heap)
        return None

    def _tidy(self) -> None:
        self._heap = [(moment, key) for key, moment in self._moments.items()]
        heapify(self._heap)
