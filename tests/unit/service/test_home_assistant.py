"""What Home Assistant is told: each station is a device, once, and only while it is switched on."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from cloud_service.core.changes import Changes
from cloud_service.core.network import Network
from cloud_service.core.records import GATEWAY, Availability, Point, Station
from cloud_service.core.sessions import Absence
from cloud_service.protocol import home_assistant
from cloud_service.protocol.home_assistant import Subject
from cloud_service.protocol.messages import Message
from cloud_service.service.home_assistant import HomeAssistantTopics
from tests.unit.service.engine.bench import NOON

BELOW = "homeassistant/device/recharge/"


def point(number: int, availability: Availability = "livre") -> Point:
    return Point(number, 1, 22, 0.9, availability)


class Case:
    """A network of one station with two points, and what the broker has retained about it."""

    def __init__(self, *, switched_on: bool = True, owner: str = "ana", points: int = 2) -> None:
        self.network = Network()
        stations = (Station(1, 2, 3, owner, points, name="Praça"),)
        self.network.apply(Changes(stations=stations, points=tuple(map(point, range(1, points + 1)))))
        self.topics = HomeAssistantTopics(switched_on=switched_on)
        self.retained: dict[str, bytes] = {}

    def reconcile(self, retained: Iterable[Message] = ()) -> "Case":
        self.topics.begin_reconciliation(b"mark")
        for message in retained:
            self.topics.compare(self.network, message)
        assert self.topics.end_reconciliation(self.network, b"mark")
        return self

    def apply(self, changes: Changes) -> None:
        self.network.apply(changes)
        self.topics.note(changes)

    def sent(self, now: datetime = NOON) -> dict[str, Any]:
        """What is sent now, by the end of its topic; None where a topic is cleared."""
        found = {}
        messages = self.topics.take(self.network, 2, now)
        while messages or len(self.topics):
            for message in messages:
                assert message.retain
                self.retained[message.topic] = message.payload
                found[message.topic.removeprefix(BELOW)] = (
                    json.loads(message.payload) if message.payload else None
                )
            messages = self.topics.take(self.network, 2, now)
        return found


def test_a_station_is_a_device_with_the_sensors_of_its_points() -> None:
    sent = Case().reconcile().sent()
    assert sorted(sent) == ["1/config", "1/state", "1_1/config", "1_2/config"]
    assert sent.pop("1/state") == {"freePoints": 2}
    for message in sent.values():
        assert message["device"]["identifiers"] == ["recharge_1"]
        assert message["device"]["name"] == "Praça"
        assert message["availability_topic"] == "recharge/v1/service/cloud_service"
    sensors = [sensor for message in sent.values() for sensor in message["components"].values()]
    assert {sensor["unique_id"]: sensor["state_topic"] for sensor in sensors} == {
        "recharge_1_free": f"{BELOW}1/state",
        "recharge_1_points": "recharge/v1/state/station/1",
        "recharge_1_online": "recharge/v1/presence/ana",
        **{
            f"recharge_1_{number}_{what}": f"recharge/v1/state/point/1/{number}"
            for number in (1, 2)
            for what in ("availability", "power", "price", "queue", "charging", "problem")
        },
    }


def test_a_station_without_a_name_has_its_number() -> None:
    case = Case()
    case.network.apply(Changes(stations=(Station(1, 2, 3, "ana", 2),)))
    assert case.reconcile().sent()["1_2/config"]["device"]["name"] == "Station 1"


def test_a_legacy_clients_station_has_no_presence() -> None:
    """The entry without a key but the platform is Home Assistant's way to remove a sensor."""
    components = Case(owner=GATEWAY).reconcile().sent()["1/config"]["components"]
    assert components["online"] == {"platform": "binary_sensor"}


def test_a_booking_changes_only_the_number_of_free_points() -> None:
    case = Case().reconcile()
    case.sent()
    case.apply(Changes(points=(point(2, "reservado"),)))
    assert case.sent() == {"1/state": {"freePoints": 1}}
    case.apply(Changes(points=(point(2, "ocupado"),)))
    assert case.sent() == {}


def test_no_point_of_an_owner_that_stays_offline_is_free() -> None:
    case = Case().reconcile()
    case.sent()
    case.apply(Changes(absences=(Absence("ana", NOON),)))
    assert case.sent(NOON + timedelta(minutes=4)) == {}
    assert case.sent(NOON + timedelta(minutes=5)) == {"1/state": {"freePoints": 0}}
    case.apply(Changes(removed_absences=("ana",)))
    assert case.sent(NOON + timedelta(minutes=5)) == {"1/state": {"freePoints": 2}}


