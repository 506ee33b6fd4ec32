"""What happens at one moment beside the answers: what is due, what has to move, what can move up."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from tests.kit.model.network import Network
from tests.kit.model.records import Point, PointKey, Reservation, Session, Told, Vehicle
from tests.kit.model.slots import Slot, another_slot, slot_at

AT_ONCE = datetime.min.replace(tzinfo=UTC)
NO_SHOW, FINISH, SILENCE, OVERRUN, PROLONGATION, FAILURE = range(6)
"""What can be due at a point, in the order of what is due at the same moment."""


class Turn:
    """One moment. What has moved in a batch does not have to move away in it, too: that is the next batch's,
    which follows at once.

    With `one_batch` it is left to another turn, for a disk that fails between them.
    """

    def __init__(self, network: Network, now: datetime, *, one_batch: bool = False) -> None:
        self.network = network
        self.now = now
        self._one_batch = one_batch
        self.told: list[Told] = []
        self.ended: list[Reservation] = []
        """The reservations that have left, with their last state."""
        self._moved: set[int] = set()
        self._freed: list[PointKey] = []

    def settle(self) -> bool:
        """Until nothing is due and nothing can move up. Returns whether nothing is left to another turn."""
        while True:
            while self._freed:
                self._look(self._freed.pop(0))
            due = min(self._due(), default=None)
            if due is None or due[0] > self.now:
                return True
            if due[2] in (OVERRUN, FAILURE) and self.network.reserved(due[1])[0].booked in self._moved:
                if self._one_batch:
                    return False
                self._moved.clear()
            self._step(due[1], due[2])

    def moments_ahead(self) -> list[datetime]:
        """When something becomes due, as far as it is known now."""
        return sorted({due for due, _, _ in self._due() if due > self.now})

    def earlier_place(self, reservation: Reservation) -> Slot | None:
        """Where a flexible reservation should have moved up to, at any point of the network."""
        if not reservation.wishes.flexible or reservation.state != "reserved":
            return None
        for point in self.network.points.values():
            if self.network.in_order(point, self.now):
                slot = slot_at(self.network, reservation, point, self.now)
                if slot is not None and self._better(reservation, slot):
                    return slot
        return None

    def free(self, key: PointKey) -> None:
        """The time of this point has become free, or some of it."""
        self._freed.append(key)

    def tell(self, kind: str, reason: str, concerned: Reservation, before: Reservation | None = None) -> None:
        stations = [concerned.station] if before is None else [concerned.station, before.station]
        owners = tuple(self.network.stations[number].owner for number in stations)
        seen = None if before is None else before.told()
        told = Told(kind, self.now, reason, concerned.told(), seen, owners, concerned.vehicle)
        self.told.append(told)

    def leave(self, leaving: Reservation, state: str, kind: str, reason: str) -> None:
        """It is scheduled no longer."""
        ended = replace(leaving, state=state)
        self.tell(kind, reason, ended)
        self.ended.append(ended)
        del self.network.reservations[leaving.booked]
        self.network.release(leaving.point_key)
        if leaving.finish > self.now:
            self.free(leaving.point_key)

    def record(self, over: Reservation) -> None:
        """It is over already, and nobody had booked it."""
        self.tell("reservationFinished", "chargedOffline", over)
        self.ended.append(over)

    def begin(
        self, point: Point, first: Reservation | None, vehicle: Vehicle | None, hours: float | None
    ) -> Reservation | None:
        """Begins a session: that of a reservation, or that of a vehicle without one."""
        network = self.network
        network.points[point.key] = replace(network.points[point.key], availability="ocupado", tells=True)
        if first is None:
            held = network.times.walk_in if hours is None else timedelta(hours=hours)
            waiting = [each.start - timedelta(minutes=5) for each in network.reserved(point.key)]
            until = min([self.now + held, *waiting])
            session = Session(*point.key, self.now, until, until, self.now, vehicle, None)
            self.free(point.key)
        else:
            first = self._activate(first)
            session = Session(
                *point.key, self.now, first.finish, first.finish, self.now, first.vehicle, first.booked
            )
        network.sessions[point.key] = session
        return first

    def end(self, key: PointKey, reason: str) -> None:
        """Ends a session and the reservation that it began, if that is still active."""
        session = self.network.sessions.pop(key)
        charged = None if session.booked is None else self.network.reservations.get(session.booked)
        if charged is not None:
            self.leave(charged, "completed", "reservationFinished", reason)
        self.network.set_availability(key, "reservado" if self.network.scheduled(*key) else "livre")
        self.free(key)

    def move(self, moved: Reservation, kind: str, slot: Slot, state: str = "reserved") -> Reservation:
        """To where the slot is, at no higher price."""
        network = self.network
        capped = slot.price > moved.price
        same_point = slot.point.key == moved.point_key
        after = replace(
            moved,
            number=moved.number if same_point else network.new_id(*slot.point.key),
            station=slot.station.number,
            point=slot.point.number,
            power=slot.point.power,
            start=slot.start,
            finish=slot.finish,
            duration=slot.hours,
            price=moved.price if capped else slot.price,
            kwh_price=float(moved.price / moved.wishes.energy) if capped else slot.kwh_price,
            state=state,
        )
        network.reservations[moved.booked] = after
        if network.points[after.point_key].availability == "livre":
            network.set_availability(after.point_key, "reservado")
        network.release(moved.point_key)
        self.tell("reservationChanged", kind, after, moved)
        self._moved.add(moved.booked)
        self.free(moved.point_key)
        return after

    def _activate(self, first: Reservation) -> Reservation:
        active = replace(first, state="active")
        self.network.reservations[first.booked] = active
        return active

    def _due(self) -> Iterator[tuple[datetime, PointKey, int]]:
        for key in self.network.points:
            yield from ((due, key, what) for due, what in self._due_at(key))

    def _due_at(self, key: PointKey) -> Iterator[tuple[datetime, int]]:
        network, times = self.network, self.network.times
        reserved, session = network.reserved(key), network.sessions.get(key)
        for each in network.scheduled(*key):
            yield each.finish, FINISH
        if network.points[key].tells and times.no_show:
            for each in reserved:
                yield each.start + times.no_show, NO_SHOW
        if session is not None:
            if times.silence:
                yield max(session.planned, session.last_word) + times.silence, SILENCE
            if times.overrun:
                yield session.until + timedelta(microseconds=1), PROLONGATION
            if self._overrun(key):
                yield session.planned, OVERRUN
        for each in self._failed(key)[:1]:
            yield max(each.start - times.failure_ahead, self._out_of_order_since(key)), FAILURE

    def _overrun(self, key: PointKey) -> list[Reservation]:
        """Those of others that wait while a session lasts into their time."""
        session = self.network.sessions.get(key)
        if session is None or not self.network.times.overrun:
            return []
        least = session.until + timedelta(minutes=5)
        first = self.network.reserved(key)[:1]
        return [each for each in first if each.start < least and each.vehicle != session.vehicle]

    def _failed(self, key: PointKey) -> list[Reservation]:
        """Those that wait for a point out of order.

        Not one that may be charging: it began before its charger fell silent, which never tells of sessions.
        """
        point = self.network.points[key]
        if self.network.in_order(point, self.now) or not self.network.times.failure_ahead:
            return []
        reserved = self.network.reserved(key)
        if point.tells or not point.operational:
            return reserved
        silent_since = self.network.offline_since[self.network.stations[point.station].owner]
        return [each for each in reserved if each.start > silent_since]

    def _out_of_order_since(self, key: PointKey) -> datetime:
        """As far as it is known: a broken point was told of at once."""
        point = self.network.points[key]
        if not point.operational:
            return AT_ONCE
        return self.network.offline_since[self.network.stations[point.station].owner] + (
            self.network.times.offline
        )

    def _step(self, key: PointKey, what: int) -> None:
        network = self.network
        if what == NO_SHOW:
            self.leave(network.reserved(key)[0], "noShow", "reservationNoShow", "noShow")
        elif what == FINISH:
            first = min(network.scheduled(*key), key=lambda each: each.finish)
            self.leave(first, "completed", "reservationFinished", "timePassed")
        elif what == SILENCE:
            self.end(key, "timePassed")
        elif what == PROLONGATION:
            self._prolong(network.sessions[key])
        elif what == OVERRUN:
            self._push(self._overrun(key)[0], network.sessions[key])
        elif what == FAILURE:
            self._cannot_keep(self._failed(key)[0], "pointFailed")

    def _prolong(self, session: Session) -> None:
        """Until now at least, or until the next reservation of its own vehicle, which it begins."""
        network, times = self.network, self.network.times
        while session.until < self.now:
            reserved = network.reserved(session.key)
            own = bool(reserved) and reserved[0].vehicle == session.vehicle
            if own and reserved[0].start - times.early_start <= session.until:
                first = self._activate(reserved[0])
                session = replace(
                    session,
                    until=first.finish,
                    planned=first.finish,
                    booked=first.booked,
                    pushed=frozenset(),
                )
                break
            session = replace(session, until=session.until + times.overrun)
        network.sessions[session.key] = session

    def _push(self, concerned: Reservation, session: Session) -> None:
        """One that the same session has pushed before goes where that session is not, if it can."""
        again = concerned.vehicle in session.pushed
        self._cannot_keep(concerned, "overrun", session.key if again else None)
        if concerned.booked in self.network.reservations:
            pushed = session.pushed | {concerned.vehicle}
            self.network.sessions[session.key] = replace(session, pushed=pushed)

    def _cannot_keep(self, concerned: Reservation, reason: str, shunned: PointKey | None = None) -> None:
        slot = None
        if concerned.finish > self.now:
            slot = another_slot(self.network, concerned, self.now, shunned)
        if slot is None:
            self.leave(concerned, "cancelled", "reservationCancelled", reason)
        else:
            self.move(concerned, reason, slot)

    def _look(self, key: PointKey) -> None:
        """Moves up those for whom the network keeps looking: who booked first goes first."""
        network = self.network
        if key not in network.points or not network.in_order(network.points[key], self.now):
            return
        for each in list(network.reservations.values()):
            if each.wishes.flexible and each.state == "reserved":
                slot = slot_at(network, each, network.points[key], self.now)
                if slot is not None and self._better(each, slot):
                    self.move(each, "movedUp", slot)

    def _better(self, moved: Reservation, slot: Slot) -> bool:
        network = self.network
        earlier = slot.start + network.times.move_up <= moved.start and bool(network.times.move_up)
        here = network.square(moved.wishes, network.stations[moved.station])
        no_worse = {
            "nearest": slot.square <= here,
            "earliest": True,
            "soonest": slot.finish <= moved.finish,
            "cheapest": True,
        }
        return earlier and slot.price <= moved.price and no_worse[moved.wishes.objective]
