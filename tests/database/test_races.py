"""What one service does between two statements of another one, and what several do in turn."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from psycopg import errors

from cloud_service.database.connection import Database, connect
from cloud_service.database.snapshot import database_snapshot
from cloud_service.database.state import DatabaseState
from cloud_service.database.verifying.verify import examine_database
from cloud_service.protocol.messages import Message
from cloud_service.service.event_publisher import EventPublisher
from tests.database.engines import Asked, Service, booking, column, new_station, request, services
from tests.kit.postgres import Postgres
from tests.kit.waiting import wait_until

LOCKS_POINTS = "ORDER BY station_id, point_id FOR UPDATE OF points"
"""Between reading and writing. What is due is locked too, but in another order, and now and then."""
SOON = timedelta(seconds=1)


@pytest.fixture
def address(postgres: Postgres) -> Iterator[str]:
    """Whatever came in between, the database is sound afterwards."""
    made = postgres.new_database()
    yield made
    with database_snapshot(made, "verification") as database:
        assert examine_database(database).findings == []


def test_a_station_that_moves_away_while_somebody_books_there(address: str) -> None:
    with services(address, 2) as (one, other):
        near, far = new_station(one, 1), new_station(one, 10)
        move = request("owner", "updateChargingStation", chargingStationID=near, x_position=99, y_position=0)
        other.trouble.before(LOCKS_POINTS, lambda: one.result(move))
        assert other.result(booking("car"))["chargingStationID"] == far
        assert not other.trouble.planned


@pytest.mark.parametrize(
    "change",
    [
        request("owner", "updateChargingStation", chargingStationID=1, x_position=99, y_position=0),
        request("administrator", "transferStations", **{"from": "owner", "to": "other"}),
    ],
    ids=["moves", "has another owner"],
)
def test_a_station_that_is_another_one_changes_its_points(address: str, change: Asked) -> None:
    """Whoever decides something at one of them meanwhile looks at its row, and not at the station's."""
    rows = "SELECT changed_at FROM points WHERE station_id = 1 ORDER BY point_id"
    with services(address) as (service,), connect(address) as database:
        new_station(service, points=2)
        before = column(database, rows)
        assert service.code(change) == ""
        assert all(then < now for then, now in zip(before, column(database, rows), strict=True))


def test_a_point_that_is_deleted_while_somebody_books_there(address: str) -> None:
    with services(address, 2) as (one, other):
        near, far = new_station(one, 1), new_station(one, 10)
        delete = request("owner", "deleteChargingPoint", chargingStationID=near, chargingPointID=1)
        other.trouble.before(LOCKS_POINTS, lambda: one.result(delete))
        assert other.result(booking("car"))["chargingStationID"] == far


def test_a_vehicle_that_begins_to_charge_at_two_points_at_once(address: str) -> None:
    with services(address, 2) as (one, other):
        first, second = new_station(one, 1), new_station(one, 2)
        one.trouble.before(LOCKS_POINTS, lambda: other.result(charging(second, vehicleID="car")))
        assert one.code(charging(first, vehicleID="car")) == "CONFLICT"
        with connect(address) as database:
            assert column(database, "SELECT vehicle FROM sessions") == ["car"]


def test_two_vehicles_that_change_places_in_one_batch(address: str) -> None:
    with services(address) as (service,):
        stations = [new_station(service, at) for at in (1, 2)]
        for station, vehicle in zip(stations, ("a", "b"), strict=True):
            service.result(charging(station, vehicleID=vehicle))
        ends = [
            request("owner", "finishCharging", chargingStationID=each, chargingPointID=1) for each in stations
        ]
        begins = [charging(each, vehicleID=name) for each, name in zip(stations, ("b", "a"), strict=True)]
        service.trouble.statements.clear()
        assert all(answer["ok"] for answer in service.answers(*ends, *begins))
        assert "ROLLBACK" not in service.trouble.statements, "the batch was decided more than once"
        with connect(address) as database:
            assert column(database, "SELECT vehicle FROM sessions ORDER BY station_id") == ["b", "a"]