def test_a_point_that_is_out_of_order_is_not_free() -> None:
    case = Case().reconcile()
    case.sent()
    case.apply(Changes(points=(replace(point(2), operational=False),)))
    assert case.sent() == {"1/state": {"freePoints": 1}}
    case.apply(Changes(points=(point(2),)))
    assert case.sent() == {"1/state": {"freePoints": 2}}


def test_a_new_name_reaches_all_points() -> None:
    case = Case().reconcile()
    case.sent()
    case.apply(Changes(stations=(Station(1, 2, 3, "ana", 2, name="Sé"),)))
    sent = case.sent()
    assert {topic: message["device"]["name"] for topic, message in sent.items()} == {
        "1/config": "Sé",
        "1_1/config": "Sé",
        "1_2/config": "Sé",
    }


def test_a_new_owner_has_another_presence() -> None:
    case = Case().reconcile()
    case.sent()
    case.apply(Changes(stations=(Station(1, 2, 3, "rui", 2, name="Praça"),)))
    assert case.sent()["1/config"]["components"]["online"]["state_topic"] == "recharge/v1/presence/rui"


def test_what_is_deleted_is_cleared() -> None:
    case = Case().reconcile()
    case.sent()
    case.apply(Changes(removed_points=((1, 2),)))
    assert case.sent() == {"1_2/config": None, "1/state": {"freePoints": 1}}
    case.apply(Changes(removed_stations=(1,), removed_points=((1, 1),)))
    assert case.sent() == {"1/config": None, "1_1/config": None, "1/state": None}


def test_nothing_is_sent_before_it_is_known_what_the_broker_has() -> None:
    case = Case()
    case.apply(Changes(points=(point(2, "ocupado"),)))
    assert case.topics.take(case.network, 100, NOON) == []
    assert len(case.reconcile().sent()) == 4
    case.topics.begin_reconciliation(b"mark")
    case.apply(Changes(removed_points=((1, 2),)))
    assert case.topics.take(case.network, 100, NOON) == []


def test_reconciliation_corrects_what_is_wrong_missing_or_superfluous() -> None:
    case = Case().reconcile()
    case.sent()
    right = {topic.removeprefix(BELOW): payload for topic, payload in case.retained.items()}

    def after(**changes: bytes | None) -> set[str]:
        retained = {**right, **{topic.replace("__", "/"): payload for topic, payload in changes.items()}}
        messages = [Message(BELOW + topic, payload) for topic, payload in retained.items() if payload]
        return set(Case().reconcile(messages).sent())

    assert after() == set()
    assert after(**{"1__config": None}) == {"1/config"}
    assert after(**{"1__state": b'{"freePoints": 7}'}) == {"1/state"}
    assert after(**{"1_2__config": b"no JSON"}) == {"1_2/config"}
    assert after(**{"1_3__config": right["1_2/config"]}) == {"1_3/config"}
    assert after(**{"9__config": right["1/config"]}) == {"9/config"}


def test_what_the_broker_had_is_not_sent_again() -> None:
    case = Case().reconcile()
    case.sent()
    messages = [Message(topic, payload) for topic, payload in case.retained.items()]
    case.reconcile(messages)
    case.apply(Changes(stations=(Station(1, 5, 5, "ana", 2, name="Praça"),), points=(point(1),)))
    assert case.sent() == {}


def test_what_a_broker_has_lost_is_sent_again() -> None:
    case = Case().reconcile()
    case.sent()
    assert len(case.reconcile().sent()) == 4


def test_switched_off_all_that_is_left_is_cleared() -> None:
    on = Case().reconcile()
    on.sent()
    off = Case(switched_on=False)
    off.apply(Changes(points=(point(1, "ocupado"),)))
    assert not len(off.topics)
    off.reconcile([Message(topic, payload) for topic, payload in on.retained.items()])
    assert off.sent() == {"1/config": None, "1/state": None, "1_1/config": None, "1_2/config": None}
    assert not off.topics.needed


@pytest.mark.parametrize(
    "subject", [Subject("station", 12), Subject("point", 12, 3), Subject("free", 12)], ids=lambda s: s.kind
)
def test_a_topic_says_what_it_is_about(subject: Subject) -> None:
    assert home_assistant.parse(home_assistant.topic_of(subject)) == subject


@pytest.mark.parametrize(
    "topic",
    [
        "homeassistant/device/other/1/config",
        "homeassistant/device/recharge/1/other",
        "homeassistant/device/recharge/1_2/state",
        "homeassistant/device/recharge/0/config",
        "homeassistant/device/recharge/1_2_3/config",
        "homeassistant/sensor/recharge/1/config",
    ],
)
def test_other_topics_are_about_nothing(topic: str) -> None:
    assert home_assistant.parse(topic) is None
