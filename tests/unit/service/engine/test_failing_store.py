"""A failing store: nothing is half done, and reads are answered."""

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


def test_a_read_does_not_see_the_unwritten_changes_of_its_batch(bench: Bench, store: FailingStore) -> None:
    number = bench.station("ana")
    store.failing_writes = 1
    bench.send("bob", "scheduleReservation", x=0, y=0, actualBatteryPercentage=50, batteryCapacity=20)
    bench.send("ana", "receiveAllReservations", chargingStationID=number)

    replies = [answer.reply for answer in bench.turn().answers]

    assert [reply.status for reply in replies if reply] == ["STORAGE", "ok"]
    assert replies[1] is not None
    assert replies[1].payload.endswith(b'"result":[]}')


def test_after_a_failed_sync_reads_are_answered_and_changes_after_the_recovery(
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
def test_after_a_failed_sync_the_same_id_shows_what_happened(
    bench: Bench, store: FailingStore, kept: bool
) -> None:
    number = bench.station("ana")
    store.failing_syncs, store.keeps_on_failure = 1, kept
    assert bench.book("bob", requestID="once") == "STORAGE"

    bench.turn(seconds=5)
    booked = bench.book("bob", requestID="once")

    assert booked["reservationID"] == 1
    assert len(bench.ask("ana", "receiveAllReservations", chargingStationID=number)) == 1


def late_bench(store: FailingStore) -> Bench:
    """Two reservations have finished, which is more than one batch can note."""
    bench = Bench(store, limits=EngineLimits(batch_work=1))
    bench.station("ana", points=2)
    bench.book("bob")
    bench.book("eve")
    bench.now += timedelta(hours=2)
    return bench


@pytest.mark.parametrize("failing", ["writes", "syncs"])
def test_requests_do_not_wait_for_time_that_passes_in_several_batches(
    store: FailingStore, failing: str
) -> None:
    """While nothing can be written, each batch has time pass again, and none to its end."""
    bench = late_bench(store)
    setattr(store, f"failing_{failing}", 100)
    store.failing_loads = 3
    bench.turn()

    assert bench.book("zoe") == "STORAGE"
    assert bench.ask("bob", "findReservation") == "NOT_FOUND"


def test_time_that_passes_again_in_each_batch_leaves_room_for_its_requests(store: FailingStore) -> None:
    bench = late_bench(store)
    store.failing_syncs, store.failing_loads = 1, 3
    bench.turn()
    for vehicle in ("bob", "eve", "zoe"):
        bench.send(vehicle, "findReservation")

    assert len(bench.turn().answers) == 3


def test_a_reservation_that_ends_while_writes_fail_finishes_later(bench: Bench, store: FailingStore) -> None:
    bench.station("ana")
    bench.book("bob")
    bench.events()
    store.failing_writes = 1
    bench.turn(hours=2)
    assert not bench.events()

    bench.turn(seconds=5)
    events = [outgoing.message.topic for outgoing in bench.events()]

    assert events == [
        "recharge/v1/event/ana/reservationFinished",
        "recharge/v1/event/bob/reservationFinished",
    ]


def test_time_alone_does_not_retry_a_write_at_every_turn(bench: Bench, store: FailingStore) -> None:
    bench.station("ana")
    bench.book("bob")
    store.failing_writes = 100
    bench.turn(hours=2)
    for _ in range(100):
        bench.turn(seconds=0.1)

    assert store.failing_writes >= 97
    assert bench.ask("ana", "newChargingStation", x_position=5, y_position=5) == "STORAGE"


def test_setting_the_clock_back_does_not_prolong_the_pause(bench: Bench, store: FailingStore) -> None:
    bench.station("ana")
    store.failing_syncs = 1
    assert bench.book("bob") == "STORAGE"

    bench.turn(hours=-3)
    bench.turn(seconds=5)

    assert bench.book("bob")["reservationID"] == 1


def test_a_request_that_expires_during_the_recovery_has_no_effect(bench: Bench, store: FailingStore) -> None:
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

    recovery = bench.turn()
    after = bench.turn(seconds=3)

    assert recovery.reloaded
    assert not recovery.answers
    assert [answer.outcome for answer in after.answers] == ["expired"]
    assert bench.ask("bob", "findReservation") == "NOT_FOUND"


def test_a_request_that_may_be_on_disk_is_not_busy(store: FailingStore) -> None:
    """BUSY would say that nothing has happened."""
    bench = Bench(store, EngineLimits(pending_per_client=1))
    bench.station("ana")
    store.failing_syncs, store.keeps_on_failure = 1, True
    assert bench.book("bob", requestID="once") == "STORAGE"
    values = {"x": 0, "y": 0, "actualBatteryPercentage": 50, "batteryCapacity": 20}
    bench.send("bob", "findReservation", "waits")
    bench.send("bob", "scheduleReservation", "again", requestID="once", **values)
    bench.send("bob", "findReservation", "other")

    answers = {answer.delivery: answer.outcome for answer in bench.turn().answers}

    assert answers["again"] == "STORAGE"
    assert answers["other"] == "BUSY"
