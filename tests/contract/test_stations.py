"""Stations and points: registering, changing, listing, deleting, and whose they are."""

import pytest

from tests.kit.people import Charger, People, Place, Vehicle, new_place
from tests.kit.refusals import refused

ABSENT = 10**9
"""An ID that no station has."""


@pytest.mark.usefixtures("transport")
class TestStations:
    def test_ids_grow(self, charger: Charger) -> None:
        first, second = charger.station(new_place()), charger.station(new_place())
        assert 0 < first < second

    def test_registering_a_location_again_gives_the_same_station(
        self, charger: Charger, place: Place
    ) -> None:
        station = charger.station(place)
        assert charger.station(place) == station
        assert charger.station(Place(float(place.x), float(place.y))) == station
        assert charger.station(place.beside(0, 0.5)) > station

    def test_a_location_of_another_owner_is_a_conflict(
        self, people: People, charger: Charger, place: Place
    ) -> None:
        other = people.other_charger()
        other.station(place)
        with refused("CONFLICT"):
            charger.station(place)
        mine = place.beside(1)
        station = charger.station(mine)
        with refused("CONFLICT"):
            other.station(mine)
        with refused("CONFLICT"):
            charger.move(station, place)

    def test_moving(self, charger: Charger, place: Place) -> None:
        station = charger.station(place)
        beside = charger.station(place.beside(1))
        with refused("CONFLICT"):
            charger.move(station, place.beside(1))
        charger.move(station, place)
        charger.move(station, place.beside(2))
        assert charger.station(place.beside(2)) == station
        assert charger.station(place) > beside

    def test_deleting(self, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        charger.delete(station)
        with refused("NOT_FOUND"):
            charger.delete(station)
        assert charger.station(place) > station, "an ID is never given twice"

    def test_a_whole_number_is_an_id_however_it_is_written(self, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        assert charger.ask("receiveAllChargingPoints", chargingStationID=float(station)) == charger.points(
            station
        )

    def test_what_does_not_exist(self, charger: Charger, place: Place) -> None:
        for action in ("deleteChargingStation", "updateChargingStation", "newChargingPoint"):
            values = {"x_position": place.x, "y_position": place.y, "power": 1, "kWhPrice": 1}
            with refused("NOT_FOUND", str(ABSENT)):
                charger.ask(action, chargingStationID=ABSENT, availability="livre", **values)
        station = charger.station(place)
        with refused("NOT_FOUND"):
            charger.update(station, 1)
        with refused("NOT_FOUND"):
            charger.delete_point(station, 1)
        with refused("NOT_FOUND"):
            charger.update(ABSENT, 1)
        with refused("NOT_FOUND"):
            charger.delete_point(ABSENT, 1)

    def test_another_owner_s_station_is_left_alone(
        self, people: People, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        other = people.other_charger()
        station = other.with_point(place)
        booked = vehicle.book(place)
        for attempt in (
            lambda: charger.move(station, place.beside(1)),
            lambda: charger.delete(station),
            lambda: charger.point(station),
            lambda: charger.update(station, 1),
            lambda: charger.delete_point(station, 1),
        ):
            with refused("FORBIDDEN"):
                attempt()
        assert other.reservations(station)[0]["reservationID"] == booked["reservationID"]
        assert other.station(place) == station

    def test_a_legacy_owner_s_station_is_left_alone_too(self, people: People, charger: Charger) -> None:
        """The other way round: an account on MQTT and what the tested transport's charger owns."""
        station = charger.with_point(new_place())
        other = people.other_charger()
        for attempt in (
            lambda: other.delete(station),
            lambda: other.points(station),
            lambda: other.reservations(station),
        ):
            with refused("FORBIDDEN"):
                attempt()
        assert len(charger.points(station)) == 1


@pytest.mark.usefixtures("transport")
class TestPoints:
    def test_ids_are_counted_in_their_station(self, charger: Charger, place: Place) -> None:
        one, other = charger.station(place), charger.station(place.beside(1))
        assert [charger.point(one), charger.point(one), charger.point(other)] == [1, 2, 1]
        charger.delete_point(one, 2)
        assert charger.point(one) == 3, "an ID is never given twice"
        assert [point["chargingPointID"] for point in charger.points(one)] == [1, 3]

    def test_what_a_point_says(self, charger: Charger, place: Place) -> None:
        station = charger.station(place)
        assert charger.points(station) == []
        charger.point(station, power=30, price=0, availability="ocupado")
        charger.point(station, power=30.0, price=0.75)
        charger.point(station, power=7.2, price=1, availability="reservado")
        rows = [list(point.items()) for point in charger.points(station)]
        assert repr(rows) == repr(
            [
                [
                    ("chargingPointID", number),
                    ("chargingStationID", station),
                    ("power", power),
                    ("kWhPrice", price),
                    ("availability", availability),
                ]
                for number, power, price, availability in (
                    (1, 30, 0, "ocupado"),
                    (2, 30.0, 0.75, "livre"),
                    (3, 7.2, 1, "reservado"),
                )
            ]
        ), "keys in this order, and an integer stays an integer"

    def test_changing(self, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        charger.update(station, 1, power=22, price=3.5, availability="ocupado")
        point = charger.points(station)[0]
        assert (point["power"], point["kWhPrice"], point["availability"]) == (22, 3.5, "ocupado")
        charger.update(station, 1)
        assert charger.availability(station) == ["livre"]

    def test_deleting(self, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        charger.delete_point(station, 1)
        assert charger.points(station) == []
        with refused("NOT_FOUND"):
            charger.delete_point(station, 1)


class TestOwnership:
    """What TCP cannot say: it has `None` for an error and for an empty list."""

    @pytest.mark.usefixtures("mqtt_version")
    def test_lists_of_what_is_not_ones_own_or_not_there(
        self, people: People, charger: Charger, place: Place
    ) -> None:
        station = people.other_charger().station(place)
        for number, code in ((station, "FORBIDDEN"), (ABSENT, "NOT_FOUND")):
            with refused(code):
                charger.points(number)
            with refused(code):
                charger.reservations(number)

    def test_all_legacy_clients_are_one_owner(self, people: People, place: Place) -> None:
        one, other = (people.over_tcp().charger() for _ in range(2))
        station = one.station(place)
        assert other.station(place) == station
        assert other.point(station) == 1
        other.delete(station)
        with refused("NOT_FOUND"):
            one.delete(station)