def test_time_that_is_freed_while_a_flexible_reservation_is_made(address: str) -> None:
    """Neither sees the other. The flexible one moves up all the same, later."""
    with services(address, 2) as (one, other), connect(address) as database:
        near, far = new_station(one, 0), new_station(one, 1)
        held = one.result(booking("first", 0))
        one.result(booking("second", 1, need=1))
        cancel = request("first", "deleteReservation", reservationID=held["reservationID"])
        flexible = booking("flexible", flexible=True, objective="soonest")
        one.trouble.before(LOCKS_POINTS, lambda: other.result(flexible))
        one.result(cancel)
        assert not one.trouble.planned
        search = request("flexible", "findReservation")
        assert other.result(search)["chargingStationID"] == far, "otherwise they had a point in common"

        def has_moved_up() -> bool:
            one.turn()
            return bool(one.result(search)["chargingStationID"] == near)

        database.execute("UPDATE freed SET at = at - interval '10 seconds'")
        one.let_pass(timedelta(seconds=2))
        assert not has_moved_up(), "another one may still be under way"
        database.execute("UPDATE freed SET at = at - interval '10 seconds'")
        one.let_pass(timedelta(seconds=2))
        wait_until(has_moved_up, "the flexible reservation has moved up")
        assert "reservationChanged" in [kind for each in (one, other) for kind in events_of(each, "flexible")]


def test_a_request_id_on_both_sides_of_midnight(address: str) -> None:
    """Neither transaction sees the other's row, and the rows are in tables of different days."""
    midnight = datetime.combine(datetime.now(UTC).date() + timedelta(days=1), time(), UTC)
    with services(address) as (service,):
        service.turn()
        with connect(address) as before, connect(address) as after:
            for database in (before, after):
                database.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
                database.execute("SELECT FROM requests")
            remember(before, midnight - SOON)
            before.execute("COMMIT")
            with pytest.raises((errors.UniqueViolation, errors.SerializationFailure)):
                remember(after, midnight + SOON)


def test_what_was_noted_near_midnight_is_forgotten(address: str) -> None:
    midnight = datetime.combine(datetime.now(UTC).date(), time(), UTC)
    with services(address) as (service,):
        service.turn()
        with connect(address) as database:
            remember(database, midnight)
            for hours, left in ((0, 1), (2, 0)):
                database.execute("SELECT make_partitions(%s, 0)", [midnight + timedelta(hours=hours)])
                assert len(column(database, "SELECT client FROM requests_near_midnight")) == left


def test_a_request_near_midnight_that_is_soon_forgotten(address: str) -> None:
    """In one of the two tables only, its ID would be refused as used and its answer not be found: BUSY."""
    midnight = datetime.combine(datetime.now(UTC).date() + timedelta(days=1), time(), UTC)
    with services(address) as (service,), connect(address) as database:
        service.turn()
        remember(database, midnight - SOON)
        for hours, left in ((0.1, 1), (3, 0)):
            state = DatabaseState(address)
            state.make_room(midnight + timedelta(hours=hours), SOON, 0)
            state.close()
            for table in ("requests", "requests_near_midnight"):
                assert len(column(database, f"SELECT client FROM {table}")) == left, table


def test_an_id_is_not_given_again_after_what_had_it_was_made_and_removed_in_one_batch(address: str) -> None:
    with services(address) as (service,):
        station = new_station(service)
        cancel = request("car", "deleteReservation", reservationID=1)
        made, removed = service.answers(booking("car"), cancel)
        assert made["ok"]
        assert removed["ok"]
        assert service.result(booking("car"))["reservationID"] == 2
        point: dict[str, Any] = {
            "chargingStationID": station,
            "power": 10,
            "kWhPrice": 1,
            "availability": "livre",
        }
        delete = request("owner", "deleteChargingPoint", chargingStationID=station, chargingPointID=2)
        service.answers(request("owner", "newChargingPoint", **point), delete)
        service.result(request("owner", "newChargingPoint", **point))
        with connect(address) as database:
            assert column(database, "SELECT point_id FROM points ORDER BY 1") == [1, 3]


