"""What time and restarts change, and what they do not. Each on its own network."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import MQTTMessage

from tests.kit.mqtt import MqttClient, result_of
from tests.kit.people import Charger, People, Place, Vehicle, new_place, people_of
from tests.kit.processes import Stack
from tests.kit.refusals import refused
from tests.kit.waiting import wait_until

SERVICE = "recharge/v1/service/cloud_service"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("restarted")) as running:
        yield running


@pytest.fixture
def people(stack: Stack) -> Iterator[People]:
    with people_of(stack) as people:
        yield people


@pytest.fixture
def place() -> Place:
    return new_place()


def edit_reservations(stack: Stack, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    file = stack.data_dir / "reservations.json"
    file.write_text(json.dumps([change(row) for row in json.loads(file.read_text())], indent=4))


def state(people: People, topic: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Waits for retained state that fits."""
    reader = people.mqtt("monitor", subscriptions=[topic])
    message = reader.expect(lambda each: bool(each.payload) and fits(json.loads(each.payload)), topic)
    retained: dict[str, Any] = json.loads(message.payload)
    return retained


class TestTime:
    def test_a_reservation_finishes(self, stack: Stack, people: People, place: Place) -> None:
        """Its dates are brought forward by hand: a charge starts five minutes after its booking at least."""
        charger = Charger(people.mqtt("charger"))
        vehicle = Vehicle(people.mqtt("vehicle"))
        legacy = people.over_tcp().vehicle()
        for client in (charger.client, vehicle.client):
            assert isinstance(client, MqttClient)
            client.subscribe(f"recharge/v1/event/{client.name}/+")
        station = charger.with_point(place)
        vehicle.book(place)
        legacy.book(place)
        stack.service.stop()
        start = datetime.now(UTC) - timedelta(hours=1)
        finish = datetime.now(UTC) + timedelta(seconds=5)

        def bring_forward(row: dict[str, Any]) -> dict[str, Any]:
            if row["chargingStationID"] != station or row["reservationID"] != 1:
                return row
            return row | {"startDateTime": start.isoformat(), "finishDateTime": finish.isoformat()}

        edit_reservations(stack, bring_forward)
        stack.start_service()
        finished = {"startDateTime": start.isoformat(), "finishDateTime": finish.isoformat()}
        for client in (charger.client, vehicle.client):
            assert isinstance(client, MqttClient)
            topic = f"recharge/v1/event/{client.name}/reservationFinished"
            event = json.loads(client.on(topic).payload)
            assert (event["type"], event["reason"]) == ("reservationFinished", "timePassed")
            assert datetime.fromisoformat(event["at"]) >= finish
            assert event["reservation"] == event["reservation"] | finished
            assert event["reservation"]["vehicleID"] == vehicle.name
        with refused("NOT_FOUND"):
            vehicle.find()
        with refused("NOT_FOUND"):
            vehicle.cancel(1)
        assert [each["vehicleID"] for each in charger.reservations(station)] == [legacy.name]
        point = f"recharge/v1/state/point/{station}/1"
        assert (
            state(people, point, lambda retained: retained["queueLength"] == 1)["availability"] == "reservado"
        )
        legacy.cancel(2)
        state(
            people,
            point,
            lambda retained: retained["queueLength"] == 0 and retained["availability"] == "livre",
        )
        assert vehicle.book(place)["reservationID"] == 3

    def test_one_that_finished_while_the_service_was_away(
        self, stack: Stack, people: People, place: Place
    ) -> None:
        charger, vehicle = Charger(people.mqtt("charger")), Vehicle(people.mqtt("vehicle"))
        topic = f"recharge/v1/event/{vehicle.name}/reservationFinished"
        assert isinstance(vehicle.client, MqttClient)
        vehicle.client.subscribe(topic)
        station = charger.with_point(place)
        vehicle.book(place)
        stack.service.stop()
        over = {
            "startDateTime": (datetime.now(UTC) - timedelta(hours=2)).isoformat(),
            "finishDateTime": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
        }
        edit_reservations(stack, lambda row: row | over if row["chargingStationID"] == station else row)
        stack.start_service()
        event = json.loads(vehicle.client.on(topic).payload)
        assert event["reservation"] == event["reservation"] | over
        assert charger.reservations(station) == []
        stack.service.stop()
        stack.start_service()
        with refused("NOT_FOUND"):
            vehicle.find()
        assert vehicle.client.arrived(topic) == []
        lines = [
            json.loads(line)
            for file in stack.data_dir.glob("history-*.jsonl")
            for line in file.read_text().splitlines()
        ]
        finished = [line for line in lines if line["reservation"]["chargingStationID"] == station]
        assert [line["type"] for line in finished] == ["reservationFinished"]


