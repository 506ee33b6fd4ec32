"""A session that nobody finishes ends, over MQTT, in a network whose time passes a thousand times faster."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.kit.mqtt import MqttClient
from tests.kit.people import People, new_place, target_of
from tests.kit.processes import Stack
from tests.kit.refusals import refused
from tests.kit.told import Record


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    with Stack(tmp_path, clock_speed="1000") as running:
        people = People(target_of(running), "mqtt5")
        yield people
        people.close()


def states_of(reader: MqttClient, topic: str) -> Iterator[Record]:
    while True:
        yield json.loads(reader.on(topic).payload)


def last_of_session(states: Iterator[Record]) -> tuple[Record, Record]:
    """The last state of a point with its session, and the first one without it again."""
    state = next(each for each in states if each["session"])
    while (following := next(states))["session"]:
        state = following
    return state, following


def test_twelve_hours_after_its_finish(people: People) -> None:
    charger = people.charger()
    station = charger.with_point(new_place())
    topic = f"recharge/v1/state/point/{station}/1"
    reader = people.mqtt("monitor", subscriptions=[topic])
    charger.start(station, hours=1)
    last, after = last_of_session(states_of(reader, topic))
    begun = datetime.fromisoformat(last["session"]["since"])
    assert datetime.fromisoformat(after["updated"]) - begun >= timedelta(hours=13)
    assert datetime.fromisoformat(last["session"]["until"]) - begun >= timedelta(hours=12), "it was held on"
    assert after["availability"] == "livre"
    with refused("NOT_FOUND"):
        charger.finish(station)
