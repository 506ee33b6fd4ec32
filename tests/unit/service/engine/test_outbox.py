"""Events: who receives them, and that none is lost before the broker has acknowledged it."""

import json

import pytest
from msgspec.structs import replace

from cloud_service.core.changes import Event
from cloud_service.core.records import Reservation
from cloud_service.service.engine.outbox import Outbox, OutgoingEvent, recipients
from tests.kit.records import NOW, minutes, reservation
from tests.unit.service.engine.bench import Bench


def an_event() -> Event:
    return Event("reservationScheduled", NOW, "requested", a_reservation(), "ana")


def a_reservation(*, legacy: bool = False) -> Reservation:
    return reservation(1, NOW, NOW + minutes(60), "bob", legacy=legacy)


def topics_of(events: list[OutgoingEvent]) -> list[str]:
    return [outgoing.message.topic.removeprefix("recharge/v1/event/") for outgoing in events]


def topics_after_a_turn(bench: Bench) -> list[str]:
    bench.turn()
    return topics_of(bench.events())


def test_owner_and_vehicle_receive_an_event() -> None:
    bench = Bench()
    number = bench.station("ana")
    bench.send("bob", "scheduleReservation", x=0, y=0, actualBatteryPercentage=50, batteryCapacity=20)
    bench.turn()
    events = bench.events()
    assert topics_of(events) == ["ana/reservationScheduled", "bob/reservationScheduled"]
    event = json.loads(events[0].message.payload)
    assert list(event) == ["type", "at", "reason", "reservation"]
    assert event["reservation"]["vehicleID"] == "bob"

    bench.send("ana", "updateChargingStation", chargingStationID=number, x_position=1, y_position=0)
    assert topics_after_a_turn(bench) == ["ana/reservationChanged", "bob/reservationChanged"]
    bench.send("ana", "deleteChargingStation", chargingStationID=number)
    assert topics_after_a_turn(bench) == ["ana/reservationCancelled", "bob/reservationCancelled"]


def test_gateways_receive_none_and_an_owner_who_is_the_vehicle_receives_one() -> None:
    bench = Bench()
    bench.station("gateway", x=0)
    bench.station("eva", x=100)
    bench.send(
        "gateway", "scheduleReservation", vid="7", x=0, y=0, actualBatteryPercentage=50, batteryCapacity=20
    )
    assert topics_after_a_turn(bench) == []
    bench.send("eva", "scheduleReservation", x=100, y=0, actualBatteryPercentage=50, batteryCapacity=20)
    assert topics_after_a_turn(bench) == ["eva/reservationScheduled"]


def test_a_vehicle_whose_id_cannot_be_an_account_receives_none() -> None:
    bench = Bench()
    bench.station("gateway")
    bench.book("operator", vid="a/b #1")

    assert topics_after_a_turn(bench) == []


def test_pending_events_are_sent_again_after_a_crash() -> None:
    bench = Bench()
    bench.station("ana")
    bench.send("bob", "scheduleReservation", x=0, y=0, actualBatteryPercentage=50, batteryCapacity=20)
    bench.turn()
    first, _ = bench.events()
    bench.engine.acknowledged(first.receipt)
    bench.restart()
    assert topics_after_a_turn(bench) == ["ana/reservationScheduled", "bob/reservationScheduled"]

    bench.restart()
    bench.turn()
    for outgoing in bench.events():
        bench.engine.acknowledged(outgoing.receipt)
    bench.station("eva", x=9)  # the next line of the journal says what is delivered
    bench.restart()
    assert topics_after_a_turn(bench) == []


def test_a_batch_is_delivered_only_after_all_before_it() -> None:
    outbox = Outbox(delivered=4)
    outbox.add(5, [an_event()])
    outbox.add(6, [])
    outbox.add(7, [an_event()])
    early, late = outbox.take(1), outbox.take(1)
    assert len(early) == len(late) == 2, "one message to the owner, one to the vehicle"

    for outgoing in late:
        outbox.acknowledged(outgoing.receipt)
    assert outbox.delivered == 4
    for outgoing in early:
        outbox.acknowledged(outgoing.receipt)
    assert outbox.delivered == 7
    assert not list(outbox.pending_events())


def test_a_batch_is_not_delivered_while_some_of_its_events_wait() -> None:
    """Otherwise a crash would lose them: the journal would say that the broker has them."""
    outbox = Outbox(delivered=4)
    outbox.add(5, [an_event()] * 3)
    for waiting in (2, 1, 0):
        assert outbox.delivered == 4
        assert len(list(outbox.pending_events())) == 3
        for outgoing in outbox.take(1):
            outbox.acknowledged(outgoing.receipt)
        assert outbox.waiting == waiting
    assert outbox.delivered == 5


def test_an_event_without_recipients_is_delivered_once_it_was_taken() -> None:
    outbox = Outbox(delivered=4)
    outbox.add(5, [replace(an_event(), owner="gateway", reservation=a_reservation(legacy=True))])
    assert not outbox.take(1)
    assert outbox.delivered == 5


def test_messages_are_made_only_of_the_events_that_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """One decision may make 100,000 events: to make all messages at once would hold up everyone."""
    made: list[Event] = []

    def note(event: Event) -> list[str]:
        made.append(event)
        return recipients(event)

    monkeypatch.setattr("cloud_service.service.engine.outbox.recipients", note)
    bench = Bench()
    bench.station("ana", points=20)
    for number in range(20):
        bench.book(f"vehicle-{number}")
    bench.events()
    made.clear()

    assert bench.ask("ana", "deleteChargingStation", chargingStationID=1) == "Sucesso"
    assert not made

    assert [len(bench.events(most=8)) for _ in range(4)] == [16, 16, 8, 0]
    assert [event.reservation.vehicle_id for event in made] == [f"vehicle-{number}" for number in range(20)]
