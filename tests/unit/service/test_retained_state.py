"""Retained state: many changes become one message, and reconciliation corrects the broker's."""

import json

from cloud_service.core.changes import Changes
from cloud_service.core.network import Network
from cloud_service.core.records import Point, Station
from cloud_service.protocol.messages import Message
from cloud_service.service.retained_state import RetainedState
from tests.unit.service.engine.bench import NOON


def _network() -> Network:
    network = Network()
    network.apply(
        Changes(
            stations=(Station(1, 2, 3.5, "ana", 1),),
            points=(Point(1, 1, 7.2, 1, "livre"),),
            last_station_id=1,
        )
    )
    return network


def test_many_changes_of_a_point_become_one_message() -> None:
    state, network = RetainedState(), _network()
    for price in range(5):
        changes = Changes(points=(Point(1, 1, 7.2, price, "livre"),))
        network.apply(changes)
        state.note(changes)

    messages = {message.topic: json.loads(message.payload) for message in state.take(network, 100, NOON)}

    assert sorted(messages) == ["recharge/v1/state/point/1/1"]
    assert messages["recharge/v1/state/point/1/1"] == {
        "chargingPointID": 1,
        "chargingStationID": 1,
        "power": 7.2,
        "kWhPrice": 4,
        "availability": "livre",
        "queueLength": 0,
        "freeFrom": None,
        "operational": True,
        "session": None,
        "updated": "2026-03-01T12:00:00+00:00",
    }


def test_a_station_s_message_names_its_owner() -> None:
    state, network = RetainedState(), _network()
    stations = (network.tables.stations[1], Station(2, 4, 4, "gateway"))
    network.apply(Changes(stations=stations[1:], last_station_id=2))
    state.note(Changes(stations=stations, points=tuple(network.tables.points.values())))

    owners = {message.topic: message.owner for message in state.take(network, 100, NOON)}

    assert owners == {
        "recharge/v1/state/station/1": "ana",
        "recharge/v1/state/point/1/1": None,
        "recharge/v1/state/station/2": None,
    }


def test_what_no_longer_exists_is_cleared() -> None:
    state, network = RetainedState(), _network()
    changes = Changes(removed_stations=(1,), removed_points=((1, 1),))
    network.apply(changes)
    state.note(changes)

    messages = state.take(network, 100, NOON)

    assert {(message.topic, message.payload, message.retain) for message in messages} == {
        ("recharge/v1/state/station/1", b"", True),
        ("recharge/v1/state/point/1/1", b"", True),
    }


def test_reconciliation_corrects_what_is_wrong_missing_or_superfluous() -> None:
    network = _network()
    right = RetainedState()
    right.note(
        Changes(
            stations=tuple(network.tables.stations.values()), points=tuple(network.tables.points.values())
        )
    )
    delivered = {message.topic: message for message in right.take(network, 100, NOON)}

    def after(*retained: Message) -> set[str]:
        state = RetainedState()
        state.begin_reconciliation(b"now")
        for message in retained:
            state.compare(network, message)
        assert not state.end_reconciliation(network, b"before")
        assert state.end_reconciliation(network, b"now")
        return {
            message.topic.removeprefix("recharge/v1/state/") for message in state.take(network, 100, NOON)
        }

    station, point = delivered["recharge/v1/state/station/1"], delivered["recharge/v1/state/point/1/1"]
    assert after(station, point) == set()
    assert after(station) == {"point/1/1"}
    assert after() == {"station/1", "point/1/1"}
    assert after(station, point, Message("recharge/v1/state/station/9", b"{}")) == {"station/9"}
    assert after(Message(station.topic, station.payload), point) == {"station/1"}, "without its owner"
    wrong = Message(point.topic, point.payload.replace(b"livre", b"ocupado"))
    assert after(station, wrong) == {"point/1/1"}
    assert after(station, Message(point.topic, b"[" * 5_000)) == {"point/1/1"}
