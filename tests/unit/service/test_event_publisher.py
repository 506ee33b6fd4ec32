"""Publishing events: a few a turn, and none before the broker keeps up, however many there are."""

from datetime import timedelta
from typing import Any

import pytest

from cloud_service.core.changes import Changes
from cloud_service.core.records import Point, Station
from cloud_service.protocol.messages import Message
from cloud_service.service import event_publisher
from cloud_service.service.event_publisher import EVENTS_A_TURN, EventPublisher
from tests.kit.in_memory_store import InMemoryStore
from tests.kit.records import minutes, reservation
from tests.unit.service.engine.bench import NOON, Bench

RESERVATIONS = 3_000


ROOM = 2_000


class Receivers:
    """A broker that acknowledges when a test says so."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.receipts: list[Any] = []

    @property
    def room_for_events(self) -> int:
        return ROOM - len(self.receipts)

    def tell(self, event: Message, receipt: Any) -> None:
        self.sent.append(event)
        self.receipts.append(receipt)


class Case:
    """A station of ana's with two points and many reservations, and the publisher of their events."""

    def __init__(self) -> None:
        store = InMemoryStore()
        store.append([a_large_station()], [], 0, NOON)
        self.bench = Bench(store)
        self.receivers = Receivers()
        self.publisher = EventPublisher(self.bench.engine, self.receivers)

    def turn(self) -> int:
        """The publisher's turn. Returns how many messages it sent."""
        before = len(self.receivers.sent)
        self.publisher.turn()
        return len(self.receivers.sent) - before

    def acknowledge(self) -> None:
        """The broker acknowledges all that was sent."""
        while self.receivers.receipts:
            self.bench.engine.acknowledged(self.receivers.receipts.pop(0))


def a_large_station() -> Changes:
    rows = []
    for number in range(1, RESERVATIONS + 1):
        start = NOON + timedelta(hours=number)
        rows.append(reservation(number, start, start + minutes(30), f"v{number}", (1, 1 + number % 2)))
    return Changes(
        stations=(Station(1, 0, 0, "ana", 2),),
        points=(Point(1, 1, 10, 1, "reservado"), Point(2, 1, 10, 1, "reservado")),
        reservations=tuple(rows),
        last_station_id=1,
    )


DELETIONS = {
    "station": ("deleteChargingStation", {"chargingStationID": 1}, RESERVATIONS),
    "point": ("deleteChargingPoint", {"chargingStationID": 1, "chargingPointID": 1}, RESERVATIONS // 2),
    "moved station": (
        "updateChargingStation",
        {"chargingStationID": 1, "x_position": 1, "y_position": 1},
        RESERVATIONS,
    ),
}


@pytest.mark.parametrize("what", DELETIONS)
def test_the_events_of_a_large_deletion_go_out_a_few_a_turn(what: str) -> None:
    """Between two turns, others get their replies."""
    action, values, events = DELETIONS[what]
    case = Case()
    assert case.bench.ask("ana", action, **values) == "Sucesso"

    turns = []
    while case.publisher.has_work:
        turns.append(case.turn())
        case.acknowledge()

    assert turns == [2 * EVENTS_A_TURN] * (events // EVENTS_A_TURN)
    topics = {message.topic for message in case.receivers.sent}
    assert len(topics) == 1 + events, "one of the owner, and one of each vehicle"


def test_events_wait_while_the_broker_acknowledges_none() -> None:
    """What is sent later waits at the broker behind what was sent before."""
    case = Case()
    case.bench.ask("ana", "deleteChargingStation", chargingStationID=1)
    for _ in range(10):
        case.turn()
    assert len(case.receivers.sent) == ROOM
    assert not case.publisher.has_work

    case.acknowledge()
    assert case.publisher.has_work
    assert case.turn() == 2 * EVENTS_A_TURN


def test_a_crash_while_events_wait_loses_none() -> None:
    case = Case()
    case.bench.ask("ana", "deleteChargingStation", chargingStationID=1)
    case.turn()
    case.acknowledge()
    case.bench.station("bia", x=9)  # a later line of the journal says what is delivered
    case.bench.restart()

    outgoing = case.bench.events(most=2 * RESERVATIONS)

    vehicles = {each.message.topic for each in outgoing} - {"recharge/v1/event/ana/reservationCancelled"}
    assert len(vehicles) == RESERVATIONS


def test_requests_wait_while_very_many_events_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A station can be moved again and again: events must not fill the memory."""
    monkeypatch.setattr(event_publisher, "MAX_WAITING", 2 * RESERVATIONS)
    case = Case()
    behind = []
    for x in (1, 2, 3):
        behind.append(case.publisher.is_behind)
        case.bench.ask("ana", "updateChargingStation", chargingStationID=1, x_position=x, y_position=0)
    assert behind == [False, False, True]

    while case.publisher.is_behind:
        case.turn()
        case.acknowledge()
    assert case.publisher.has_work
