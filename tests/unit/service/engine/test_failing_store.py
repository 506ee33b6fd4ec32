"""What a failing disk does: nothing is half-done, and reads go on."""

from datetime import timedelta

import pytest

from cloud_service.service.engine.limits import EngineLimits
from tests.unit.service.engine.bench import Bench, FailingStore


@pytest.fixture
def store() -> FailingStore:
    return FailingStore()


@pytest.fixture
def bench(store: FailingStore) -> Bench:
    return Bench(store)


def test_after_a_failed_write_nothing_was_changed(bench: Bench, store: FailingStore) -> None:
    bench.station("ana")
    store.failing_writes = 1

    assert bench.book("bob", requestID="once") == "STORAGE"
    assert bench.ask("bob", "findReservation") == "NOT_FOUND"
    assert bench.book("bob", requestID="once")["reservationID"] == 1


def test_a_read_in_the_batch_of_a_failed_write_does_not_tell_of_it(bench: Bench, store: FailingStore) -> None:
    number = bench.station("ana")
    store.failing_writes = 1
    bench.send("bob", "scheduleReservation", x=0, y=0, actualBatteryPercentage=50, batteryCapacity=20)
    bench.send("ana", "receiveAllReservations", chargingStationID=number)

    replies = [answer.reply for answer in bench.turn().answers]

    assert [reply.status for reply in replies if reply] == ["STORAGE", "ok"]
    assert replies[1] is not None
    assert replies[1].payload.endswith(b'"result":[]}')


def test_reads_go_on_after_a_failed_sync_and_changes_after_it_was_read_anew(
    bench: Bench, store: FailingStore
) -> None:
    bench.station("ana")
    store.failing_syncs = 1
    store.failing_loads = 2

    assert bench.book("bob") == "STORAGE"
    assert bench.book("bob") == "STORAGE"
    assert bench.ask("bob", "findReservation") == "NOT_FOUND"
    reloaded = [bench.turn(seconds=5).reloaded for _ in range(4)]

    assert reloaded.count(True) == 1
    assert bench.book("bob")["reservationID"] == 1


@pytest.mark.parametrize("kept", [False, True])
def test_after_a_failed_sync_asking_again_with_the_same_id_tells(
    bench: Bench, store: FailingStore, kept: bool
) -> None:
    number = bench.station("ana")
    store.failing_syncs, store.kept_in_spite = 1, kept
    assert bench.book("bob", requestID="once") == "STORAGE"

    bench.turn(seconds=5)
    booked = bench.book("bob", requestID="once")

    assert booked["reservationID"] == 1
    assert len(bench.ask("ana", "receiveAllReservations", chargingStationID=number)) == 1


def test_what_finishes_while_the_disk_fails_finishes_once_it_is_well(
    bench: Bench, store: FailingStore
) -> None:
    bench.station("ana")
    bench.book("bob")
    store.failing_writes = 1
    work = bench.turn(hours=2)
    assert not work.events

    events = [delivered.message.topic for delivered in bench.turn(seconds=5).events]

    assert events == [
        "recharge/v1/event/ana/reservationFinished",
        "recharge/v1/event/bob/reservationFinished",
    ]


def test_a_full_disk_is_not_tried_again_at_each_turn_for_what_finishes(
    bench: Bench, store: FailingStore
) -> None:
    bench.station("ana")
    bench.book("bob")
    store.failing_writes = 100
    bench.turn(hours=2)
    for _ in range(100):
        bench.turn(seconds=0.1)

    assert store.failing_writes >= 97
    assert bench.ask("ana", "newChargingStation", x_position=5, y_position=5) == "STORAGE"


def test_a_clock_that_is_set_back_does_not_prolong_the_pause_after_a_failed_sync(
    bench: Bench, store: FailingStore
) -> None:
    bench.station("ana")
    store.failing_syncs = 1
    assert bench.book("bob") == "STORAGE"

    bench.turn(hours=-3)
    bench.turn(seconds=5)

    assert bench.book("bob")["reservationID"] == 1


def test_who_expires_while_the_store_is_read_anew_has_no_effect(bench: Bench, store: FailingStore) -> None:
    bench.station("ana")
    store.failing_syncs = 1
    assert bench.book("bob") == "STORAGE"
    bench.now += timedelta(seconds=5)
    bench.send(
        "bob",
        "scheduleReservation",
        x=0,
        y=0,
        actualBatteryPercentage=50,
        batteryCapacity=20,
        expiresAt=bench.now.timestamp() * 1000 + 2_000,
    )

    read_anew = bench.turn()
    after = bench.turn(seconds=3)

    assert read_anew.reloaded
    assert not read_anew.answers
    assert [answer.outcome for answer in after.answers] == ["expired"]
    assert bench.ask("bob", "findReservation") == "NOT_FOUND"


def test_what_may_be_on_disk_is_not_busy(store: FailingStore) -> None:
    """BUSY would say that nothing has happened."""
    bench = Bench(store, EngineLimits(pending_per_client=1))
    bench.station("ana")
    store.failing_syncs, store.kept_in_spite = 1, True
    assert bench.book("bob", requestID="once") == "STORAGE"
    values = {"x": 0, "y": 0, "actualBatteryPercentage": 50, "batteryCapacity": 20}
    bench.send("bob", "findReservation", "waits")
    bench.send("bob", "scheduleReservation", "again", requestID="once", **values)
    bench.send("bob", "findReservation", "other")

    answers = {answer.delivery: answer.outcome for answer in bench.turn().answers}

    assert answers["again"] == "STORAGE"
    assert answers["other"] == "BUSY"
