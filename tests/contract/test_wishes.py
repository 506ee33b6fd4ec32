"""Wishes and quotes: which slot a vehicle gets, and what it is offered (contract, section 5)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.kit.people import Charger, People, Place, Record, Vehicle, moment
from tests.kit.refusals import refused

MARGIN = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
"""This machine's clock and the service's may differ by as much."""
OFFER = [
    "chargingStationID",
    "chargingPointID",
    "distance",
    "chargingPointPower",
    "kWhPrice",
    "startDateTime",
    "finishDateTime",
    "duration",
    "price",
    "wait",
]


def later(**time: float) -> datetime:
    return datetime.now(UTC) + timedelta(**time)


def about(moment: datetime, expected: datetime) -> bool:
    return abs(moment - expected) < timedelta(seconds=30)


def nearby(**wishes: Any) -> Record:
    """These wishes, at the stations of one test: others have theirs in the same network."""
    return {"maxDistance": 1000, **wishes}


def where(offers: list[Record]) -> list[tuple[int, int]]:
    return [(offer["chargingStationID"], offer["chargingPointID"]) for offer in offers]


def station_with(charger: Charger, place: Place, *points: Record) -> int:
    """A station with points of these kinds; 10 kW at 1 a kWh where nothing is said."""
    station = charger.station(place)
    usual = {"power": 10, "kWhPrice": 1, "availability": "livre"}
    for point in points:
        charger.ask("newChargingPoint", chargingStationID=station, **{**usual, **point})
    return station


@pytest.mark.usefixtures("mqtt_version")
class TestQuotes:
    def test_what_an_offer_says(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        station = charger.with_point(place, power=20, price=0.5)
        (offer,) = vehicle.quote(place.beside(3, 4), capacity=10, **nearby(speed=60))
        assert list(offer) == OFFER
        start = moment(offer, "startDateTime")
        assert about(start, later(minutes=5))
        assert moment(offer, "finishDateTime") == start + timedelta(minutes=30)
        assert {key: offer[key] for key in OFFER if key not in ("startDateTime", "finishDateTime")} == {
            "chargingStationID": station,
            "chargingPointID": 1,
            "distance": 5,
            "chargingPointPower": 20,
            "kWhPrice": 0.5,
            "duration": 0.5,
            "price": 5,
            "wait": pytest.approx(0, abs=1e-6),
        }

    def test_the_wait_is_from_arrival_or_from_now(
        self, people: People, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        charger.with_point(place)
        (soon,) = vehicle.quote(place.beside(30), **nearby())
        assert soon["wait"] == pytest.approx(5 / 60, abs=1e-6)
        people.vehicle().book(place, capacity=20)
        (offer,) = vehicle.quote(place.beside(30), **nearby(speed=60))
        assert offer["wait"] == pytest.approx((5 + 120 + 5 - 30) / 60, abs=0.01)

    def test_it_commits_nothing(
        self, people: People, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        station = charger.with_point(place)
        (offer,) = vehicle.quote(place, **nearby())
        with refused("NOT_FOUND"):
            vehicle.find()
        assert charger.reservations(station) == []
        assert charger.availability(station) == ["livre"]
        booked = people.vehicle().book(place)
        assert booked["reservationID"] == 1
        assert about(moment(booked, "startDateTime"), moment(offer, "startDateTime"))

    def test_a_vehicle_that_has_booked_may_ask(
        self, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        station = charger.with_point(place)
        booked = vehicle.book(place)
        (offer,) = vehicle.quote(place, **nearby())
        assert where([offer]) == [(station, 1)]
        assert moment(offer, "startDateTime") == moment(booked, "finishDateTime") + MARGIN
        assert vehicle.find() == booked

    def test_three_offers_or_as_many_as_are_asked_for(
        self, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        station_with(charger, place, *[{}] * 11)
        assert len(vehicle.quote(place, **nearby())) == 3
        assert [len(vehicle.quote(place, offers=count)) for count in (1, 2, 10)] == [1, 2, 10]
        for count in (0, 11, -1, "3", 1.5, True):
            with refused("BAD_REQUEST", naming="offers"):
                vehicle.quote(place, offers=count)

    @pytest.mark.parametrize("objective", ["nearest", "earliest", "soonest", "cheapest"])
    def test_the_best_offer_is_what_a_booking_gets(
        self, charger: Charger, vehicle: Vehicle, place: Place, objective: str
    ) -> None:
        station_with(charger, place.beside(1), {"power": 10, "kWhPrice": 3}, {"power": 20, "kWhPrice": 4})
        station_with(charger, place.beside(9), {"power": 80, "kWhPrice": 5}, {"power": 8, "kWhPrice": 1})
        best = vehicle.quote(place, **nearby(objective=objective))[0]
        booked = vehicle.book(place, **nearby(objective=objective))
        shared = [key for key in OFFER if key in booked and "DateTime" not in key]
        assert [booked[key] for key in shared] == [best[key] for key in shared]

    def test_descriptions_stand_in_an_offer(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        station = charger.ask(
            "newChargingStation", x_position=place.x, y_position=place.y, name="one", address="two"
        )
        usual = {"power": 10, "kWhPrice": 1, "availability": "livre"}
        charger.ask("newChargingPoint", chargingStationID=station, **usual, connector="CHADEMO")
        (offer,) = vehicle.quote(place, **nearby())
        assert {key: offer[key] for key in offer if key not in OFFER} == {
            "name": "one",
            "address": "two",
            "connector": "CHADEMO",
        }

    def test_only_for_oneself(self, people: People, charger: Charger, place: Place) -> None:
        charger.with_point(place)
        with refused("FORBIDDEN", "vid"):
            people.vehicle().quote(place, vid="somebody-else")
        assert len(Vehicle(people.mqtt("operator")).quote(place, vid="somebody", **nearby())) == 1


@pytest.mark.usefixtures("mqtt_version")
class TestObjectives:
    @pytest.fixture
    def stations(self, people: People, charger: Charger, place: Place) -> dict[str, int]:
        """Near, but taken for hours; farther, dear and fast; farthest, slow and cheap."""
        near = station_with(charger, place.beside(1), {"kWhPrice": 2})
        fast = station_with(charger, place.beside(20), {"power": 40, "kWhPrice": 3})
        cheap = station_with(charger, place.beside(30), {"power": 5, "kWhPrice": 0.5})
        people.vehicle().book(place, capacity=30, percentage=0)
        return {"near": near, "fast": fast, "cheap": cheap}

    @pytest.mark.parametrize(
        ("wishes", "expected"),
        [
            ({}, "near"),
            ({"objective": "nearest"}, "near"),
            ({"objective": "earliest"}, "fast"),
            ({"objective": "earliest", "speed": 60}, "fast"),
            ({"objective": "soonest"}, "fast"),
            ({"objective": "cheapest"}, "cheap"),
            ({"objective": "cheapest", "minPower": 6}, "near"),
        ],
    )
    def test_which_station(
        self, vehicle: Vehicle, place: Place, stations: dict[str, int], wishes: Record, expected: str
    ) -> None:
        booked = vehicle.book(place, capacity=10, **nearby(**wishes))
        assert booked["chargingStationID"] == stations[expected]

    def test_the_way_counts_for_the_soonest(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        near = station_with(charger, place.beside(1), {"power": 10})
        far = station_with(charger, place.beside(100), {"power": 40})
        assert vehicle.quote(place, **nearby(objective="soonest"))[0]["chargingStationID"] == far
        assert vehicle.quote(place, **nearby(objective="soonest", speed=50))[0]["chargingStationID"] == near

    def test_of_those_equally_good_the_nearer_then_the_lower_ids(
        self, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        left = station_with(charger, place.beside(-5), {}, {})
        right = station_with(charger, place.beside(5), {})
        near = station_with(charger, place.beside(0, 2), {})
        for objective in ("earliest", "soonest", "cheapest"):
            offers = vehicle.quote(place, **nearby(objective=objective, offers=4))
            assert where(offers) == [(near, 1), (left, 1), (left, 2), (right, 1)]

    def test_any_other_is_refused(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        charger.with_point(place)
        for objective in ("fastest", "", 1, None):
            with refused("BAD_REQUEST", naming="objective"):
                vehicle.book(place, objective=objective)


@pytest.mark.usefixtures("mqtt_version")
class TestWishes:
    def test_no_start_before_arrival(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        charger.with_point(place)
        booked = vehicle.book(place.beside(30, 40), speed=100)
        assert about(moment(booked, "startDateTime"), later(minutes=30))

    def test_no_start_before_a_moment(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        charger.with_point(place)
        wished = later(hours=3).replace(microsecond=0)
        elsewhere = timezone(timedelta(hours=-3))
        booked = vehicle.book(place, notBefore=wished.astimezone(elsewhere).isoformat())
        assert moment(booked, "startDateTime") == wished

    @pytest.mark.parametrize("value", ["2026-03-01T12:00:00", "tomorrow", 5, None, ""])
    def test_a_moment_needs_an_offset(
        self, charger: Charger, vehicle: Vehicle, place: Place, value: object
    ) -> None:
        charger.with_point(place)
        with refused("BAD_REQUEST", naming="notBefore"):
            vehicle.book(place, notBefore=value)

    def test_a_moment_in_the_past_is_no_wish(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        charger.with_point(place)
        booked = vehicle.book(place, notBefore=later(days=-1).isoformat())
        assert about(moment(booked, "startDateTime"), later(minutes=5))

    @pytest.mark.parametrize("key", ["range", "maxDistance"])
    def test_no_station_beyond(self, charger: Charger, vehicle: Vehicle, place: Place, key: str) -> None:
        station = charger.with_point(place)
        with refused("NOT_FOUND", naming=key):
            vehicle.quote(place.beside(3, 4), **{key: 4.9})
        (offer,) = vehicle.quote(place.beside(3, 4), **{key: 5})
        assert offer["chargingStationID"] == station

    @pytest.mark.parametrize(
        ("wishes", "expected"),
        [
            ({"minPower": 20}, 2),
            ({"minPower": 20.5}, 3),
            ({"maxPrice": 0.5}, 3),
            ({"connector": "CHADEMO"}, 2),
            ({"chargingPointID": 3, "minPower": 1}, 3),
        ],
    )
    def test_which_points_fit(
        self, charger: Charger, vehicle: Vehicle, place: Place, wishes: Record, expected: int
    ) -> None:
        station = station_with(
            charger,
            place,
            {"power": 10, "kWhPrice": 1},
            {"power": 20, "kWhPrice": 1, "connector": "CHADEMO"},
            {"power": 30, "kWhPrice": 0.5, "connector": "IEC_62196_T2"},
        )
        booked = vehicle.book(place, chargingStationID=station, **wishes)
        assert booked["chargingPointID"] == expected

    def test_there_and_nowhere_else(
        self, people: People, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        station_with(charger, place, {})
        far = station_with(charger, place.beside(50), {}, {})
        assert vehicle.book(place, chargingStationID=far)["chargingStationID"] == far
        busy = people.vehicle().book(place, chargingStationID=far, chargingPointID=1)
        assert (busy["chargingStationID"], busy["chargingPointID"]) == (far, 1)
        with refused("NOT_FOUND"):
            people.vehicle().book(place, chargingStationID=10**9)
        with refused("NOT_FOUND", naming="chargingPointID"):
            people.vehicle().book(place, chargingStationID=far, chargingPointID=3)

    def test_the_message_says_which_wish_ruled_out_how_many(
        self, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        station = station_with(
            charger, place, {"power": 10}, {"power": 11}, {"power": 50, "kWhPrice": 9, "connector": "CHADEMO"}
        )
        wishes: dict[str, Any] = {"chargingStationID": station, "minPower": 20}
        with refused("NOT_FOUND", naming="minPower: 2"):
            vehicle.book(place, **wishes, maxPrice=5)
        with refused("NOT_FOUND", naming="maxPrice: 1"):
            vehicle.quote(place, **wishes, maxPrice=5)
        with refused("NOT_FOUND", naming="connector: 3"):
            vehicle.book(place, **wishes, connector="IEC_62196_T2")

    @pytest.mark.parametrize(
        ("key", "values"),
        [
            ("speed", [0, -1, "50", True, None]),
            ("range", [-1, "50", False]),
            ("maxDistance", [-1, "50"]),
            ("minPower", [-1, "50"]),
            ("maxPrice", [-1, "1"]),
            ("chargingStationID", [0, "1", 1.5]),
            ("chargingPointID", [0, "1", 1.5]),
            ("flexible", [0, 1, "true"]),
            ("connector", ["none", 5]),
        ],
    )
    def test_values_of_the_wrong_kind(
        self, charger: Charger, vehicle: Vehicle, place: Place, key: str, values: list[object]
    ) -> None:
        charger.with_point(place)
        for value in values:
            asks: tuple[Callable[..., Any], ...] = (vehicle.book, vehicle.quote)
            for ask in asks:
                with refused("BAD_REQUEST", naming=key):
                    ask(place, **{key: value})

    def test_one_that_has_booked_is_answered_with_that_one(
        self, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        charger.with_point(place)
        booked = vehicle.book(place)
        assert vehicle.book(place, minPower=1000, flexible=True) == booked

    def test_legacy_clients_wishes_are_unknown_keys(self, people: People, place: Place) -> None:
        legacy = people.over_tcp()
        station = legacy.charger().with_point(place)
        booked = legacy.vehicle().book(place, minPower=1000, objective="none")
        assert booked["chargingStationID"] == station


@pytest.mark.usefixtures("mqtt_version")
class TestTariffs:
    ALWAYS = ({"start_time": "00:00", "end_time": "00:00", "kWhPrice": 0.25},)

    def test_a_booking_costs_what_the_first_element_that_fits_says(
        self, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        station_with(charger, place, {"tariff": [{"start_time": "00:00", "kWhPrice": 0.25}, {"kWhPrice": 9}]})
        booked = vehicle.book(place, capacity=10)
        assert (booked["price"], booked["kWhPrice"]) == (2.5, 0.25)

    def test_where_none_fits_the_price_of_the_point(
        self, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        """Of the weekdays around now, in any time zone, none counts."""
        around = {(datetime.now(UTC) + timedelta(days=days)).weekday() for days in (-1, 0, 1)}
        names = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
        others = [name for number, name in enumerate(names) if number not in around]
        station_with(charger, place, {"tariff": [{"day_of_week": others, "kWhPrice": 9}]})
        assert vehicle.book(place, capacity=10)["price"] == 10

    def test_the_price_is_the_sum_over_its_time(
        self, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        """Two days have as many hours before noon as after it, but for a change of clocks."""
        tariff = [{"start_time": "00:00", "end_time": "12:00", "kWhPrice": 3}]
        station_with(charger, place, {"power": 10, "kWhPrice": 1, "tariff": tariff})
        booked = vehicle.book(place, capacity=480)
        assert booked["price"] == pytest.approx(480 * 2, rel=0.03)
        assert booked["kWhPrice"] == pytest.approx(booked["price"] / 480)

    def test_it_is_fixed_when_it_is_booked(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        station = station_with(charger, place, {"tariff": [*self.ALWAYS]})
        booked = vehicle.book(place, capacity=10)
        values = {"chargingStationID": station, "chargingPointID": 1, "power": 10, "kWhPrice": 1}
        charger.ask("updateChargingPoint", **values, availability="livre", tariff=None)
        assert vehicle.find() == booked

    def test_left_out_it_stays_and_null_removes_it(
        self, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        station = station_with(charger, place, {"tariff": [*self.ALWAYS]})
        charger.update(station, 1)
        assert vehicle.quote(place, capacity=10)[0]["price"] == 2.5
        values = {"chargingStationID": station, "chargingPointID": 1, "power": 10, "kWhPrice": 1}
        charger.ask("updateChargingPoint", **values, availability="livre", tariff=None)
        assert vehicle.quote(place, capacity=10)[0]["price"] == 10

    def test_the_most_that_a_kwh_may_cost(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        station_with(charger, place, {"kWhPrice": 5, "tariff": [*self.ALWAYS]})
        assert vehicle.book(place, maxPrice=0.25)["kWhPrice"] == 0.25

    @pytest.mark.parametrize(
        "tariff",
        [
            5,
            "22:00",
            {},
            [5],
            [{}],
            [{"kWhPrice": -1}],
            [{"kWhPrice": "1"}],
            [{"kWhPrice": 1, "start_time": "24:00"}],
            [{"kWhPrice": 1, "start_time": "7:00"}],
            [{"kWhPrice": 1, "end_time": "12:60"}],
            [{"kWhPrice": 1, "end_time": 12}],
            [{"kWhPrice": 1, "day_of_week": "MONDAY"}],
            [{"kWhPrice": 1, "day_of_week": ["monday"]}],
            [{"kWhPrice": 1, "day_of_week": ["MON"]}],
        ],
    )
    def test_what_is_no_tariff(self, charger: Charger, place: Place, tariff: object) -> None:
        station = charger.station(place)
        usual = {"power": 10, "kWhPrice": 1, "availability": "livre"}
        with refused("BAD_REQUEST", naming="tariff"):
            charger.ask("newChargingPoint", chargingStationID=station, **usual, tariff=tariff)
        assert charger.points(station) == []
