"""Settings of the life of a reservation at 0, which turns each of its behaviours off, over MQTT."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.kit.people import People, Place, moment, new_place, target_of
from tests.kit.processes import Stack
from tests.kit.refusals import refused
from tests.kit.told import ToldCharger, ToldVehicle

TURNED_OFF = (
    "early_start_minutes",
    "no_show_minutes",
    "walk_in_hours",
    "overrun_minutes",
    "silent_session_hours",
    "offline_minutes",
    "failure_minutes",
    "move_up_minutes",
    "choice_stations",
)


@pytest.fixture(scope="module")
def turned_off(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A quarter of an hour takes five seconds."""
    settings = dict.fromkeys(TURNED_OFF, "0")
    with Stack(tmp_path_factory.mktemp("off"), clock_speed="180", **settings) as running:
        yield running


@pytest.fixture
def people(turned_off: Stack) -> Iterator[People]:
    people = People(target_of(turned_off), "mqtt5")
    yield people
    people.close()


@pytest.fixture
def place() -> Place:
    return new_place()


def passes(vehicle: ToldVehicle) -> None:
    """The next that the vehicle hears of its reservation is that its time has passed."""
    vehicle.expect("reservationScheduled", "requested")
    vehicle.expect("reservationFinished", "timePassed")


def test_nobody_is_a_no_show(people: People, place: Place) -> None:
    charger, vehicle = ToldCharger(people), ToldVehicle(people)
    station = charger.acts.with_point(place)
    charger.acts.start(station, hours=1)
    charger.acts.finish(station)
    booked = vehicle.acts.book(place, capacity=3)
    assert moment(booked, "finishDateTime") - moment(booked, "startDateTime") > timedelta(minutes=15)
    passes(vehicle)


def test_a_charger_that_is_offline_is_not_out_of_order(people: People, place: Place) -> None:
    charger, vehicle = ToldCharger(people), ToldVehicle(people)
    charger.acts.with_point(place)
    presence = f"recharge/v1/presence/{charger.name}"
    charger.client.publish(presence, b'{"online": false}', retain=True)
    vehicle.acts.book(place, capacity=3)
    passes(vehicle)
    assert people.vehicle().book(place)["reservationID"] == 2


def test_what_starts_soon_stays_on_a_point_out_of_order(people: People, place: Place) -> None:
    charger, vehicle = people.charger(), people.vehicle()
    station = charger.with_point(place)
    booked = vehicle.book(place, maxDistance=1)
    values = {"chargingStationID": station, "power": 10, "kWhPrice": 1, "availability": "livre"}
    charger.ask("updateChargingPoint", chargingPointID=1, operational=False, **values)
    assert vehicle.find() == booked
    with refused("NOT_FOUND"):
        people.vehicle().book(place, maxDistance=1)


def test_a_flexible_one_does_not_move_up(people: People, place: Place) -> None:
    people.charger().with_point(place)
    first, flexible = people.vehicle(), people.vehicle()
    first.book(place)
    booked = flexible.book(place, flexible=True)
    first.cancel(1)
    assert flexible.find() == booked


def test_a_session_does_not_begin_a_reservation_early(people: People, place: Place) -> None:
    charger, vehicle = people.charger(), people.vehicle()
    station = charger.with_point(place)
    vehicle.book(place, notBefore=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    assert charger.start(station, vehicleID=vehicle.name) is None, "it does not start before tomorrow"
    assert vehicle.find()["state"] == "reserved"


def test_a_session_holds_its_point_no_longer_than_it_was_meant_to(people: People, place: Place) -> None:
    charger, vehicle = ToldCharger(people), ToldVehicle(people)
    station = charger.acts.with_point(place)
    charger.acts.start(station, hours=0.1)
    vehicle.acts.book(place, capacity=1)
    passes(vehicle)
    with refused("NOT_FOUND"):
        charger.acts.finish(station)


def test_a_walk_in_that_gives_no_time_holds_its_point_for_none(people: People, place: Place) -> None:
    charger = people.charger()
    station = charger.with_point(place)
    assert charger.start(station) is None
    with refused("NOT_FOUND"):
        charger.finish(station)


def test_an_objective_looks_at_all_stations(people: People, place: Place) -> None:
    charger = people.charger()
    charger.with_point(place, power=10)
    fast = charger.with_point(place.beside(1), power=100)
    (offer,) = people.vehicle().quote(place, objective="soonest", maxDistance=1, offers=1)
    assert offer["chargingStationID"] == fast
