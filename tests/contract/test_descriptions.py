"""Names and addresses of stations and connectors of points, which only clients on MQTT know."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cloud_service.protocol.connectors import CONNECTORS
from tests.kit.mqtt import MqttClient, result_of
from tests.kit.people import Charger, People, Place, Vehicle
from tests.kit.refusals import refused
from tests.kit.tcp import TcpClient

Record = dict[str, Any]
POINT = {"power": 10, "kWhPrice": 1, "availability": "livre"}


def location(place: Place) -> Record:
    return {"x_position": place.x, "y_position": place.y}


@pytest.mark.usefixtures("mqtt_version")
class Described:
    """A charger, and the retained state of what it has."""

    @pytest.fixture
    def state(self, people: People) -> Callable[..., Record]:
        reader = people.mqtt("monitor", subscriptions=["recharge/v1/state/#"])

        def until(kind: str, *ids: int, **values: object) -> Record:
            """The first state of it that has these values; a key with None has to be missing."""
            topic = "/".join(map(str, ("recharge/v1/state", kind, *ids)))

            def fits(found: Record) -> bool:
                return all(found.get(key) == value for key, value in values.items())

            message = reader.expect(
                lambda message: (
                    message.topic == topic and bool(message.payload) and fits(json.loads(message.payload))
                ),
                f"{values} on {topic}",
            )
            found: Record = json.loads(message.payload)
            assert all((key in found) == (value is not None) for key, value in values.items())
            return found

        return until


class TestStations(Described):
    def test_a_new_one_has_them_in_its_state(
        self, charger: Charger, place: Place, state: Callable[..., Record]
    ) -> None:
        described = {"name": "Praça da Sé", "address": "São Paulo, Brasil"}
        station = charger.ask("newChargingStation", **location(place), **described)
        state("station", station, chargingPoints=0, **described)

    def test_without_them_the_state_has_no_such_keys(
        self, charger: Charger, place: Place, state: Callable[..., Record]
    ) -> None:
        state("station", charger.station(place), chargingPoints=0, name=None, address=None)

    def test_what_an_update_leaves_out_stays_and_null_removes_it(
        self, charger: Charger, place: Place, state: Callable[..., Record]
    ) -> None:
        station = charger.ask("newChargingStation", **location(place), name="one", address="two")
        beside = place.beside(1)
        charger.move(station, beside)
        state("station", station, x_position=beside.x, name="one", address="two")
        for change, name, address in (
            ({"name": "three"}, "three", "two"),
            ({"address": "four"}, "three", "four"),
            ({"name": None}, None, "four"),
            ({"name": "five", "address": None}, "five", None),
        ):
            result = charger.ask(
                "updateChargingStation", chargingStationID=station, **location(beside), **change
            )
            assert result == "Sucesso"
            state("station", station, name=name, address=address)

    def test_registering_a_location_again_describes_its_station(
        self, charger: Charger, place: Place, state: Callable[..., Record]
    ) -> None:
        station = charger.ask("newChargingStation", **location(place), name="one", address="two")
        assert charger.ask("newChargingStation", **location(place), name="three") == station
        state("station", station, name="three", address="two")
        assert charger.station(place) == station
        assert charger.ask("newChargingStation", **location(place), address=None) == station
        state("station", station, name="three", address=None)

    def test_only_the_owner_and_an_operator_describe_it(
        self, people: People, charger: Charger, place: Place, state: Callable[..., Record]
    ) -> None:
        station = charger.ask("newChargingStation", **location(place), name="mine")
        other = people.other_charger()
        with refused("CONFLICT"):
            other.ask("newChargingStation", **location(place), name="yours")
        with refused("FORBIDDEN"):
            other.ask("updateChargingStation", chargingStationID=station, **location(place), name="yours")
        state("station", station, name="mine")
        operator = people.mqtt("operator")
        operator.ask("updateChargingStation", chargingStationID=station, **location(place), name="ours")
        state("station", station, name="ours")

    @pytest.mark.parametrize(("key", "most"), [("name", 128), ("address", 256)])
    def test_their_length_in_characters(
        self, charger: Charger, place: Place, state: Callable[..., Record], key: str, most: int
    ) -> None:
        for text in ("é" * most, "😀" * most, ""):
            station = charger.ask("newChargingStation", **location(place), **{key: text})
            state("station", station, **{key: text})
        for action, values in (
            ("newChargingStation", location(place)),
            ("updateChargingStation", {"chargingStationID": station, **location(place)}),
        ):
            with refused("BAD_REQUEST", naming=key):
                charger.ask(action, **values, **{key: "x" * (most + 1)})

    @pytest.mark.parametrize("key", ["name", "address"])
    @pytest.mark.parametrize("value", [5, True, ["a"], {"a": "b"}])
    def test_what_is_no_text(self, charger: Charger, place: Place, key: str, value: object) -> None:
        with refused("BAD_REQUEST", naming=key):
            charger.ask("newChargingStation", **location(place), **{key: value})


class TestPoints(Described):
    def test_a_connector_is_in_the_state_and_in_both_lists(
        self, people: People, charger: Charger, place: Place, state: Callable[..., Record]
    ) -> None:
        station = charger.station(place)
        charger.ask("newChargingPoint", chargingStationID=station, **POINT, connector="IEC_62196_T2")
        state("point", station, 1, connector="IEC_62196_T2")
        (point,) = charger.points(station)
        assert list(point.items())[5:] == [("connector", "IEC_62196_T2")]
        people.vehicle().book(place)
        (reservation,) = charger.reservations(station)
        assert list(reservation.items())[10:] == [("state", "reserved"), ("connector", "IEC_62196_T2")]

    def test_without_one_there_is_no_such_key(
        self, people: People, charger: Charger, place: Place, state: Callable[..., Record]
    ) -> None:
        station = charger.with_point(place)
        state("point", station, 1, connector=None)
        people.vehicle().book(place)
        assert len(charger.points(station)[0]) == 5
        assert list(charger.reservations(station)[0])[10:] == ["state"]

    def test_what_an_update_leaves_out_stays_and_null_removes_it(
        self, people: People, charger: Charger, place: Place, state: Callable[..., Record]
    ) -> None:
        station = charger.with_point(place)
        values = {"chargingStationID": station, "chargingPointID": 1, **POINT}
        for change, connector in (
            ({"connector": "CHADEMO"}, "CHADEMO"),
            ({}, "CHADEMO"),
            ({"connector": "IEC_62196_T2_COMBO"}, "IEC_62196_T2_COMBO"),
            ({"connector": None}, None),
        ):
            assert charger.ask("updateChargingPoint", **values, **change) == "Sucesso"
            assert charger.points(station)[0].get("connector") == connector
            state("point", station, 1, connector=connector)

    def test_a_booking_keeps_it(
        self, people: People, charger: Charger, place: Place, state: Callable[..., Record]
    ) -> None:
        station = charger.station(place)
        charger.ask("newChargingPoint", chargingStationID=station, **POINT, connector="CHADEMO")
        vehicle = people.vehicle()
        vehicle.cancel(vehicle.book(place)["reservationID"])
        assert charger.points(station)[0]["connector"] == "CHADEMO"

    def test_every_connector_of_ocpi(self, charger: Charger, place: Place) -> None:
        station = charger.station(place)
        for connector in CONNECTORS:
            charger.ask("newChargingPoint", chargingStationID=station, **POINT, connector=connector)
        assert [point["connector"] for point in charger.points(station)] == list(CONNECTORS)

    @pytest.mark.parametrize("value", ["", "iec_62196_t2", "TYPE_2", "CHADEMO ", 2, True, ["CHADEMO"]])
    def test_any_other_is_refused(self, charger: Charger, place: Place, value: object) -> None:
        station = charger.station(place)
        with refused("BAD_REQUEST", naming="connector"):
            charger.ask("newChargingPoint", chargingStationID=station, **POINT, connector=value)
        assert charger.points(station) == []


class TestRequests(Described):
    def test_the_same_id_with_another_description_is_another_request(
        self, people: People, place: Place
    ) -> None:
        client = people.mqtt("charger")
        station = _again(client, "newChargingStation", {**location(place), "name": "one"}, "station")
        assert _again(client, "newChargingStation", {**location(place), "name": "one"}, "station") == station
        for other in ({"name": "two"}, {"name": None}, {}, {"name": "one", "address": "three"}):
            with refused("ID_REUSED"):
                _again(client, "newChargingStation", {**location(place), **other}, "station")
        point = {"chargingStationID": station, **POINT}
        assert _again(client, "newChargingPoint", {**point, "connector": "CHADEMO"}, "point") == 1
        for other in ({"connector": "CHAOJI"}, {"connector": None}, {}):
            with refused("ID_REUSED"):
                _again(client, "newChargingPoint", {**point, **other}, "point")


class TestOverTCP(Described):
    """Keys that TCP clients send are unknown keys, and what others wrote does not reach them."""

    def test_keys_from_there_are_ignored(
        self, people: People, place: Place, state: Callable[..., Record]
    ) -> None:
        legacy = people.over_tcp().charger()
        station = legacy.ask("newChargingStation", **location(place), name=5, address="a")
        legacy.ask("newChargingPoint", chargingStationID=station, **POINT, connector="none of OCPI's")
        state("station", station, chargingPoints=1, name=None, address=None)
        state("point", station, 1, connector=None)

    def test_its_replies_are_the_same_to_the_byte(self, people: People, place: Place) -> None:
        legacy = people.over_tcp()
        charger, vehicle = legacy.charger(), legacy.vehicle()
        station = charger.with_point(place)
        vehicle.book(place)
        before = _texts(charger, vehicle, station)
        operator = people.mqtt("operator")
        values = {"chargingStationID": station, **location(place)}
        operator.ask("updateChargingStation", **values, name="one", address="two")
        values = {"chargingStationID": station, "chargingPointID": 1, **POINT}
        operator.ask("updateChargingPoint", **values, connector="CHADEMO")
        assert _texts(charger, vehicle, station) == before

    def test_an_update_from_there_leaves_descriptions_as_they_are(
        self, people: People, place: Place, state: Callable[..., Record]
    ) -> None:
        legacy = people.over_tcp().charger()
        station = legacy.with_point(place)
        operator = people.mqtt("operator")
        values = {"chargingStationID": station, **location(place)}
        operator.ask("updateChargingStation", **values, name="one", address="two")
        values = {"chargingStationID": station, "chargingPointID": 1, **POINT}
        operator.ask("updateChargingPoint", **values, connector="CHADEMO")
        legacy.move(station, place.beside(1))
        legacy.update(station, 1, power=20)
        state("station", station, x_position=place.x + 1, name="one", address="two")
        state("point", station, 1, power=20, connector="CHADEMO")


def _again(client: MqttClient, action: str, values: Record, identity: str) -> Any:
    client.send(action, {**values, "requestID": identity})
    return result_of(client.reply(identity))


def _texts(charger: Charger, vehicle: Vehicle, station: int) -> list[str]:
    """What the gateway answers to all that tell of a station, unchanged."""
    assert isinstance(charger.client, TcpClient)
    assert isinstance(vehicle.client, TcpClient)
    return [
        charger.client.text({"receiveAllChargingPoints": True, "chargingStationID": station}),
        charger.client.text({"receiveAllReservations": True, "chargingStationID": station}),
        vehicle.client.text({"findReservation": True, "vid": vehicle.name}),
    ]