def is_goodbye(message: MQTTMessage) -> bool:
    return bool(message.payload) and not json.loads(message.payload)["online"]


class TestAwayAndBack:
    @pytest.mark.parametrize("end", ["stop", "kill"])
    def test_requests_wait_until_they_expire(
        self, stack: Stack, people: People, place: Place, end: str
    ) -> None:
        client = people.mqtt("charger")
        getattr(stack.service, end)()
        body = {"x_position": place.x, "y_position": place.y}
        expires = time.time() + 0.5
        client.send("newChargingStation", {**body, "requestID": "late", "expiresAt": expires * 1000})
        client.send("newChargingStation", body, CorrelationData=b"soon", MessageExpiryInterval=1)
        other = place.beside(1)
        waits = {"x_position": other.x, "y_position": other.y, "requestID": "waits"}
        client.send("newChargingStation", {**waits, "expiresAt": (time.time() + 600) * 1000})
        time.sleep(2.5)  # the broker counts in whole seconds, and nothing tells that time has passed
        stack.start_service()
        assert result_of(client.reply("waits")) > 0
        client.settle()
        assert client.arrived() == []
        assert people.other_charger().station(place) > 0, "what expired had no effect"

    @pytest.mark.parametrize("end", ["stop", "kill"])
    def test_a_request_takes_effect_once_across_a_restart(
        self, stack: Stack, people: People, place: Place, end: str
    ) -> None:
        client = people.mqtt("charger")
        station = Charger(client).station(place)
        values = {"chargingStationID": station, "power": 1, "kWhPrice": 1, "availability": "livre"}
        client.send("newChargingPoint", {**values, "requestID": "once"})
        client.send("deleteChargingPoint", {**values, "chargingPointID": 9, "requestID": "no"})
        first, refusal = client.reply("once"), client.reply("no")
        getattr(stack.service, end)()
        stack.start_service()
        client.send("newChargingPoint", {**values, "requestID": "once"})
        client.send("deleteChargingPoint", {**values, "chargingPointID": 9, "requestID": "no"})
        assert [client.reply("once"), client.reply("no")] == [first, refusal]
        assert len(Charger(client).points(station)) == 1
        # What was not acknowledged before a kill is answered again too, so this reply needs its own topic.
        other = {"power": 2, "requestID": "once", "replyTo": client.reply_topic + "/other"}
        client.send("newChargingPoint", {**values, **other})
        with refused("ID_REUSED"):
            result_of(json.loads(client.on(client.reply_topic + "/other").payload))

    def test_everything_is_as_it_was(self, stack: Stack, people: People, place: Place) -> None:
        charger, vehicle = people.charger(), people.vehicle()
        station = charger.station(place)
        for number in range(1, 4):
            assert charger.point(station, power=number * 10) == number
        charger.delete_point(station, 3)
        legacy = people.over_tcp().vehicle()
        booked = [vehicle.book(place), legacy.book(place)]
        points = charger.points(station)
        for end in ("stop", "kill"):
            getattr(stack.service, end)()
            stack.start_service()
            assert [vehicle.find(), legacy.find()] == booked
            assert charger.points(station) == points
            assert charger.reservations(station) == [row | {"state": "reserved"} for row in booked]
        assert charger.point(station) == 4
        assert charger.station(place) == station
        assert legacy.cancel(booked[1]["reservationID"]) == "Sucesso"

    @pytest.mark.parametrize("end", ["stop", "kill"])
    def test_the_service_s_presence(self, stack: Stack, people: People, end: str) -> None:
        watcher = people.mqtt("monitor", subscriptions=[SERVICE])
        before = json.loads(watcher.on(SERVICE).payload)
        getattr(stack.service, end)()
        watcher.expect(
            lambda each: bool(each.payload) and not json.loads(each.payload)["online"], "its goodbye"
        )
        stack.start_service()
        back = watcher.expect(lambda each: json.loads(each.payload)["online"], "its return")
        assert json.loads(back.payload)["since"] > before["since"]

    @pytest.mark.parametrize("end", ["stop", "kill"])
    def test_the_gateway_s_presence(self, stack: Stack, people: People, end: str) -> None:
        topic = "recharge/v1/service/gateway"
        watcher = people.mqtt("monitor", subscriptions=[topic])
        assert json.loads(watcher.on(topic).payload)["online"]
        getattr(stack.gateway, end)()
        watcher.expect(
            lambda each: bool(each.payload) and not json.loads(each.payload)["online"], "its goodbye"
        )
        stack.start_gateway()
        watcher.expect(lambda each: json.loads(each.payload)["online"], "its return")


