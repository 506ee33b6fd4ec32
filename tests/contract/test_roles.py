"""Who may: what an account's name makes of it, and the two worlds of vehicles."""

from secrets import randbelow, token_hex

import pytest

from tests.kit.mqtt import MqttClient
from tests.kit.people import Charger, People, Place, Vehicle
from tests.kit.refusals import refused
from tests.kit.target import Target


@pytest.mark.usefixtures("mqtt_version")
class TestVehiclesOfAccounts:
    def test_an_account_is_the_vehicle_of_its_name(
        self, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        charger.with_point(place)
        booked = vehicle.book(place, vid=vehicle.name)
        assert vehicle.find() == vehicle.find(vid=vehicle.name) == booked
        for name in ("somebody-else", vehicle.name.upper(), vehicle.name + " "):
            with refused("FORBIDDEN", "vid"):
                vehicle.find(vid=name)
            with refused("FORBIDDEN", "vid"):
                vehicle.book(place, vid=name)
            with refused("FORBIDDEN", "vehicleID"):
                vehicle.cancel(1, vehicleID=name)
        assert vehicle.cancel(1, vehicleID=vehicle.name) == "Sucesso"

    def test_a_number_is_its_text(self, people: People, charger: Charger, place: Place) -> None:
        charger.with_point(place)
        name = str(randbelow(10**15) + 10**15)
        vehicle = Vehicle(people.mqtt("vehicle", name))
        booked = vehicle.book(place, vid=int(name))
        assert repr(booked["vehicleID"]) == name, "as the booking wrote it"
        assert vehicle.find(vid=name) == vehicle.find() == booked
        with refused("FORBIDDEN"):
            vehicle.find(vid="0" + name)


class TestLegacyVehicles:
    def test_the_same_name_on_tcp_and_mqtt_is_two_vehicles(
        self, people: People, target: Target, place: Place
    ) -> None:
        charger = people.charger()
        station = charger.with_point(place)
        account = people.vehicle()
        legacy = people.over_tcp().vehicle()
        legacy.client.name = legacy.name = account.name
        first, second = account.book(place), legacy.book(place)
        assert [first["reservationID"], second["reservationID"]] == [1, 2]
        with refused("NOT_FOUND"):
            legacy.cancel(1)
        assert account.find() == first
        assert legacy.cancel(2) == "Sucesso"
        assert charger.reservations(station) == [first]

    def test_names_of_legacy_vehicles(self, people: People, target: Target, place: Place) -> None:
        people.charger().with_point(place)
        legacy = people.over_tcp().vehicle()
        number = randbelow(10**15) + 10**15
        booked = legacy.book(place, vid=number)
        assert booked["vehicleID"] == number
        assert legacy.find(vid=str(number)) == legacy.find(vid=float(number)) == booked
        with refused("NOT_FOUND"):
            legacy.find(vid=f"0{number}")
        odd = f"Zé +/# {number} \U0001f697".ljust(128, "x")
        assert legacy.book(place, vid=odd)["vehicleID"] == odd
        assert legacy.cancel(2, vehicleID=odd) == "Sucesso"

    def test_an_account_of_the_gateway_speaks_for_them(
        self, people: People, target: Target, place: Place
    ) -> None:
        legacy_people = people.over_tcp()
        station = legacy_people.charger().station(place)
        gateway = people.mqtt("gateway")
        assert Charger(gateway).station(place) == station
        assert Charger(gateway).point(station) == 1
        booked = legacy_people.vehicle().book(place)
        assert gateway.ask("findReservation", vid=booked["vehicleID"]) == booked
        with refused("BAD_REQUEST", "vid"):
            gateway.ask("findReservation")
        with refused("NOT_FOUND"):
            people.mqtt("operator").ask("findReservation", vid=booked["vehicleID"])


@pytest.mark.usefixtures("mqtt_version")
class TestOperators:
    @pytest.fixture
    def operator(self, people: People) -> MqttClient:
        return people.mqtt("operator")

    def test_may_do_all_with_anybody_s_station(
        self, people: People, operator: MqttClient, charger: Charger, place: Place
    ) -> None:
        for owner in (charger, people.over_tcp().charger()):
            station = owner.station(place)
            acting = Charger(operator)
            assert acting.point(station) == 1
            acting.update(station, 1, availability="ocupado")
            assert acting.availability(station) == ["ocupado"]
            assert acting.reservations(station) == []
            acting.move(station, place.beside(1))
            assert owner.station(place.beside(1)) == station, "it is its owner's still"
            acting.delete_point(station, 1)
            acting.delete(station)
            with refused("NOT_FOUND"):
                owner.delete(station)

    def test_a_location_of_another_owner_is_a_conflict_for_them_too(
        self, operator: MqttClient, charger: Charger, place: Place
    ) -> None:
        charger.station(place)
        with refused("CONFLICT"):
            Charger(operator).station(place)

    def test_their_vid_names_a_vehicle_s_account(
        self, operator: MqttClient, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        charger.with_point(place)
        booked = Vehicle(operator).book(place, vid=vehicle.name)
        assert vehicle.find() == booked == Vehicle(operator).find(vid=vehicle.name)
        assert Vehicle(operator).cancel(1, vehicleID=vehicle.name) == "Sucesso"
        with refused("NOT_FOUND"):
            vehicle.find()
        for attempt in (lambda: Vehicle(operator).book(place), lambda: Vehicle(operator).find()):
            with refused("BAD_REQUEST", "vid"):
                attempt()

    def test_a_vehicle_that_can_be_no_account_does_no_harm(
        self, operator: MqttClient, charger: Charger, place: Place
    ) -> None:
        charger.with_point(place)
        for name in (
            f"a/b {token_hex(4)}",
            f"+/# {token_hex(4)}",
            f"é{token_hex(4)}",
            "x" * 120 + token_hex(4),
        ):
            booked = Vehicle(operator).book(place, vid=name)
            assert booked["vehicleID"] == name
            assert Vehicle(operator).cancel(booked["reservationID"], vehicleID=name) == "Sucesso"
        assert charger.points(booked["chargingStationID"]) != []


@pytest.mark.usefixtures("mqtt_version")
class TestMonitors:
    def test_may_read(self, people: People, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        station = charger.with_point(place)
        booked = vehicle.book(place)
        monitor = people.mqtt("monitor")
        reading = Charger(monitor)
        assert reading.points(station) == charger.points(station)
        assert reading.reservations(station) == [booked]
        assert Vehicle(monitor).find(vid=vehicle.name) == booked


@pytest.mark.usefixtures("mqtt_version")
class TestNamesOnAnOpenBroker:
    """Where the broker lets everybody ask for everything, the service looks at the name all the same."""

    @pytest.mark.parametrize("prefix", ["monitor", "cloud_service"])
    def test_who_changes_nothing(
        self, people: People, charger: Charger, vehicle: Vehicle, place: Place, prefix: str
    ) -> None:
        station = charger.with_point(place)
        name = "cloud_service" if prefix == "cloud_service" else f"monitor-{token_hex(4)}"
        client = people.mqtt("monitor", name)
        meddling = Charger(client)
        for attempt in (
            lambda: meddling.station(place.beside(1)),
            lambda: meddling.move(station, place.beside(1)),
            lambda: meddling.delete(station),
            lambda: meddling.point(station),
            lambda: meddling.update(station, 1),
            lambda: meddling.delete_point(station, 1),
            lambda: Vehicle(client).book(place, vid=name),
            lambda: Vehicle(client).cancel(1, vehicleID=vehicle.name),
        ):
            with refused("FORBIDDEN"):
                attempt()

    def test_names_that_only_look_like_those(self, people: People, place: Place) -> None:
        owner = people.charger()
        station = owner.with_point(place)
        for name in (f"operators-{token_hex(4)}", f"Operator-{token_hex(4)}", f"gateway_{token_hex(4)}"):
            client = people.mqtt("charger", name)
            with refused("FORBIDDEN"):
                Charger(client).delete(station)
            assert Vehicle(client).book(place)["vehicleID"] == name
