"""What a request's values may be, over each transport: good ones are taken, others refused by name."""

import json
from typing import Any

import pytest

from tests.kit.mqtt import MqttClient, result_of
from tests.kit.people import Charger, People, Place, Transport
from tests.kit.refusals import refused
from tests.kit.tcp import TcpClient

NO_NUMBER = ['"1"', "true", "null", "[1]", "{}"]
NO_JSON = ["NaN", "Infinity", "-Infinity", "1e999", "01", "+1", '"\\ud800"']
BAD = {
    "x_position": NO_NUMBER,
    "y_position": NO_NUMBER,
    "power": [*NO_NUMBER, "0", "-1", "-0.0"],
    "kWhPrice": [*NO_NUMBER, "-0.01"],
    "availability": ["1", "null", '"Livre"', '""'],
    "chargingStationID": [*NO_NUMBER, "1.5", "0", "-1"],
    "chargingPointID": [*NO_NUMBER, "0.5"],
    "x": NO_NUMBER,
    "y": NO_NUMBER,
    "actualBatteryPercentage": [*NO_NUMBER, "100", "100.0", "-0.1"],
    "batteryCapacity": [*NO_NUMBER, "0", "-1"],
    "vid": ["true", "1.5", '""', '"a\\nb"', "[]", json.dumps("x" * 129)],
    "vehicleID": ["null", "{}", '"\\u0000"'],
    "reservationID": [*NO_NUMBER, "1.5"],
}
ACTIONS = {
    "newChargingStation": ("x_position", "y_position"),
    "updateChargingStation": ("chargingStationID", "x_position", "y_position"),
    "deleteChargingStation": ("chargingStationID",),
    "newChargingPoint": ("chargingStationID", "power", "kWhPrice", "availability"),
    "updateChargingPoint": ("chargingPointID", "chargingStationID", "power", "kWhPrice", "availability"),
    "deleteChargingPoint": ("chargingPointID", "chargingStationID"),
    "receiveAllChargingPoints": ("chargingStationID",),
    "receiveAllReservations": ("chargingStationID",),
    "scheduleReservation": ("x", "y", "actualBatteryPercentage", "batteryCapacity", "vid"),
    "findReservation": ("vid",),
    "deleteReservation": ("reservationID", "vehicleID"),
}
OF_VEHICLES = ("scheduleReservation", "findReservation", "deleteReservation")
GOOD = {
    "availability": '"livre"',
    "actualBatteryPercentage": "50",
    "vid": '"{name}"',
    "vehicleID": '"{name}"',
}


def body(action: str, name: str, **texts: str | None) -> dict[str, str]:
    """Keys and the texts of their values; None leaves a key out."""
    values: dict[str, str | None] = {key: GOOD.get(key, "1").format(name=name) for key in ACTIONS[action]}
    return {key: text for key, text in {**values, **texts}.items() if text is not None}


def ask(client: MqttClient | TcpClient, action: str, values: dict[str, str]) -> Any:
    """Sends the values as they stand, which no JSON encoder would write."""
    text = ", ".join(f'"{key}": {value}' for key, value in values.items())
    if isinstance(client, TcpClient):
        return client.text(f'{{"{action}": true, {text}}}'.encode())
    client.send(action, f"{{{text}}}".encode())
    return result_of(client.reply(None))


@pytest.mark.usefixtures("transport")
class TestValues:
    @pytest.fixture
    def client(self, people: People, action: str) -> MqttClient | TcpClient:
        role = people.vehicle if action in OF_VEHICLES else people.charger
        return role().client

    @pytest.mark.parametrize("action", ACTIONS)
    def test_values_of_the_wrong_kind(self, client: MqttClient | TcpClient, action: str) -> None:
        for key in ACTIONS[action]:
            for text in BAD[key]:
                self.assert_bad(client, action, body(action, client.name, **{key: text}), key)

    @pytest.mark.parametrize("action", ACTIONS)
    def test_what_is_no_json(self, client: MqttClient | TcpClient, action: str) -> None:
        key = ACTIONS[action][0]
        for text in NO_JSON:
            self.assert_bad(client, action, body(action, client.name, **{key: text}), "")

    @pytest.mark.parametrize("action", ACTIONS)
    def test_missing_keys(self, client: MqttClient | TcpClient, action: str, transport: Transport) -> None:
        for key in ACTIONS[action]:
            if key in ("vid", "vehicleID") and transport != "tcp":
                continue
            self.assert_bad(client, action, body(action, client.name, **{key: None}), key)

    @pytest.mark.parametrize("action", ACTIONS)
    def test_a_key_that_stands_twice(self, client: MqttClient | TcpClient, action: str) -> None:
        key = ACTIONS[action][0]
        for again in (f'1, "{key}": 1', '1, "more": {"a": 1, "a": 1}', '1, "more": [{"b": 1, "\\u0062": 1}]'):
            self.assert_bad(client, action, body(action, client.name, **{key: again}), "twice")

    def assert_bad(
        self, client: MqttClient | TcpClient, action: str, values: dict[str, str], naming: str
    ) -> None:
        if isinstance(client, TcpClient):
            assert ask(client, action, values) == "None", values
        else:
            with refused("BAD_REQUEST", naming):
                ask(client, action, values)


@pytest.mark.usefixtures("transport")
class TestGoodValues:
    def test_numbers_as_they_may_be_written(self, charger: Charger, place: Place) -> None:
        values = {"x_position": f"{place.x}.00", "y_position": f"{place.y}e0", "more": "[1e300, {}]"}
        station = ask(charger.client, "newChargingStation", values)
        assert int(station) == charger.station(place)
        assert int(ask(charger.client, "newChargingStation", values)) == int(station)

    def test_unknown_keys_are_ignored(self, charger: Charger, place: Place) -> None:
        more = {"x": "no number", "chargingStationID": None, "unknown": {"a": [1]}}
        station = charger.ask("newChargingStation", x_position=place.x, y_position=place.y, **more)
        assert station == charger.station(place)

    def test_the_locations_zero_and_minus_zero_are_one(self, charger: Charger, place: Place) -> None:
        station = charger.station(Place(place.x, 0))
        assert charger.station(Place(place.x, -0.0)) == station
        charger.delete(station)
