"""Home Assistant's discovery messages at a real broker: off unless asked for, and true after each restart."""

import json
from pathlib import Path
from typing import Any

from tests.kit.mqtt import MqttConnection
from tests.kit.people import Place, people_of
from tests.kit.processes import Stack
from tests.kit.told import point_state
from tests.kit.waiting import wait_until

OWN = "homeassistant/device/recharge/"


def retained(stack: Stack) -> dict[str, Any]:
    """What a Home Assistant that connects now is told, by the end of the topic."""
    with MqttConnection(stack.mqtt_port, "home-assistant") as client:
        client.subscribe("homeassistant/#", "recharge/v1/service/cloud_service")
        messages = client.take_until("recharge/v1/service/cloud_service")
    return {
        message.topic.removeprefix(OWN): json.loads(message.payload)
        for message in messages
        if message.topic.startswith("homeassistant/")
    }


def wait_for(stack: Stack, topics: set[str]) -> dict[str, Any]:
    wait_until(lambda: set(retained(stack)) == topics, f"Home Assistant is told {topics or 'nothing'}")
    return retained(stack)


def test_it_lasts_from_switching_on_to_switching_off(tmp_path: Path) -> None:
    everything = {"1/config", "1/state", "1_1/config"}
    with Stack(tmp_path) as stack, people_of(stack) as people:
        station = people.charger().with_point(Place(1, 1))
        point_state(people, station)
        assert retained(stack) == {}
        broker = stack.broker
        stack.service.stop()
        switched_on = Stack(tmp_path, broker, home_assistant="on")
        switched_on.start_service()
        told = wait_for(stack, everything)
        assert told["1/state"] == {"freePoints": 1}

        broker.kill()
        for file in (tmp_path / "broker").glob("mosquitto.db*"):
            file.unlink()
        broker.start()
        assert wait_for(stack, everything) == told

        switched_on.service.stop()
        stack.start_service()
        wait_for(stack, set())


def test_a_change_reaches_home_assistant(tmp_path: Path) -> None:
    with Stack(tmp_path, home_assistant="on") as stack, people_of(stack) as people:
        charger = people.charger()
        station = charger.with_point(Place(1, 1))
        charger.point(station)
        told = wait_for(stack, {"1/config", "1/state", "1_1/config", "1_2/config"})
        online = told["1/config"]["components"]["online"]
        assert online["state_topic"] == f"recharge/v1/presence/{charger.name}"
        wait_until(lambda: retained(stack)["1/state"] == {"freePoints": 2}, "two points are free")
        charger.update(station, 1, availability="ocupado")
        wait_until(lambda: retained(stack)["1/state"] == {"freePoints": 1}, "one point is free")
        charger.delete_point(station, 2)
        wait_for(stack, {"1/config", "1/state", "1_1/config"})
        charger.delete(station)
        wait_for(stack, set())