class TestRetainedState:
    def test_it_is_put_right_at_the_start(self, stack: Stack, people: People, place: Place) -> None:
        charger = people.charger()
        station = charger.with_point(place)
        own, point = f"recharge/v1/state/station/{station}", f"recharge/v1/state/point/{station}/1"
        true = state(people, point, lambda _: True)
        state(people, own, lambda retained: retained["chargingPoints"] == 1)
        stack.service.stop()
        meddler = people.mqtt("operator")
        meddler.publish(own, b"", retain=True)
        meddler.publish(point, json.dumps({**true, "queueLength": 7}).encode(), retain=True)
        for nobody, payload in (("station/987654", b"no JSON"), ("point/987654/1", b"{}")):
            meddler.publish(f"recharge/v1/state/{nobody}", payload, retain=True)
        stack.start_service()
        state(people, own, lambda retained: retained["chargingPoints"] == 1)
        state(people, point, lambda retained: retained["queueLength"] == 0)

        def nobody_s_state_is_gone() -> bool:
            reader = people.mqtt("monitor", subscriptions=["recharge/v1/state/#"])
            reader.on(own)
            reader.settle()
            return not any("987654" in message.topic for message in reader.arrived())

        wait_until(nobody_s_state_is_gone, "what does not exist is cleared")

    def test_it_is_there_again_after_the_broker_lost_everything(
        self, stack: Stack, people: People, place: Place
    ) -> None:
        station = people.charger().with_point(place)
        point = f"recharge/v1/state/point/{station}/1"
        state(people, point, lambda _: True)
        people.close()
        stack.broker.kill()
        for file in (stack.folder / "broker").glob("mosquitto.db*"):
            file.unlink()
        stack.broker.start()
        with people_of(stack) as fresh:
            state(fresh, point, lambda retained: retained["power"] == 10)
            state(fresh, SERVICE, lambda retained: retained["online"])
            state(fresh, "recharge/v1/service/gateway", lambda retained: retained["online"])
            assert fresh.charger().station(place.beside(1)) > station
            assert fresh.over_tcp().charger().station(place.beside(2)) > station


def test_three_files_are_the_whole_truth_after_a_clean_stop(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack, people_of(stack) as people:
        charger, vehicle = people.charger(), people.vehicle()
        place = Place(30, 0.5)
        station = charger.with_point(place)
        booked = vehicle.book(place)
        points = charger.points(station)
    texts = {
        name: (stack.data_dir / f"{name}.json").read_text()
        for name in ("charging_stations", "charging_points", "reservations")
    }
    rows = [{"chargingStationID": station, "x_position": 30, "y_position": 0.5}]
    del booked["state"]
    expected = {"charging_stations": rows, "charging_points": points, "reservations": [booked]}
    assert {name: text.rstrip("\n") for name, text in texts.items()} == {
        name: json.dumps(rows, indent=4) for name, rows in expected.items()
    }
    assert not list(stack.data_dir.glob("journal-*"))
