"""Batches: large replies end one early, and no request is lost."""

import gc
import weakref
from datetime import timedelta

from cloud_service.core.changes import Changes
from cloud_service.core.effects import end
from cloud_service.core.network import Network
from cloud_service.core.records import Station
from cloud_service.service.engine.batch import Batch
from cloud_service.service.engine.limits import EngineLimits
from tests.kit.crowd import HOUR, Crowd
from tests.kit.in_memory_store import InMemoryStore
from tests.kit.records import minutes
from tests.unit.service.engine.bench import NOON, Bench, FailingStore, result


def test_large_replies_end_a_batch_and_the_rest_follows_in_order() -> None:
    """Otherwise one client's reads would hold up everyone and fill the memory with replies."""
    bench = Bench(limits=EngineLimits(batch_bytes=1_500))
    station = bench.station("ana", points=10)
    for number in range(10):
        bench.send("ana", "receiveAllChargingPoints", number, chargingStationID=station)
    bench.send("bob", "findReservation", "vehicle")

    turns = [[answer.delivery for answer in bench.turn().answers] for _ in range(6)]

    assert turns == [[0, "vehicle", 1], [2, 3], [4, 5], [6, 7], [8, 9], []]


def test_bookings_in_a_full_network_end_a_batch_early() -> None:
    """Each looks at all stations: 256 of them would hold up everyone for seconds."""
    bench = Bench(limits=EngineLimits(batch_work=5, booking_horizon=timedelta(minutes=1)))
    for x in range(3):
        bench.station("ana", x)
    values = {"x": 0, "y": 0, "actualBatteryPercentage": 50, "batteryCapacity": 20}
    for number in range(4):
        bench.send("operator", "scheduleReservation", number, vid=number, **values)
    bench.send("bob", "findReservation", "vehicle")

    turns = [bench.turn().answers for _ in range(3)]

    assert [[answer.delivery for answer in answers] for answers in turns] == [[0, "vehicle", 1], [2, 3], []]
    assert {result(answer.reply) for answers in turns for answer in answers} == {"NOT_FOUND"}


def test_a_batch_that_ends_early_and_cannot_be_written_loses_no_request() -> None:
    store = FailingStore()
    bench = Bench(store, limits=EngineLimits(batch_bytes=1_500))
    station = bench.station("ana", points=10)
    store.failing_writes = 1
    for number in range(4):
        bench.send("ana", "receiveAllChargingPoints", number, chargingStationID=station)
        bench.send("bob", "newChargingStation", f"new-{number}", x_position=number + 1, y_position=1)

    turns = [{str(each.delivery): result(each.reply) for each in bench.turn().answers} for _ in range(3)]

    assert [list(turn) for turn in turns] == [["0", "new-0", "1"], ["new-1", "2", "new-2", "3"], ["new-3"]]
    assert [turn.get(f"new-{number}") for number, turn in enumerate(turns)] == ["STORAGE", 2, None]


def test_catching_up_is_done_in_batches_of_bounded_work_and_requests_see_all_of_it() -> None:
    """Otherwise the service would say nothing for minutes, also not that it is there."""
    crowd = Crowd(1)
    for number in range(10):
        crowd.book(1, minutes(10) + number * HOUR, minutes(30))
    bench = Bench(InMemoryStore(crowd.tables), limits=EngineLimits(batch_work=4))
    bench.now += timedelta(days=1)
    bench.send("v1", "findReservation")

    turns = [bench.turn() for _ in range(4)]

    ended = [
        [event.reservation.reservation_id for each in turn.changes for event in each.events] for turn in turns
    ]
    assert ended == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10], []]
    assert [[result(answer.reply) for answer in turn.answers] for turn in turns] == [
        [],
        [],
        ["NOT_FOUND"],
        [],
    ]


def test_by_default_a_batch_is_half_a_second_of_work_at_most() -> None:
    """A step takes some 0.1 ms; the service is silent meanwhile, and its keep-alive is seconds."""
    crowd = Crowd(600)
    for number in range(6_000):
        crowd.book(number % 600 + 1, minutes(10) + number // 600 * HOUR, minutes(30))
    bench = Bench(InMemoryStore(crowd.tables))
    steps = [bench.turn(hours=24).steps, bench.turn().steps]

    assert sum(steps) == 6_000
    assert 2_500 <= steps[0] <= 5_000


def test_what_moves_up_in_a_change_that_is_undone_may_move_up_again() -> None:
    """A change is undone and made again where more was due before it than was known at first."""
    bench = Bench()
    near, far = (bench.station("owner", x) for x in (0, 1))
    bench.book("first", 0)
    bench.book("second", 1, batteryCapacity=2)
    assert bench.book("flexible", 0, flexible=True, objective="soonest")["chargingStationID"] == far
    network = bench.engine.network
    first = network.reservation_of((False, "first"))
    assert first is not None
    with Batch(network, bench.now) as batch:
        for _ in range(2):
            batch.undo_to(0)
            batch.apply(end(network, (first,), "vehicleCancelled", bench.now))
            moved = network.reservation_of((False, "flexible"))
            assert moved is not None
            assert moved.station_id == near


def test_a_batch_is_freed_without_the_cycle_collector() -> None:
    """Its requests would stay in memory until that runs, which takes longer than to free them."""
    network = Network()
    gc.disable()
    try:
        with Batch(network, NOON) as batch:
            batch.apply(Changes(stations=(Station(1, 0, 0, "ana"),), last_station_id=1))
            batch.keep()
        gone = weakref.ref(batch)
        del batch
        assert gone() is None
    finally:
        gc.enable()
    assert network.station(1) is not None
