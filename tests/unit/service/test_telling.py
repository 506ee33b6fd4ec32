"""Events and retained state: who is told what, and that nothing is forgotten."""

import json
from typing import Any

from cloud_service.core.changes import Changes
from cloud_service.core.network import Network
from cloud_service.core.records import Point, Station
from cloud_service.protocol.messages import Message
from cloud_service.service.engine.outbox import Outbox
from cloud_service.service.retained_state import RetainedState
from tests.unit.service.bench import NOON, Bench


def topics_of(work: Any) -> list[str]:
    return [delivered.message.topic.removeprefix("recharge/v1/event/") for delivered in work.events]


def test_both_who_are_concerned_are_told() -> None:
    bench = Bench()
    number = bench.station("ana")
    bench.send("bob", "scheduleReservation", x=0, y=0, actualBatteryPercentage=50, batteryCapacity=20)
    work = bench.turn()
    assert topics_of(work) == ["ana/reservationScheduled", "bob/reservationScheduled"]
    event = json.loads(work.events[0].message.payload)
    assert list(event) == ["type", "at", "reason", "reservation"]
    assert event["reservation"]["vehicleID"] == "bob"

    bench.send("ana", "updateChargingStation", chargingStationID=number, x_position=1, y_position=0)
    assert topics_of(bench.turn()) == ["ana/reservationChanged", "bob/reservationChanged"]
    bench.send("ana", "deleteChargingStation", chargingStationID=number)
    assert topics_of(bench.turn()) == ["ana/reservationCancelled", "bob/reservationCancelled"]


def test_accounts_of_the_gateway_get_no_events_and_one_who_is_both_gets_one() -> None:
    bench = Bench()
    bench.station("gateway", x=0)
    bench.station("eva", x=100)
    bench.send(
        "gateway", "scheduleReservation", vid="7", x=0, y=0, actualBatteryPercentage=50, batteryCapacity=20
    )
    assert topics_of(bench.turn()) == []
    bench.send("eva", "scheduleReservation", x=100, y=0, actualBatteryPercentage=50, batteryCapacity=20)
    assert topics_of(bench.turn()) == ["eva/reservationScheduled"]


def test_an_operators_vehicle_that_can_be_no_account_gets_no_event() -> None:
    bench = Bench()
    bench.station("gateway")
    bench.book("operator", vid="a/b #1")

    assert topics_of(bench.turn()) == []


def test_events_that_the_broker_did_not_take_come_again_after_a_crash() -> None:
    bench = Bench()
    bench.station("ana")
    bench.send("bob", "scheduleReservation", x=0, y=0, actualBatteryPercentage=50, batteryCapacity=20)
    first, _ = bench.turn().events
    bench.service.delivered(first.receipt)
    bench.restart()
    assert topics_of(bench.turn()) == ["ana/reservationScheduled", "bob/reservationScheduled"]

    bench.restart()
    for delivered in bench.turn().events:
        bench.service.delivered(delivered.receipt)
    bench.station("eva", x=9)  # the next line of the journal tells how far the broker has come
    bench.restart()
    assert topics_of(bench.turn()) == []


def test_the_ledger_waits_for_the_earliest() -> None:
    ledger = Outbox(delivered=4)
    bench = Bench()
    bench.station("ana")
    bench.book("bob")
    event = bench.service._events.pending_events()[0][1]
    (early, _), (early_again, _) = ledger.add(5, [event])
    assert not ledger.add(6, [])
    (late, _), (late_again, _) = ledger.add(7, [event])

    ledger.taken(late)
    ledger.taken(late_again)
    assert ledger.delivered == 4
    ledger.taken(early)
    ledger.taken(early_again)
    assert ledger.delivered == 7
    assert ledger.pending_events() == []


def _built() -> Network:
    built = Network()
    built.apply(
        Changes(
            stations=(Station(1, 2, 3.5, "ana", 1),),
            points=(Point(1, 1, 7.2, 1, "livre"),),
            last_station_id=1,
        )
    )
    return built


def test_many_changes_of_a_point_become_one_message() -> None:
    state, built = RetainedState(), _built()
    for price in range(5):
        changes = Changes(points=(Point(1, 1, 7.2, price, "livre"),))
        built.apply(changes)
        state.note(changes)

    messages = {message.topic: json.loads(message.payload) for message in state.take(built, 100, NOON)}

    assert sorted(messages) == ["recharge/v1/state/point/1/1"]
    assert messages["recharge/v1/state/point/1/1"] == {
        "chargingPointID": 1,
        "chargingStationID": 1,
        "power": 7.2,
        "kWhPrice": 4,
        "availability": "livre",
        "queueLength": 0,
        "freeFrom": None,
        "updated": "2026-03-01T12:00:00+00:00",
    }


def test_what_no_longer_exists_is_cleared() -> None:
    state, built = RetainedState(), _built()
    changes = Changes(removed_stations=(1,), removed_points=((1, 1),))
    built.apply(changes)
    state.note(changes)

    messages = state.take(built, 100, NOON)

    assert {(message.topic, message.payload, message.retain) for message in messages} == {
        ("recharge/v1/state/station/1", b"", True),
        ("recharge/v1/state/point/1/1", b"", True),
    }


def test_a_comparison_puts_right_what_is_untrue_missing_or_too_much() -> None:
    built = _built()
    truth = RetainedState()
    truth.note(
        Changes(stations=tuple(built.tables.stations.values()), points=tuple(built.tables.points.values()))
    )
    delivered = {message.topic: message for message in truth.take(built, 100, NOON)}

    def after(*retained: Message) -> set[str]:
        state = RetainedState()
        state.begin_reconciliation(b"now")
        for message in retained:
            state.compare(built, message)
        assert not state.end_reconciliation(built, b"before")
        assert state.end_reconciliation(built, b"now")
        return {message.topic.removeprefix("recharge/v1/state/") for message in state.take(built, 100, NOON)}

    station, point = delivered["recharge/v1/state/station/1"], delivered["recharge/v1/state/point/1/1"]
    assert after(station, point) == set()
    assert after(station) == {"point/1/1"}
    assert after() == {"station/1", "point/1/1"}
    assert after(station, point, Message("recharge/v1/state/station/9", b"{}")) == {"station/9"}
    untrue = Message(point.topic, point.payload.replace(b"livre", b"ocupado"))
    assert after(station, untrue) == {"point/1/1"}
    assert after(station, Message(point.topic, b"[" * 5_000)) == {"point/1/1"}
