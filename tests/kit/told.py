"""What clients on MQTT are told: events of an account, and the retained state of points."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.kit.mqtt import MqttClient
from tests.kit.people import Charger, People, Vehicle
from tests.kit.target import Role

Record = dict[str, Any]


def in_hours(booked: Record, **later: float) -> str:
    """A moment after the start of a reservation."""
    moment = datetime.fromisoformat(booked["startDateTime"]) + timedelta(**later)
    return moment.isoformat()


class Told:
    """An account, and the events that it receives."""

    def __init__(self, people: People, role: Role) -> None:
        self.client: MqttClient = people.mqtt(role)
        self.name = self.client.name
        self._prefix = f"recharge/v1/event/{self.name}/"
        self.client.subscribe(f"{self._prefix}#")

    def next(self) -> Record:
        """Waits for the next event."""
        message = self.client.expect(lambda each: each.topic.startswith(self._prefix), "an event")
        event: Record = json.loads(message.payload)
        assert message.topic == self._prefix + event["type"]
        return event

    def expect(self, kind: str, reason: str, **keys: Any) -> Record:
        """Waits for the next event, which has to be this one of a reservation with these values."""
        event = self.next()
        assert (event["type"], event["reason"]) == (kind, reason)
        assert {key: event["reservation"][key] for key in keys} == keys
        return event


class ToldCharger(Told):
    def __init__(self, people: People) -> None:
        super().__init__(people, "charger")
        self.acts = Charger(self.client)


class ToldVehicle(Told):
    def __init__(self, people: People) -> None:
        super().__init__(people, "vehicle")
        self.acts = Vehicle(self.client)


def point_state(
    people: People, station: int, point: int = 1, fits: Callable[[Record], bool] = lambda state: True
) -> Record:
    """Waits until the retained state of a point fits."""
    topic = f"recharge/v1/state/point/{station}/{point}"
    reader = people.mqtt("monitor", subscriptions=[topic])
    message = reader.expect(
        lambda each: each.topic == topic and bool(each.payload) and fits(json.loads(each.payload)),
        f"a fitting state on {topic}",
    )
    state: Record = json.loads(message.payload)
    return state