def test_the_database_counts_ids_of_what_was_made_and_removed_in_one_batch(address: str) -> None:
    """Otherwise it would not refuse to have them given again."""
    with services(address) as (service,):
        station = new_station(service)
        service.answers(booking("car"), request("car", "deleteReservation", reservationID=1))
        point: dict[str, Any] = {"chargingStationID": station, "power": 10, "kWhPrice": 1}
        add = request("owner", "newChargingPoint", availability="livre", **point)
        delete = request("owner", "deleteChargingPoint", chargingStationID=station, chargingPointID=2)
        service.answers(add, delete)
        with connect(address) as database:
            assert column(database, "SELECT last_reservation_id FROM points") == [1]
            assert column(database, "SELECT last_point_id FROM stations") == [2]


@pytest.mark.parametrize(("moved", "to", "found"), [(10, 0.5, 10), (1, 99, 5), (9, 1.5, 1)])
def test_the_nearest_after_a_station_has_moved_in_the_same_batch(
    address: str, moved: int, to: float, found: int
) -> None:
    """The second to the fourth are out of order, so with those that are loaded at first it is not done."""
    with services(address) as (service,):
        for at in range(1, 11):
            new_station(service, at, operational=at not in (2, 3, 4))
        move = request("owner", "updateChargingStation", chargingStationID=moved, x_position=to, y_position=0)
        _, booked = service.answers(move, booking("car"))
        assert booked["result"]["chargingStationID"] == found


def test_events_of_the_dead_come_in_order(address: str) -> None:
    with services(address, 3) as (one, other, living):
        living.turn()
        one.tells = other.tells = False
        new_station(living)
        booked = one.result(booking("car"))
        other.result(request("car", "deleteReservation", reservationID=booked["reservationID"]))
        living.result(booking("car"))
        assert events_of(living, "car") == [], "told before what came first"
        other.die()
        one.die()

        def are_told() -> bool:
            living.let_pass(SOON)
            living.turn()
            return len(events_of(living, "car")) == 3

        wait_until(are_told, "the events were told")
        kinds = ["reservationScheduled", "reservationCancelled", "reservationScheduled"]
        assert events_of(living, "car") == kinds


def test_an_event_that_waits_for_another_service_holds_up_no_other_vehicle(address: str) -> None:
    with services(address, 2) as (slow, fast):
        slow.tells = False
        new_station(fast, 0, points=2)
        booked = slow.result(booking("car"))
        fast.result(request("car", "deleteReservation", reservationID=booked["reservationID"]))
        fast.result(booking("other"))
        assert events_of(fast, "other") == ["reservationScheduled"]
        assert events_of(fast, "car") == []
        assert fast.engine.waiting_events > 0
        assert not EventPublisher(fast.engine, Receivers()).has_work, "the loop would not rest"


class Receivers:
    """Brokers that take any number of events."""

    room_for_events = 1_000

    def tell(self, event: Message, receipt: Any) -> None:
        """Nothing is sent."""


@pytest.mark.parametrize("offline_for", [timedelta(minutes=10), timedelta(minutes=2)])
def test_a_station_that_is_given_to_somebody_who_is_offline(address: str, offline_for: timedelta) -> None:
    """Its points are out of order from then on: what was booked there soon cannot be kept."""
    with services(address, 2) as (one, other):
        one.turn()
        assert one.engine.leads
        new_station(one, 50, owner="away")
        new_station(one, 1)
        one.engine.note_presence("away", False, one.now - offline_for)
        one.let_pass(SOON)
        one.turn()
        assert other.result(booking("car", 1))
        give = request("administrator", "transferStations", **{"from": "owner", "to": "away"})
        assert other.code(give) == ""
        with connect(address) as database:
            due = column(database, "SELECT due_at FROM points WHERE due_at IS NOT NULL")
            assert all(at < one.now + timedelta(minutes=5) for at in due)
            assert len(due) == len(column(database, "SELECT vehicle FROM reservations"))
            assert (due == []) == (offline_for > timedelta(minutes=5))


def charging(station: int, **values: Any) -> Any:
    return request("owner", "startCharging", chargingStationID=station, chargingPointID=1, **values)


def remember(database: Database, at: datetime) -> None:
    database.execute(
        "INSERT INTO requests (client, identity, at, day, fingerprint, status, body)"
        " VALUES ('car', 'the same', %s, %s, '', 'ok', '')",
        [at, at.date()],
    )


def events_of(service: Service, vehicle: str) -> list[str]:
    topics = (message.topic.split("/") for message in service.told)
    return [topic[4] for topic in topics if topic[3] == vehicle]
