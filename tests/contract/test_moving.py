"""What cannot be kept moves, and what keeps looking moves up (contract, section 5)."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.kit.people import Charger, People, Place, Record, Vehicle, moment
from tests.kit.refusals import refused
from tests.kit.told import ToldCharger, ToldVehicle, in_hours, point_state

MARGIN = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
"""This machine's clock and the service's may differ by as much."""


def later(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


def breaks(charger: Charger, station: int, point: int = 1, *, operational: bool = False, **more: Any) -> None:
    """The charger says that a point is out of order."""
    values = {"power": 10, "kWhPrice": 1, "availability": "livre", **more}
    result = charger.ask(
        "updateChargingPoint",
        chargingStationID=station,
        chargingPointID=point,
        **values,
        operational=operational,
    )
    assert result == "Sucesso"


def is_broken(state: Record) -> bool:
    return state["operational"] is False


@pytest.mark.usefixtures("mqtt_version")
class TestOutOfOrder:
    def test_the_state_of_a_point_says_so(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        assert point_state(people, station)["operational"] is True
        breaks(charger, station)
        point_state(people, station, fits=is_broken)
        breaks(charger, station, operational=True)
        point_state(people, station, fits=lambda state: state["operational"] is True)

    def test_without_the_key_it_is_in_order(self, people: People, charger: Charger, place: Place) -> None:
        """`operational` (true without): in an update, too, which is all that legacy chargers know."""
        station = charger.with_point(place)
        breaks(charger, station)
        point_state(people, station, fits=is_broken)
        charger.update(station, 1)
        point_state(people, station, fits=lambda state: state["operational"] is True)
        assert people.vehicle().book(place)["chargingStationID"] == station

    def test_it_takes_no_new_reservation(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.station(place)
        for _ in range(2):
            charger.point(station)
        breaks(charger, station, 1)
        booked = [people.vehicle().book(place)["chargingPointID"] for _ in range(2)]
        assert booked == [2, 2]
        (offer,) = people.vehicle().quote(place, maxDistance=1000)
        assert offer["chargingPointID"] == 2

    def test_a_new_one_may_be_so(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.station(place)
        values = {"power": 10, "kWhPrice": 1, "availability": "livre", "operational": False}
        charger.ask("newChargingPoint", chargingStationID=station, **values)
        point_state(people, station, fits=is_broken)
        with refused("NOT_FOUND"):
            people.vehicle().book(place, maxDistance=1000)

    def test_a_station_with_no_point_in_order_is_passed_over(
        self, people: People, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        broken = charger.with_point(place)
        next_nearest = charger.with_point(place.beside(10))
        breaks(charger, broken)
        assert vehicle.book(place)["chargingStationID"] == next_nearest
        legacy = people.over_tcp().vehicle()
        assert legacy.book(place)["chargingStationID"] == next_nearest
        legacy.cancel(2)

    def test_those_that_start_within_30_minutes_move(self, people: People, place: Place) -> None:
        charger, vehicle = ToldCharger(people), ToldVehicle(people)
        station = charger.acts.station(place)
        charger.acts.point(station, power=10, price=1)
        charger.acts.point(station, power=20, price=3)
        booked = vehicle.acts.book(place, capacity=10)
        later_one = people.vehicle()
        kept = later_one.book(
            place, chargingStationID=station, chargingPointID=1, notBefore=later(minutes=150)
        )
        breaks(charger.acts, station, 1)
        moved = vehicle.acts.find()
        assert (moved["chargingPointID"], moved["reservationID"]) == (2, 1)
        assert (moved["chargingPointPower"], moved["duration"]) == (20, 0.5)
        assert (moved["price"], moved["kWhPrice"]) == (booked["price"], 1), "it never costs more"
        assert moment(moved, "startDateTime") - moment(booked, "startDateTime") < timedelta(minutes=2)
        assert later_one.find() == kept, "it starts in more than 30 minutes"
        vehicle.expect("reservationScheduled", "requested")
        event = vehicle.expect("reservationChanged", "pointFailed")
        assert list(event) == ["type", "at", "reason", "reservation", "before"]
        assert (event["reservation"], event["before"]) == (moved, booked)

    def test_the_same_station_before_others(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.station(place)
        for _ in range(2):
            charger.point(station)
        charger.with_point(place.beside(1))
        vehicle = people.vehicle()
        vehicle.book(place)
        taken = people.vehicle().book(place, chargingStationID=station, chargingPointID=2)
        breaks(charger, station, 1)
        assert vehicle.find()["chargingStationID"] == station
        assert moment(vehicle.find(), "startDateTime") >= moment(taken, "finishDateTime") + MARGIN

    def test_another_station_where_its_own_has_no_point_in_order(
        self, people: People, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        station = charger.with_point(place)
        other = charger.with_point(place.beside(10))
        vehicle.book(place)
        breaks(charger, station)
        assert vehicle.find()["chargingStationID"] == other
        assert charger.reservations(station) == []
        assert charger.availability(station) == ["livre"]
        assert charger.availability(other) == ["reservado"]

    def test_its_wishes_are_respected(self, people: People, place: Place) -> None:
        charger, vehicle = ToldCharger(people), ToldVehicle(people)
        station = charger.acts.with_point(place)
        charger.acts.with_point(place.beside(10), power=5)
        fitting = charger.acts.with_point(place.beside(20), power=10)
        vehicle.acts.book(place, minPower=10)
        breaks(charger.acts, station)
        assert vehicle.acts.find()["chargingStationID"] == fitting

    def test_where_nothing_can_take_it_it_is_cancelled(self, people: People, place: Place) -> None:
        charger, vehicle = ToldCharger(people), ToldVehicle(people)
        station = charger.acts.with_point(place)
        booked = vehicle.acts.book(place, maxDistance=100)
        breaks(charger.acts, station)
        for told in (charger, vehicle):
            told.expect("reservationScheduled", "requested")
            event = told.expect("reservationCancelled", "pointFailed")
            assert event["reservation"] == {**booked, "state": "cancelled"}
        with refused("NOT_FOUND"):
            vehicle.acts.find()

    def test_legacy_vehicles_see_it_when_they_look(
        self, people: People, charger: Charger, place: Place
    ) -> None:
        station = charger.with_point(place)
        other = charger.with_point(place.beside(10))
        legacy = people.over_tcp().vehicle()
        assert legacy.book(place)["chargingStationID"] == station
        breaks(charger, station)
        assert legacy.find()["chargingStationID"] == other

    def test_vehicles_may_still_charge_there(self, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        breaks(charger, station)
        assert charger.start(station) is None
        charger.finish(station)

    @pytest.mark.parametrize("value", [0, 1, "true", [], {}])
    def test_values_of_the_wrong_kind(self, charger: Charger, place: Place, value: object) -> None:
        station = charger.station(place)
        values = {"power": 10, "kWhPrice": 1, "availability": "livre", "operational": value}
        with refused("BAD_REQUEST", naming="operational"):
            charger.ask("newChargingPoint", chargingStationID=station, **values)


@pytest.mark.usefixtures("mqtt_version")
class TestFlexible:
    """Somebody has the first hour of a point, and flexible ones have booked behind."""

    def booked_behind(
        self, people: People, place: Place, count: int, **wishes: Any
    ) -> tuple[Vehicle, list[ToldVehicle], list[Record]]:
        first = people.vehicle()
        first.book(place, capacity=10)
        vehicles = [ToldVehicle(people) for _ in range(count)]
        booked = [each.acts.book(place, capacity=10, flexible=True, **wishes) for each in vehicles]
        for vehicle in vehicles:
            vehicle.expect("reservationScheduled", "requested")
        return first, vehicles, booked

    def test_it_moves_up_and_its_vehicle_is_told(
        self, people: People, charger: Charger, place: Place
    ) -> None:
        station = charger.with_point(place)
        first, (vehicle,), (booked,) = self.booked_behind(people, place, 1)
        first.cancel(1)
        moved = vehicle.acts.find()
        assert moved["reservationID"] == booked["reservationID"], "on the same point it is the same"
        assert moment(moved, "startDateTime") <= datetime.now(UTC) + MARGIN + SECOND
        event = vehicle.expect("reservationChanged", "movedUp")
        assert (event["reservation"], event["before"]) == (moved, booked)
        assert charger.reservations(station) == [moved]

    def test_who_booked_first_goes_first(self, people: People, charger: Charger, place: Place) -> None:
        charger.with_point(place)
        first, vehicles, booked = self.booked_behind(people, place, 3)
        first.cancel(1)
        moved = [vehicle.acts.find() for vehicle in vehicles]
        starts = [moment(each, "startDateTime") for each in moved]
        assert starts == sorted(starts)
        for before, after in pairwise(moved):
            assert moment(after, "startDateTime") == moment(before, "finishDateTime") + MARGIN
        assert starts[0] < moment(booked[0], "startDateTime") - timedelta(minutes=50)
        assert all(
            moment(new, "startDateTime") < moment(old, "startDateTime")
            for new, old in zip(moved, booked, strict=True)
        )

    def test_one_gap_is_for_one(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.station(place)
        for _ in range(2):
            charger.point(station)
        wish = {"chargingStationID": station}
        held = people.vehicle().book(place, capacity=10, chargingPointID=1, **wish)
        for point in (1, 2):
            people.vehicle().book(
                place, capacity=100, chargingPointID=point, notBefore=in_hours(held, hours=1.5), **wish
            )
        people.vehicle().book(place, capacity=10, chargingPointID=2, **wish)
        vehicles = [people.vehicle() for _ in range(2)]
        booked = [vehicle.book(place, capacity=10, flexible=True, **wish) for vehicle in vehicles]
        charger.ask("cancelReservation", chargingStationID=station, chargingPointID=1, reservationID=1)
        moved = [vehicle.find() for vehicle in vehicles]
        assert moment(moved[0], "startDateTime") < moment(booked[0], "startDateTime")
        assert moment(moved[1], "startDateTime") >= moment(moved[0], "finishDateTime") + MARGIN
        listed = charger.reservations(station)
        for before, after in pairwise(listed):
            if before["chargingPointID"] == after["chargingPointID"]:
                assert moment(before, "finishDateTime") + MARGIN <= moment(after, "startDateTime")

    def test_what_is_not_flexible_stays(self, people: People, charger: Charger, place: Place) -> None:
        charger.with_point(place)
        first, second = people.vehicle(), people.vehicle()
        first.book(place)
        booked = second.book(place, flexible=False)
        first.cancel(1)
        assert second.find() == booked

    def test_within_its_wishes(self, people: People, charger: Charger, place: Place) -> None:
        charger.with_point(place)
        moment_wished = later(minutes=30)
        first, (vehicle,), _ = self.booked_behind(people, place, 1, notBefore=moment_wished)
        first.cancel(1)
        assert moment(vehicle.acts.find(), "startDateTime") == datetime.fromisoformat(moment_wished)

    def test_it_costs_no_more(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        first, (vehicle,), (booked,) = self.booked_behind(people, place, 1)
        charger.update(station, 1, price=2)
        first.cancel(1)
        assert vehicle.acts.find() == booked

    def test_a_new_point_and_a_session_that_ends_are_time_that_frees(
        self, people: People, charger: Charger, place: Place
    ) -> None:
        station = charger.with_point(place)
        assert charger.start(station, hours=2) is None
        vehicle = people.vehicle()
        booked = vehicle.book(place, flexible=True)
        charger.finish(station)
        sooner = vehicle.find()
        assert moment(sooner, "startDateTime") < moment(booked, "startDateTime") - timedelta(hours=1)
        vehicle.cancel(sooner["reservationID"])
        assert charger.start(station, hours=2) is None
        vehicle.book(place, flexible=True)
        charger.point(station)
        assert vehicle.find()["chargingPointID"] == 2

    def test_in_order_again(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.station(place)
        for _ in range(2):
            charger.point(station)
        breaks(charger, station, 2)
        people.vehicle().book(place)
        vehicle = people.vehicle()
        vehicle.book(place, flexible=True)
        breaks(charger, station, 2, operational=True)
        assert vehicle.find()["chargingPointID"] == 2
