"""What the tests of the contract are given. All of it rests on the fixture `target`."""

from collections.abc import Iterator

import pytest

from tests.kit.mqtt import MqttClient, Version
from tests.kit.people import TRANSPORTS, Charger, People, Place, Transport, Vehicle, new_place
from tests.kit.target import Target

__all__ = ["charger", "mqtt_version", "people", "place", "transport", "vehicle", "watcher"]


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> Transport:
    return request.param


@pytest.fixture(params=["mqtt5", "mqtt311"])
def mqtt_version(request: pytest.FixtureRequest) -> Version:
    return request.param


@pytest.fixture
def people(request: pytest.FixtureRequest, target: Target) -> Iterator[People]:
    """Clients over the transport that the test names: all three, or `mqtt_version`, or MQTT 5."""
    transport: Transport = "mqtt5"
    for name in ("transport", "mqtt_version"):
        if name in request.fixturenames:
            transport = request.getfixturevalue(name)
    people = People(target, transport)
    yield people
    people.close()


@pytest.fixture
def place() -> Place:
    return new_place()


@pytest.fixture
def charger(people: People) -> Charger:
    return people.charger()


@pytest.fixture
def vehicle(people: People) -> Vehicle:
    return people.vehicle()


@pytest.fixture
def watcher(people: People) -> MqttClient:
    """A monitor, who may read all events."""
    return people.mqtt("monitor", subscriptions=["recharge/v1/event/+/+"])
