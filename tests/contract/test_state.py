"""Retained state: what everybody may know of stations and points, true soon after each change."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.kit.mqtt import MqttClient, properties_of
from tests.kit.people import Charger, People, Place

Record = dict[str, Any]


def station_topic(station: int) -> str:
    return f"recharge/v1/state/station/{station}"


def point_topic(station: int, point: int = 1) -> str:
    return f"recharge/v1/state/point/{station}/{point}"


class Reader:
    """Follows the retained state, as a live map does."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._client = people.mqtt("monitor", version="mqtt311", subscriptions=["recharge/v1/state/#"])

    def until(self, topic: str, fits: Callable[[Record], bool]) -> Record:
        """Waits for a message that fits, of which the broker then has a retained copy.

        One that fits may be of an earlier moment: the queue grew through the length to which it shrinks.
        """
        state: Record | None = None
        while state is None or not fits(state):
            self._client.expect(
                lambda message: (
                    message.topic == topic and bool(message.payload) and fits(json.loads(message.payload))
                ),
                f"a fitting message on {topic}",
            )
            retained = self._people.mqtt("monitor", subscriptions=[topic]).on(topic)
            assert retained.retain
            assert retained.qos == 1
            state = json.loads(retained.payload)
        updated = datetime.fromisoformat(state["updated"])
        assert state["updated"].endswith("+00:00")
        assert abs(datetime.now(UTC) - updated) < timedelta(minutes=2)
        return state

    def until_gone(self, topic: str, other: str) -> None:
        """Waits until the topic is cleared. `other` has state, after which nothing more would come."""
        self._client.expect(
            lambda message: message.topic == topic and not message.payload, f"the end of {topic}"
        )
        late: MqttClient = self._people.mqtt("monitor")
        late.subscribe(topic)
        late.subscribe(other)
        late.on(other)
        assert [message.topic for message in late.arrived("recharge/v1/state/")] == []


@pytest.mark.usefixtures("transport")
class TestState:
    @pytest.fixture
    def reader(self, people: People) -> Reader:
        return Reader(people)

    def test_a_station(self, people: People, reader: Reader, charger: Charger, place: Place) -> None:
        station = charger.station(place)
        topic = station_topic(station)
        state = reader.until(topic, lambda state: state["chargingPoints"] == 0)
        assert list(state.items()) == [
            ("chargingStationID", station),
            ("x_position", place.x),
            ("y_position", place.y),
            ("chargingPoints", 0),
            ("updated", state["updated"]),
        ]
        for _ in range(3):
            charger.point(station)
        charger.delete_point(station, 2)
        reader.until(topic, lambda state: state["chargingPoints"] == 2)
        charger.move(station, place.beside(0.5))
        reader.until(topic, lambda state: state["x_position"] == place.x + 0.5)

    def test_whose_a_station_is(
        self, people: People, reader: Reader, charger: Charger, place: Place, transport: str
    ) -> None:
        """Beside the body, whose keys are fixed. Clients of the gateway have no names."""
        topic = station_topic(charger.station(place))
        reader.until(topic, lambda state: True)
        retained = people.mqtt("monitor", version="mqtt5", subscriptions=[topic]).on(topic)
        named = [] if transport == "tcp" else [("owner", charger.name)]
        assert getattr(properties_of(retained), "UserProperty", []) == named

    def test_a_point(self, people: People, reader: Reader, charger: Charger, place: Place) -> None:
        station = charger.with_point(place, power=30, price=0.5)
        topic = point_topic(station)
        state = reader.until(topic, lambda state: True)
        assert repr(list(state.items())) == repr(
            [
                ("chargingPointID", 1),
                ("chargingStationID", station),
                ("power", 30),
                ("kWhPrice", 0.5),
                ("availability", "livre"),
                ("queueLength", 0),
                ("freeFrom", None),
                ("operational", True),
                ("session", None),
                ("updated", state["updated"]),
            ]
        )
        charger.update(station, 1, power=22, availability="ocupado")
        state = reader.until(topic, lambda state: state["power"] == 22)
        assert state["availability"] == "ocupado"

    def test_the_queue_of_a_point(
        self, people: People, reader: Reader, charger: Charger, place: Place
    ) -> None:
        station = charger.with_point(place)
        topic = point_topic(station)
        vehicles = [people.vehicle() for _ in range(3)]
        bookings = [vehicle.book(place) for vehicle in vehicles]
        state = reader.until(topic, lambda state: state["queueLength"] == 3)
        assert state["freeFrom"] == bookings[2]["finishDateTime"]
        assert state["availability"] == "reservado"
        assert not any(vehicle.name in json.dumps(state) for vehicle in vehicles)
        vehicles[2].cancel(3)
        state = reader.until(topic, lambda state: state["queueLength"] == 2)
        assert state["freeFrom"] == bookings[1]["finishDateTime"]
        vehicles[0].cancel(1)
        vehicles[1].cancel(2)
        state = reader.until(topic, lambda state: state["queueLength"] == 0)
        assert (state["freeFrom"], state["availability"]) == (None, "livre")

    def test_what_is_gone_is_cleared(
        self, people: People, reader: Reader, charger: Charger, place: Place
    ) -> None:
        station, other = charger.with_point(place), charger.with_point(place.beside(1))
        charger.point(station)
        for topic in (point_topic(station, 1), point_topic(station, 2), station_topic(other)):
            reader.until(topic, lambda state: True)
        charger.delete_point(station, 1)
        reader.until_gone(point_topic(station, 1), station_topic(other))
        reader.until(station_topic(station), lambda state: state["chargingPoints"] == 1)
        charger.delete(station)
        reader.until_gone(point_topic(station, 2), station_topic(other))
        reader.until_gone(station_topic(station), station_topic(other))

    def test_after_many_changes_the_last_is_told(
        self, people: People, reader: Reader, charger: Charger, place: Place
    ) -> None:
        station = charger.with_point(place)
        for power in range(1, 51):
            charger.update(station, 1, power=power)
        reader.until(point_topic(station), lambda state: state["power"] == 50)


@pytest.mark.usefixtures("mqtt_version")
class TestPresenceOfTheService:
    @pytest.mark.parametrize("name", ["cloud_service", "gateway"])
    def test_our_own_processes_say_that_they_are_there(self, people: People, name: str) -> None:
        topic = f"recharge/v1/service/{name}"
        client = people.mqtt(
            "monitor",
            subscriptions=[topic],
        )
        message = client.on(topic)
        assert message.retain
        said = json.loads(message.payload)
        assert said["online"] is True
        assert isinstance(said["version"], str)
        since, now = (datetime.fromisoformat(said[key]) for key in ("since", "now"))
        assert since <= now <= datetime.now(UTC) + timedelta(seconds=5)
        assert said["since"].endswith("+00:00")


@pytest.mark.usefixtures("mqtt_version")
class TestPresenceOfClients:
    def test_everybody_may_know_who_is_there(self, people: People, mqtt_version: str) -> None:
        charger = people.mqtt("charger")
        topic = f"recharge/v1/presence/{charger.name}"
        charger.publish(topic, b'{"online": true}', retain=True)
        other = people.mqtt("vehicle")
        other.subscribe(topic)
        message = other.on(topic)
        assert (message.payload, message.retain) == (b'{"online": true}', True)
