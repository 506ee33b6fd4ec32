"""Events: who receives them, and that none is lost before the broker has acknowledged it."""

import json
from typing import Any

from cloud_service.service.engine.outbox import Outbox
from tests.unit.service.engine.bench import Bench


def topics_of(result: Any) -> list[str]:
    return [outgoing.message.topic.removeprefix("recharge/v1/event/") for outgoing in result.events]


def test_owner_and_vehicle_receive_an_event() -> None:
    bench = Bench()
    number = bench.station("ana")
    bench.send("bob", "scheduleReservation", x=0, y=0, actualBatteryPercentage=50, batteryCapacity=20)
    result = bench.turn()
    assert topics_of(result) == ["ana/reservationScheduled", "bob/reservationScheduled"]
    event = json.loads(result.events[0].message.payload)
    assert list(event) == ["type", "at", "reason", "reservation"]
    assert event["reservation"]["vehicleID"] == "bob"

    bench.send("ana", "updateChargingStation", chargingStationID=number, x_position=1, y_position=0)
    assert topics_of(bench.turn()) == ["ana/reservationChanged", "bob/reservationChanged"]
    bench.send("ana", "deleteChargingStation", chargingStationID=number)
    assert topics_of(bench.turn()) == ["ana/reservationCancelled", "bob/reservationCancelled"]


def test_gateways_receive_none_and_an_owner_who_is_the_vehicle_receives_one() -> None:
    bench = Bench()
    bench.station("gateway", x=0)
    bench.station("eva", x=100)
    bench.send(
        "gateway", "scheduleReservation", vid="7", x=0, y=0, actualBatteryPercentage=50, batteryCapacity=20
    )
    assert topics_of(bench.turn()) == []
    bench.send("eva", "scheduleReservation", x=100, y=0, actualBatteryPercentage=50, batteryCapacity=20)
    assert topics_of(bench.turn()) == ["eva/reservationScheduled"]


def test_a_vehicle_whose_id_cannot_be_an_account_receives_none() -> None:
    bench = Bench()
    bench.station("gateway")
    bench.book("operator", vid="a/b #1")

    assert topics_of(bench.turn()) == []


def test_pending_events_are_sent_again_after_a_crash() -> None:
    bench = Bench()
    bench.station("ana")
    bench.send("bob", "scheduleReservation", x=0, y=0, actualBatteryPercentage=50, batteryCapacity=20)
    first, _ = bench.turn().events
    bench.engine.acknowledged(first.receipt)
    bench.restart()
    assert topics_of(bench.turn()) == ["ana/reservationScheduled", "bob/reservationScheduled"]

    bench.restart()
    for outgoing in bench.turn().events:
        bench.engine.acknowledged(outgoing.receipt)
    bench.station("eva", x=9)  # the next line of the journal says what is delivered
    bench.restart()
    assert topics_of(bench.turn()) == []


def test_a_batch_is_delivered_only_after_all_before_it() -> None:
    bench = Bench()
    bench.station("ana")
    bench.book("bob")
    ((_, event), *_) = bench.engine.outbox.pending_events()
    outbox = Outbox(delivered=4)
    early = outbox.add(5, [event])
    assert not outbox.add(6, [])
    late = outbox.add(7, [event])
    assert len(early) == len(late) == 2, "one message to the owner, one to the vehicle"

    for outgoing in late:
        outbox.acknowledged(outgoing.receipt)
    assert outbox.delivered == 4
    for outgoing in early:
        outbox.acknowledged(outgoing.receipt)
    assert outbox.delivered == 7
    assert outbox.pending_events() == []
