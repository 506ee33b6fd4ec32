"""The network in memory: its indexes say what its tables hold, and what was done can be taken back."""

from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cloud_service.core.changes import NOTHING, Changes, Event
from cloud_service.core.network import Network
from cloud_service.core.records import Reservation, Station
from cloud_service.core.tables import Tables
from cloud_service.core.view import NetworkView
from tests.kit.records import NOW, minutes, point, reservation, station

PLACES = [(0, 0), (0, 1), (1, 0), (2.5, -0.0), (10, 10), (0.0, 0)]
NUMBERS = range(1, 5)
VEHICLES: list[int | str] = ["ana", "7", 7, "007"]


def answers(network: NetworkView) -> dict[str, object]:
    """What the network says to every question of a small world."""
    keys = [(station_id, point_id) for station_id in NUMBERS for point_id in NUMBERS]
    places = [*PLACES, (0.4, 0.4), (100, -100)]
    return {
        "last": network.last_station_id,
        "stations": [network.station(number) for number in NUMBERS],
        "at": [network.station_at(*place) for place in places],
        "nearest": [nearest(network, *place) for place in places],
        "points": [network.points(number) for number in NUMBERS],
        "point": [network.point(key) for key in keys],
        "queues": [list(network.queue(key)) for key in keys],
        "free from": [network.queue(key).free_from for key in keys],
        "starts": [network.queue(key).earliest_start(NOW, minutes(30)) for key in keys],
        "vehicles": [
            network.reservation_of((legacy, str(vehicle))) for vehicle in VEHICLES for legacy in (False, True)
        ],
        "due": [network.first_due(NOW + minutes(after)) for after in (-1, 0, 60, 600, 10**6)],
        "near": network.stations_with_points,
    }


def nearest(network: NetworkView, x: float, y: float) -> Station | None:
    return next(network.stations_by_distance(x, y), None)


def as_tables(network: Network) -> Tables:
    return network.tables.snapshot()


def test_a_network_without_anything() -> None:
    network = Network()
    assert network.last_station_id == 0
    assert network.station(1) is None
    assert network.station_at(0, 0) is None
    assert nearest(network, 0, 0) is None
    assert network.points(1) == []
    assert network.point((1, 1)) is None
    assert len(network.queue((1, 1))) == 0
    assert network.reservation_of((False, "ana")) is None
    assert network.first_due(NOW) is None


def test_only_stations_with_a_point_are_near() -> None:
    network = Network()
    network.apply(Changes(stations=(station(1, 0, 0), station(2, 50, 0))))
    assert nearest(network, 0, 0) is None
    network.apply(Changes(points=(point(2, 1),)))
    assert nearest(network, 0, 0) == station(2, 50, 0)
    network.apply(Changes(points=(point(1, 1), point(1, 2))))
    assert nearest(network, 0, 0) == station(1, 0, 0)
    network.apply(Changes(removed_points=((1, 1),)))
    assert nearest(network, 0, 0) == station(1, 0, 0)
    network.apply(Changes(removed_points=((1, 2),)))
    assert nearest(network, 0, 0) == station(2, 50, 0)


def test_equal_numbers_are_one_location() -> None:
    network = Network(Tables({1: station(1, 5, 0), 2: station(2, 0.5, 7)}))
    assert network.station_at(5.0, -0.0) == station(1, 5, 0)
    assert network.station_at(0.5, 7.0) == station(2, 0.5, 7)


def test_of_stations_at_one_location_the_lower_id_answers() -> None:
    network = Network(Tables({9: station(9), 3: station(3), 5: station(5)}))
    assert network.station_at(0, 0) == station(3)
    undo = network.apply(Changes(removed_stations=(3,)))
    assert network.station_at(0, 0) == station(5)
    network.apply(undo)
    assert network.station_at(0, 0) == station(3)


def test_vehicles_of_the_two_worlds_are_two() -> None:
    account = reservation(1, NOW, NOW + minutes(10), "7")
    legacy = reservation(2, NOW + minutes(20), NOW + minutes(30), 7, legacy=True)
    network = Network(Tables({1: station(1)}, {(1, 1): point(1, 1)}, {r.key: r for r in (account, legacy)}))
    assert network.reservation_of((False, "7")) == account
    assert network.reservation_of((True, "7")) == legacy
    assert network.reservation_of((False, "007")) is None


def test_a_finished_reservation_does_not_hide_the_one_that_is_scheduled() -> None:
    """Files may name them in any order."""
    scheduled = reservation(1, NOW, NOW + minutes(10), "ana")
    finished = reservation(2, NOW - minutes(60), NOW - minutes(30), "ana")
    for order in ([scheduled, finished], [finished, scheduled]):
        network = Network(Tables({1: station(1)}, {(1, 1): point(1, 1)}, {r.key: r for r in order}))
        assert network.first_due(NOW) == (1, 1)
        network.apply(Changes(removed_reservations=(finished.key,)))
        assert network.reservation_of((False, "ana")) == scheduled


def test_a_decision_that_is_undone_and_made_again_is_due_once() -> None:
    points = {(1, number): point(1, number) for number in range(1, 6)}
    network = Network(Tables({1: station(1)}, points))
    booked = [
        reservation(1, NOW + minutes(20 * n), NOW + minutes(20 * n + 10), point_key=(1, n))
        for n in range(1, 6)
    ]
    for each in booked:
        undo = network.apply(Changes(reservations=(each,)))
        network.apply(undo)
        network.apply(Changes(reservations=(each,)))
    due = []
    while (key := network.first_due(NOW + minutes(70))) is not None:
        due.append(key)
        network.apply(Changes(removed_reservations=((*key, 1),)))
    assert due == [(1, 1), (1, 2), (1, 3)]
    assert network.first_due(NOW + minutes(1000)) == (1, 4)


