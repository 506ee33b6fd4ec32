"""Booking, finding, cancelling, listing: when and where, at what price, and what becomes of the point."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.kit.people import Charger, People, Place, Vehicle, moment
from tests.kit.refusals import refused

MARGIN = timedelta(minutes=5)
HOUR = timedelta(hours=1)


@pytest.mark.usefixtures("transport")
class TestScheduling:
    def test_what_a_reservation_says(
        self, transport: str, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        station = charger.with_point(place, power=7, price=0.5)
        before = datetime.now(UTC)
        booked = vehicle.book(place.beside(3, 4), capacity=56, percentage=25)
        after = datetime.now(UTC)
        assert list(booked.items()) == [
            ("reservationID", 1),
            ("chargingStationID", station),
            ("chargingPointID", 1),
            ("chargingPointPower", 7),
            ("kWhPrice", 0.5),
            ("vehicleID", vehicle.name),
            ("startDateTime", booked["startDateTime"]),
            ("finishDateTime", booked["finishDateTime"]),
            ("duration", 6),
            ("price", 21),
            *([] if transport == "tcp" else [("state", "reserved")]),
        ]
        start = moment(booked, "startDateTime")
        second = timedelta(seconds=1)  # this machine's clock and the service's may differ by as much
        assert before + MARGIN - second <= start <= after + MARGIN + second
        assert moment(booked, "finishDateTime") == start + 6 * HOUR

    def test_an_integer_stays_an_integer(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        station = charger.with_point(place, power=30, price=2)
        booked = vehicle.book(place)
        assert [repr(booked[key]) for key in ("chargingPointPower", "kWhPrice")] == ["30", "2"]
        charger.delete(station)

    def test_the_nearest_station_that_has_a_point(
        self, people: People, charger: Charger, place: Place
    ) -> None:
        charger.station(place)
        near = charger.with_point(place.beside(10))
        lower = charger.with_point(place.beside(0, 10))
        booked = people.vehicle().book(place.beside(1))
        assert booked["chargingStationID"] == near
        assert people.vehicle().book(place.beside(0, 1))["chargingStationID"] == lower
        assert people.vehicle().book(place)["chargingStationID"] == near, "a tie goes to the lower ID"
        charger.move(near, place.beside(500))
        assert people.vehicle().book(place.beside(1))["chargingStationID"] == lower

    @pytest.mark.parametrize(("offset", "step"), [(2**53, 1), (10**300, 1), (0.1, 0.1)])
    def test_the_nearest_is_that_of_the_exact_numbers(
        self, people: People, charger: Charger, place: Place, offset: float, step: float
    ) -> None:
        """In floats, 2**53 and 2**53 + 1 are one number, and 0.2 is nearer to 0.3 than to 0.1."""
        lower = charger.with_point(Place(offset, place.y))
        higher = charger.with_point(Place(0.3 if step == 0.1 else offset + 3, place.y))
        nearest = [people.vehicle().book(Place(offset + at * step, place.y)) for at in (0, 1, 2)]
        expected = [lower, lower, higher]
        assert [booked["chargingStationID"] for booked in nearest] == expected
        for station in (lower, higher):
            charger.delete(station)

    def test_other_owners_stations_are_as_good(self, people: People, vehicle: Vehicle, place: Place) -> None:
        station = people.other_charger().with_point(place)
        assert vehicle.book(place)["chargingStationID"] == station

    def test_where_charging_can_start_first(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.station(place)
        for power, availability in ((10, "ocupado"), (10, "livre"), (10, "livre"), (100, "livre")):
            charger.point(station, power=power, availability=availability)
        taken = [people.vehicle().book(place)["chargingPointID"] for _ in range(6)]
        # `livre` before the rest and then the lower ID; the fast one is free again before the others.
        assert taken == [2, 3, 4, 1, 4, 4]

    def test_five_minutes_lie_between_two(self, people: People, charger: Charger, place: Place) -> None:
        charger.with_point(place)
        bookings = [people.vehicle().book(place, capacity=5) for _ in range(3)]
        for one, next_one in pairwise(bookings):
            assert moment(next_one, "startDateTime") == moment(one, "finishDateTime") + MARGIN
        assert [booked["reservationID"] for booked in bookings] == [1, 2, 3]

    def test_a_gap_that_is_long_enough_is_used(self, people: People, charger: Charger, place: Place) -> None:
        charger.with_point(place)
        vehicles = [people.vehicle() for _ in range(3)]
        first, second, third = (vehicle.book(place, capacity=10) for vehicle in vehicles)
        vehicles[1].cancel(2)
        longer = people.vehicle().book(place, capacity=10.1)
        assert moment(longer, "startDateTime") == moment(third, "finishDateTime") + MARGIN
        exact = people.vehicle().book(place, capacity=10)
        assert exact["startDateTime"] == second["startDateTime"]
        vehicles[0].cancel(1)
        before = people.vehicle().book(place, capacity=5)
        assert moment(before, "startDateTime") < moment(first, "startDateTime") + timedelta(minutes=2)
        assert moment(before, "finishDateTime") + MARGIN <= moment(exact, "startDateTime")

    def test_a_vehicle_that_has_one_gets_that_one(
        self, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        station = charger.with_point(place)
        charger.with_point(place.beside(1000))
        booked = vehicle.book(place)
        assert vehicle.book(place.beside(1000), capacity=99) == booked
        assert vehicle.find() == booked
        assert charger.reservations(station) == [booked]

    def test_nothing_else_moves_it(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        station = charger.with_point(place)
        booked = vehicle.book(place)
        charger.update(station, 1, power=99, price=99)
        charger.move(station, place.beside(50))
        assert vehicle.find() == booked
        assert charger.reservations(station) == [booked]

    def test_the_longest_charge(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        station = charger.with_point(place)
        with refused("BAD_REQUEST", "30 days"):
            vehicle.book(place, capacity=7200.1)
        assert charger.reservations(station) == []
        assert vehicle.book(place, capacity=7200)["duration"] == 720

    def test_the_price_is_exact(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        charger.with_point(place, power=10, price=0.1)
        assert vehicle.book(place, capacity=3, percentage=0)["price"] == 0.3

    def test_a_charge_beyond_all_numbers(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        station = charger.station(place)
        charger.point(station, power=1.5e308, price=1.5e308)
        with refused("BAD_REQUEST"):
            vehicle.book(place, capacity=1.5e308)
        charger.delete(station)


@pytest.mark.usefixtures("transport")
class TestAvailability:
    def test_reserved_while_somebody_has_booked(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        first, second = people.vehicle(), people.vehicle()
        first.book(place)
        second.book(place)
        assert charger.availability(station) == ["reservado"]
        charger.update(station, 1, availability="livre")
        assert charger.availability(station) == ["reservado"]
        first.cancel(1)
        assert charger.availability(station) == ["reservado"]
        second.cancel(2)
        assert charger.availability(station) == ["livre"]

    def test_occupied_is_the_charger_s_word(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        station = charger.with_point(place)
        charger.update(station, 1, availability="ocupado")
        vehicle.book(place)
        assert charger.availability(station) == ["ocupado"]
        vehicle.cancel(1)
        assert charger.availability(station) == ["ocupado"]
        charger.update(station, 1, availability="livre")
        assert charger.availability(station) == ["livre"]


@pytest.mark.usefixtures("transport")
class TestCancelling:
    def test_finding_and_cancelling(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        station = charger.with_point(place)
        with refused("NOT_FOUND"):
            vehicle.find()
        booked = vehicle.book(place)
        with refused("NOT_FOUND"):
            vehicle.cancel(2)
        assert vehicle.find() == booked
        assert vehicle.cancel(1) == "Sucesso"
        with refused("NOT_FOUND"):
            vehicle.find()
        with refused("NOT_FOUND"):
            vehicle.cancel(1)
        assert charger.reservations(station) == []
        assert vehicle.book(place)["reservationID"] == 2, "an ID is never given twice"

    def test_the_list_of_a_station(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.station(place)
        for _ in range(2):
            charger.point(station)
        booked = [people.vehicle().book(place) for _ in range(4)]
        listed = charger.reservations(station)
        assert listed == sorted(booked, key=lambda each: (each["chargingPointID"], each["startDateTime"]))
        assert [each["reservationID"] for each in listed] == [1, 2, 1, 2]

    def test_a_point_takes_its_reservations_along(
        self, people: People, charger: Charger, place: Place
    ) -> None:
        station = charger.station(place)
        for _ in range(2):
            charger.point(station)
        lucky, unlucky = people.vehicle(), people.vehicle()
        assert unlucky.book(place)["chargingPointID"] == 1
        booked = lucky.book(place)
        charger.delete_point(station, 1)
        with refused("NOT_FOUND"):
            unlucky.find()
        assert lucky.find() == booked
        assert unlucky.book(place)["chargingPointID"] == 2

    def test_a_station_takes_all_along(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        vehicles = [people.vehicle() for _ in range(2)]
        for vehicle in vehicles:
            vehicle.book(place)
        charger.delete(station)
        for vehicle in vehicles:
            with refused("NOT_FOUND"):
                vehicle.find()
        again = charger.with_point(place)
        assert vehicles[0].book(place)["chargingStationID"] == again
