"""What follows by itself: from the passing of time, and from changes that free a point's time.

Each step is decided on the network as the steps before have left it, and is made at once.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, Literal, assert_never

from msgspec.structs import replace

from cloud_service.core.changes import ENDING, Changes
from cloud_service.core.due import PointCondition, next_due, waiting_for_repair
from cloud_service.core.effects import end, move
from cloud_service.core.moving import earlier_slot, slot_instead
from cloud_service.core.queue import MARGIN
from cloud_service.core.records import PointKey, Reservation, VehicleKey
from cloud_service.core.rules import NEVER, Rules
from cloud_service.core.session_effects import finish, prolong
from cloud_service.core.sessions import Session
from cloud_service.core.view import NetworkView

MOST_CANDIDATES: Final = 1_000
"""How many flexible reservations, those of the nearest vehicles, are considered for time that frees."""


class Consequences:
    """Makes what follows in a network, within one batch.

    No reservation that has moved in it has to move away in it, too: that is the next batch's. It may move up
    as often as it starts earlier each time.

    `apply` makes changes in the network at once.
    """

    def __init__(
        self, network: NetworkView, rules: Rules, now: datetime, apply: Callable[[Changes], None]
    ) -> None:
        self._network = network
        self._rules = rules
        self._now = now
        self._apply = apply
        self._moves_up = rules.move_up != NEVER
        self.steps = 0
        """How many steps the passing of time has made."""
        self.offers = 0
        """How often a flexible reservation was offered time that had become free."""
        self._moved: set[VehicleKey] = set()

    def undone(self, left: Iterable[Changes]) -> None:
        """Notes that of the batch's changes only these are left: who moved in the others may move again."""
        events = (event for changes in left for event in changes.events)
        self._moved = {event.reservation.vehicle for event in events if event.before is not None}

    def make(self, changes: Changes) -> None:
        """Makes changes, and moves flexible reservations into the time that they free."""
        self._apply(changes)
        if self._moves_up and self._network.has_flexible:
            self._fill(freed_points(self._network, changes, self._now))

    def offer(self, keys: Iterable[PointKey]) -> None:
        """Moves flexible reservations into time that these points may have."""
        if self._moves_up and self._network.has_flexible:
            self._fill(dict.fromkeys(keys))

    def let_time_pass(self, may_go_on: Callable[[], bool] | None = None) -> bool:
        """Makes what is due by now, in the order in which it was due. Returns whether that is all of it.

        The rest waits for the next batch: what would move a second time in this one, and what is due when
        it may not go on.
        """
        while (key := self._network.first_due(self._now)) is not None:
            if may_go_on is not None and not may_go_on():
                return False
            changes = self._step(key)
            if changes is None:
                return False
            self.make(changes)
            self.steps += 1
        return True

    def _fill(self, freed: dict[PointKey, None]) -> None:
        while freed:
            key = next(iter(freed))
            del freed[key]
            for following in self._moves_into(key):
                self._apply(following)
                freed |= freed_points(self._network, following, self._now)

    def _step(self, key: PointKey) -> Changes | None:
        """Decides what is due at a point; None if it has to wait for the next batch."""
        condition = self._condition(key)
        due = next_due(condition, self._rules)
        assert due is not None
        match due[1]:
            case "finish":
                first = next(iter(condition.queue))
                return end(self._network, (first,), "finishPassed", self._now)
            case "noShow":
                return end(self._network, (_first_reserved(condition),), "noSessionBegan", self._now)
            case "pointFailed":
                waiting = waiting_for_repair(condition)
                assert waiting is not None
                return self._move_away(waiting, "pointFailed")
            case "overrun":
                assert condition.session is not None
                return self._make_way(_first_reserved(condition), condition.session)
            case "silence":
                assert condition.session is not None
                return finish(self._network, condition.point, condition.session, self._now)
            case "prolong":
                assert condition.session is not None
                return prolong(self._network, condition.point, condition.session, self._rules, self._now)
            case _ as unknown:
                assert_never(unknown)

    def _make_way(self, reservation: Reservation, session: Session) -> Changes | None:
        """A reservation makes way for a session that lasts longer, which remembers that it has done so."""
        moved_before = reservation.vehicle in session.moved
        changes = self._move_away(reservation, "overrun", moved_before=moved_before)
        if changes is None or moved_before or not changes.reservations:
            return changes
        return replace(changes, sessions=(replace(session, moved=(*session.moved, reservation.vehicle)),))

    def _move_away(
        self,
        reservation: Reservation,
        cause: Literal["pointFailed", "overrun"],
        *,
        moved_before: bool = False,
    ) -> Changes | None:
        if reservation.vehicle in self._moved:
            return None
        slot = slot_instead(self._network, reservation, self._rules, self._now, moved_before=moved_before)
        if slot is None:
            return end(self._network, (reservation,), cause, self._now, guard="noSlotFound")
        self._moved.add(reservation.vehicle)
        return move(self._network, reservation, slot, cause, self._now)

    def _moves_into(self, key: PointKey) -> Iterator[Changes]:
        """Moves flexible reservations to a point whose time has become free; who booked first goes first."""
        point, station = self._network.point(key), self._network.station(key[0])
        if point is None or station is None:
            return
        opens = self._opens(key)
        for reservation in self._network.flexible_near(station.x, station.y, MOST_CANDIDATES):
            if reservation.start - self._rules.move_up < opens:
                continue
            self.offers += 1
            slot = earlier_slot(self._network, reservation, station, point, self._rules, self._now)
            if slot is not None:
                self._moved.add(reservation.vehicle)
                yield move(self._network, reservation, slot, "timeFreed", self._now)
                opens, point = self._opens(key), self._network.point(key) or point

    def _opens(self, key: PointKey) -> datetime:
        """The first moment at which a charge could start at a point, however short it is."""
        return self._network.queue(key).earliest_start(self._now + MARGIN, timedelta())

    def _condition(self, key: PointKey) -> PointCondition:
        point, station = self._network.point(key), self._network.station(key[0])
        assert point is not None
        return self._network.condition(
            point, None if station is None else self._network.absence(station.owner)
        )


def _first_reserved(condition: PointCondition) -> Reservation:
    reserved = condition.queue.first_reserved
    assert reserved is not None
    return reserved


def freed_points(network: NetworkView, changes: Changes, now: datetime) -> dict[PointKey, None]:
    """The points at which time may have become free: not those of reservations that ended at their finish."""
    freed = _freed_by_records(changes, now)
    for owner in changes.removed_absences:
        for station in network.stations_of(owner):
            freed |= dict.fromkeys(point.key for point in network.points(station.station_id))
    return freed


def _freed_by_records(changes: Changes, now: datetime) -> dict[PointKey, None]:
    known = {reservation.point_key for reservation in changes.reservations}
    known.update(event.reservation.point_key for event in changes.events if event.type in ENDING)
    freed = dict.fromkeys(point.key for point in changes.points if point.key not in known)
    for event in changes.events:
        left = event.before or (event.reservation if event.type in ENDING else None)
        if left is not None and left.finish > now:
            freed[left.point_key] = None
    freed |= dict.fromkeys(changes.removed_sessions)
    return freed
