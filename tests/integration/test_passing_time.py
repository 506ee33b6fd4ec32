"""What the passing of time does to reservations, over MQTT, in a network whose time passes faster.

The events say when the network decided: none is early, however slow this machine is.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from tests.kit.people import People, Place, moment, new_place, target_of
from tests.kit.processes import Stack
from tests.kit.refusals import refused
from tests.kit.told import Record, ToldCharger, ToldVehicle, point_state

QUARTER = timedelta(minutes=15)


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A quarter of an hour takes five seconds."""
    with Stack(tmp_path_factory.mktemp("passing"), clock_speed="180") as running:
        yield running


@pytest.fixture(params=["mqtt5", "mqtt311"])
def people(fast: Stack, request: pytest.FixtureRequest) -> Iterator[People]:
    people = People(target_of(fast), request.param)
    yield people
    people.close()


@pytest.fixture
def place() -> Place:
    return new_place()


def at(event: Record) -> datetime:
    return datetime.fromisoformat(event["at"])


def test_a_no_show_where_the_charger_tells_of_sessions(people: People, place: Place) -> None:
    charger, vehicle = ToldCharger(people), ToldVehicle(people)
    station = charger.acts.with_point(place)
    charger.acts.start(station)
    charger.acts.finish(station)
    booked = vehicle.acts.book(place)
    for told in (charger, vehicle):
        told.expect("reservationScheduled", "requested")
        event = told.expect("reservationNoShow", "noShow")
        assert event["reservation"] == {**booked, "state": "noShow"}
        assert at(event) >= moment(booked, "startDateTime") + QUARTER
    with refused("NOT_FOUND"):
        vehicle.acts.find()
    assert charger.acts.availability(station) == ["livre"], "its time is free"


def test_elsewhere_it_passes_as_it_always_did(people: People, place: Place) -> None:
    charger, vehicle = ToldCharger(people), ToldVehicle(people)
    charger.acts.with_point(place)
    booked = vehicle.acts.book(place, capacity=5)
    vehicle.expect("reservationScheduled", "requested")
    event = vehicle.expect("reservationFinished", "timePassed")
    assert event["reservation"] == {**booked, "state": "completed"}
    assert at(event) >= moment(booked, "finishDateTime")


def is_held_after(state: Record, moment: datetime) -> bool:
    session = state["session"]
    return session is not None and datetime.fromisoformat(session["until"]) > moment


def test_a_session_that_lasts_longer_moves_the_next(people: People, place: Place) -> None:
    charger, first, second = ToldCharger(people), ToldVehicle(people), ToldVehicle(people)
    station = charger.acts.with_point(place)
    served = first.acts.book(place, capacity=5, maxDistance=1)
    charger.acts.start(station, vehicleID=first.name)
    waiting = second.acts.book(place, capacity=2, maxDistance=1)
    second.expect("reservationScheduled", "requested")
    event = second.expect("reservationChanged", "overrun")
    assert event["before"] == waiting
    moved = event["reservation"]
    assert at(event) >= moment(served, "finishDateTime")
    held = moment(served, "finishDateTime") + QUARTER
    assert moment(moved, "startDateTime") >= held + timedelta(minutes=5)
    assert (moved["reservationID"], moved["price"]) == (waiting["reservationID"], waiting["price"])
    first.expect("reservationScheduled", "requested")
    first.expect("reservationFinished", "timePassed", state="completed")
    finish = moment(served, "finishDateTime")
    point_state(people, station, fits=lambda state: is_held_after(state, finish))
    charger.acts.finish(station)


def test_a_charger_that_has_been_offline_is_out_of_order(people: People, place: Place) -> None:
    charger, other, vehicle = ToldCharger(people), ToldCharger(people), ToldVehicle(people)
    charger.acts.with_point(place)
    elsewhere = other.acts.with_point(place.beside(10))
    booked = vehicle.acts.book(place, maxDistance=100)
    presence = f"recharge/v1/presence/{charger.name}"
    charger.client.publish(presence, b'{"online": false}', retain=True)
    vehicle.expect("reservationScheduled", "requested")
    event = vehicle.expect("reservationChanged", "pointFailed", chargingStationID=elsewhere)
    assert event["before"] == booked
    assert people.vehicle().book(place, maxDistance=100)["chargingStationID"] == elsewhere
    charger.client.publish(presence, b'{"online": true}', retain=True)