def test_an_empty_change_is_false() -> None:
    assert not NOTHING
    assert not Changes()
    assert Changes(last_station_id=0)
    assert Changes(events=(Event("reservationFinished", NOW, "timePassed", reservation(1, NOW, NOW), "ana"),))


def test_a_snapshot_stays_as_it_is() -> None:
    network = Network()
    before = network.tables.snapshot()
    network.apply(Changes(stations=(station(1),), last_station_id=1))
    assert before == Tables()
    assert network.tables != before


stations = st.builds(
    lambda number, place, owner, last: station(number, place[0], place[1], owner, last),
    st.sampled_from(NUMBERS),
    st.sampled_from(PLACES),
    st.sampled_from(["ana", "bia"]),
    st.integers(0, 3),
)
points = st.builds(
    lambda station_id, point_id, power: point(station_id, point_id, power),
    st.sampled_from(NUMBERS),
    st.sampled_from(NUMBERS),
    st.integers(1, 3),
)


@st.composite
def changes(draw: st.DrawFn, network: Network, number: int) -> Changes:
    """Changes that fit the network: each vehicle and each moment of a point is taken once."""
    tables = network.tables
    kept: dict[str, Iterable[Any]] = {
        "removed_stations": draw(st.sets(st.sampled_from(NUMBERS), max_size=2)),
        "removed_points": draw(st.sets(st.sampled_from(sorted(tables.points) or [(1, 1)]), max_size=2)),
        "removed_reservations": draw(
            st.sets(st.sampled_from(sorted(tables.reservations) or [(1, 1, 1)]), max_size=3)
        ),
        "stations": {each.station_id: each for each in draw(st.lists(stations, max_size=2))}.values(),
        "points": {each.key: each for each in draw(st.lists(points, max_size=2))}.values(),
    }
    added: tuple[Reservation, ...] = ()
    vehicle, legacy = draw(st.sampled_from(VEHICLES)), draw(st.booleans())
    if network.reservation_of((legacy, str(vehicle))) is None:
        start = NOW + minutes(100 * number)
        key = draw(st.sampled_from([(1, 1), (1, 2), (2, 1)]))
        added = (reservation(number, start, start + minutes(50), vehicle, key, legacy=legacy),)
    return Changes(
        **{name: tuple(values) for name, values in kept.items()},
        reservations=added,
        last_station_id=draw(st.none() | st.integers(0, 9)),
    )


@given(st.data())
def test_indexes_agree_with_the_tables_and_every_change_can_be_taken_back(data: st.DataObject) -> None:
    network = Network()
    history = []
    for number in range(1, data.draw(st.integers(1, 8), "changes") + 1):
        change = data.draw(changes(network, number))
        before, delivered = as_tables(network), answers(network)
        undo = network.apply(change)
        after, told_after = as_tables(network), answers(network)
        assert told_after == answers(Network(as_tables(network)))
        network.apply(undo)
        assert as_tables(network) == before
        assert answers(network) == delivered
        undo = network.apply(change)
        assert as_tables(network) == after
        assert answers(network) == told_after
        history.append((before, delivered, undo))
    for before, delivered, undo in reversed(history):
        network.apply(undo)
        assert as_tables(network) == before
        assert answers(network) == delivered


@given(st.data())
def test_changes_applied_twice_in_their_order_give_the_same_tables(data: st.DataObject) -> None:
    network, log = Network(), []
    for number in range(1, 5):
        change = data.draw(changes(network, number))
        network.apply(change)
        log.append(change)
    replayed = network.tables.snapshot()
    for change in log:
        replayed.apply(change)
    assert replayed == network.tables


def test_undo_gives_back_records_that_were_replaced_and_removed_at_once() -> None:
    first, second = station(1, 0, 0), station(2, 5, 5)
    tables = Tables({1: first, 2: second}, {(1, 1): point(1, 1)}, last_station_id=2)
    network = Network(tables.snapshot())
    change = Changes(
        removed_stations=(2,),
        removed_points=((1, 1),),
        stations=(replace(first, x=9), station(3, 5, 5)),
        points=(point(1, 1, 22), point(3, 1)),
        last_station_id=3,
    )
    undo = network.apply(change)
    assert network.station_at(5, 5) == station(3, 5, 5)
    assert nearest(network, 8, 0) == replace(first, x=9)
    network.apply(undo)
    assert network.tables == tables
    assert nearest(network, 8, 0) == first


def test_a_point_goes_with_its_queue_and_comes_back_with_it() -> None:
    rows = [
        reservation(number, NOW + minutes(60 * number), NOW + minutes(60 * number + 30))
        for number in range(1, 5)
    ]
    network = Network()
    network.apply(Changes(stations=(station(1),), points=(point(1, 1),), reservations=tuple(rows)))
    before = answers(network)
    keys = tuple(row.key for row in rows)
    undo = network.apply(Changes(removed_points=((1, 1),), removed_reservations=keys))
    assert answers(network) == answers(Network(as_tables(network)))
    assert not network.queue((1, 1))
    network.apply(undo)
    assert answers(network) == before
