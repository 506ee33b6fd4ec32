"""Events: to the vehicle's account and to the station's owner, with what has happened and why."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.kit.mqtt import MqttClient
from tests.kit.people import Charger, People, Place, Vehicle
from tests.kit.target import Target


class Notified:
    """The two who are notified, and what they receive."""

    def __init__(self, people: People) -> None:
        charger, vehicle = (people.mqtt(role) for role in ("charger", "vehicle"))
        for client in (charger, vehicle):
            client.subscribe(f"recharge/v1/event/{client.name}/#")
        self.charger = Charger(charger)
        self.vehicle = Vehicle(vehicle)

    def expect(self, kind: str, reason: str, reservation: dict[str, Any]) -> None:
        """Both are notified of this, and it is the first that they receive."""
        for client in (self.charger.client, self.vehicle.client):
            assert isinstance(client, MqttClient)
            prefix = f"recharge/v1/event/{client.name}/"
            message = client.expect(lambda each, prefix=prefix: each.topic.startswith(prefix), "an event")
            assert message.topic == prefix + kind
            assert (message.qos, message.retain) == (1, False)
            event = json.loads(message.payload)
            assert list(event) == ["type", "at", "reason", "reservation"]
            assert (event["type"], event["reason"], event["reservation"]) == (kind, reason, reservation)
            at = datetime.fromisoformat(event["at"])
            assert event["at"].endswith("+00:00")
            assert abs(datetime.now(UTC) - at) < timedelta(minutes=2)


@pytest.mark.usefixtures("mqtt_version")
class TestEvents:
    @pytest.fixture
    def notified(self, people: People) -> Notified:
        return Notified(people)

    def test_booked_and_cancelled(self, notified: Notified, place: Place) -> None:
        notified.charger.with_point(place)
        booked = notified.vehicle.book(place)
        notified.expect("reservationScheduled", "requested", booked)
        assert notified.vehicle.book(place) == booked
        notified.vehicle.cancel(1)
        notified.expect("reservationCancelled", "vehicleCancelled", booked | {"state": "cancelled"})

    def test_a_station_that_moved(self, notified: Notified, place: Place) -> None:
        station = notified.charger.with_point(place)
        booked = notified.vehicle.book(place)
        notified.expect("reservationScheduled", "requested", booked)
        notified.charger.move(station, place)
        notified.charger.update(station, 1, power=99)
        notified.charger.move(station, place.beside(1))
        notified.expect("reservationChanged", "stationMoved", booked)

    def test_with_its_point(self, notified: Notified, place: Place) -> None:
        station = notified.charger.with_point(place)
        booked = notified.vehicle.book(place)
        notified.expect("reservationScheduled", "requested", booked)
        notified.charger.delete_point(station, 1)
        notified.expect("reservationCancelled", "pointDeleted", booked | {"state": "cancelled"})

    def test_with_its_station(self, notified: Notified, place: Place) -> None:
        station = notified.charger.with_point(place)
        booked = notified.vehicle.book(place)
        notified.expect("reservationScheduled", "requested", booked)
        notified.charger.delete(station)
        notified.expect("reservationCancelled", "stationDeleted", booked | {"state": "cancelled"})

    def test_a_booking_that_an_operator_made(self, people: People, notified: Notified, place: Place) -> None:
        notified.charger.with_point(place)
        booked = Vehicle(people.mqtt("operator")).book(place, vid=notified.vehicle.name)
        notified.expect("reservationScheduled", "requested", booked)


class TestWhoIsNotified:
    def test_only_those_two(self, people: People, watcher: MqttClient, place: Place) -> None:
        charger, vehicle = people.charger(), people.vehicle()
        charger.with_point(place)
        vehicle.book(place)
        vehicle.cancel(1)
        assert self.topics(people, watcher) == sorted(
            f"{name}/{kind}"
            for name in (charger.name, vehicle.name)
            for kind in ("reservationScheduled", "reservationCancelled")
        )

    def test_who_is_both_is_notified_once(self, people: People, watcher: MqttClient, place: Place) -> None:
        operator = people.mqtt("operator")
        Charger(operator).with_point(place)
        Vehicle(operator).book(place, vid=operator.name)
        assert self.topics(people, watcher) == [f"{operator.name}/reservationScheduled"]

    def test_nobody_for_legacy_clients(
        self, people: People, target: Target, watcher: MqttClient, place: Place
    ) -> None:
        """Nobody is notified about two legacy clients.

        About a legacy vehicle only the owner is, if it has an account.
        """
        legacy = people.over_tcp()
        legacy.charger().with_point(place)
        legacy.vehicle().book(place)
        charger = people.charger()
        charger.with_point(place.beside(1000))
        legacy.vehicle().book(place.beside(1000))
        assert self.topics(people, watcher) == [f"{charger.name}/reservationScheduled"]

    def topics(self, people: People, watcher: MqttClient) -> list[str]:
        """What the watcher saw until now: a booking is the mark that everything before it has arrived."""
        mark = Notified(people)
        place = Place(-1e15, -1e15)
        station = mark.charger.with_point(place)
        mark.vehicle.book(place)
        mark.charger.delete(station)
        names = (mark.charger.name, mark.vehicle.name)
        for kind in ("reservationScheduled", "reservationCancelled"):
            for name in names:
                watcher.on(f"recharge/v1/event/{name}/{kind}")
        return sorted(message.topic.removeprefix("recharge/v1/event/") for message in watcher.arrived())
