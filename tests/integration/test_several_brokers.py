"""One service with two brokers: who asks at either is served, also while the other is away or hangs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.mqtt import MqttClient
from tests.kit.pausing import paused
from tests.kit.people import Charger, Place, Vehicle
from tests.kit.several_brokers import SeveralBrokers, retained
from tests.kit.waiting import wait_until

HERE = Place(0, 0)
BOOKINGS = 1_200
"""Their events are more messages than one broker may have outstanding."""


@pytest.fixture
def network(tmp_path: Path) -> Iterator[SeveralBrokers]:
    with SeveralBrokers(tmp_path) as network:
        yield network


def test_clients_of_both_brokers_are_in_one_network(network: SeveralBrokers) -> None:
    """Replies come where the request was sent; state and events come everywhere."""
    charger = Charger(network.client(0, "carla", ["recharge/v1/event/carla/#"]))
    vehicle = Vehicle(network.client(1, "elisa", ["recharge/v1/event/elisa/#"]))
    watchers = [network.client(broker, "monitor", ["recharge/v1/state/#"]) for broker in (0, 1)]

    station = charger.with_point(HERE)
    booked = vehicle.book(HERE)

    assert booked["chargingStationID"] == station
    for client, name in ((charger.client, "carla"), (vehicle.client, "elisa")):
        assert isinstance(client, MqttClient)
        event = json.loads(client.on(f"recharge/v1/event/{name}/reservationScheduled").payload)
        assert event["reservation"]["reservationID"] == booked["reservationID"]
    point = f"recharge/v1/state/point/{station}/1"
    wait_until(
        lambda: all(retained(each).get(point, {}).get("queueLength") == 1 for each in watchers),
        "both brokers have the state of the point",
    )
    assert retained(watchers[0]) == retained(watchers[1])


def test_a_change_with_an_id_takes_effect_once_wherever_it_is_asked(network: SeveralBrokers) -> None:
    """A client whose broker fails asks again at another one, with the same ID."""
    first, second = network.client(0, "carla"), network.client(1, "carla")
    body = {"x_position": 1, "y_position": 2, "requestID": "once"}
    first.send("newChargingStation", body)
    answer = first.reply("once")
    second.send("newChargingStation", body)
    assert second.reply("once") == answer
    assert answer["ok"]


def test_the_other_broker_serves_on_while_one_is_away(network: SeveralBrokers) -> None:
    """What has changed meanwhile is put right where it was away."""
    charger = Charger(network.client(0, "carla"))
    station, gone = charger.with_point(HERE), charger.with_point(Place(9, 9))
    network.brokers[0].kill()

    moved = Charger(network.client(1, "carla"))
    moved.delete(gone)
    vehicle = Vehicle(network.client(1, "elisa"))
    booked = vehicle.book(HERE)
    assert booked["chargingStationID"] == station
    expected = network.client(1, "monitor", ["recharge/v1/state/#"])

    network.brokers[0].start()
    watcher = network.client(0, "monitor-2", ["recharge/v1/state/#"])
    topics = {f"recharge/v1/state/{subject}" for subject in (f"station/{station}", f"point/{station}/1")}
    wait_until(
        lambda: set(retained(watcher)) == topics and retained(watcher) == retained(expected),
        "the state is true at both brokers",
    )
    assert Vehicle(network.client(0, "elisa")).find()["reservationID"] == booked["reservationID"]


def test_the_service_starts_while_one_broker_is_away(network: SeveralBrokers) -> None:
    charger = Charger(network.client(1, "carla"))
    station = charger.with_point(HERE)
    network.brokers[0].kill()
    assert network.service.stop() == 0
    network.start_service()
    assert len(charger.points(station)) == 1


def test_a_broker_that_hangs_holds_up_nobody_else(network: SeveralBrokers) -> None:
    """Neither requests nor more events than one broker may have outstanding."""
    operator = network.client(1, "operator")
    charger = Charger(operator)
    station = charger.with_point(HERE, power=100)
    values = {"x": 0, "y": 0, "actualBatteryPercentage": 0, "batteryCapacity": 10}
    for number in range(BOOKINGS):
        operator.send_soon("scheduleReservation", {**values, "vid": f"v{number}"})
    wait_until(lambda: len(operator.arrived(operator.reply_topic)) >= BOOKINGS, "all have booked")
    watcher = network.client(1, "monitor", ["recharge/v1/event/+/reservationChanged"])

    with paused(network.brokers[0]):
        charger.move(station, Place(1, 1))
        assert len(watcher.take(2 * BOOKINGS)) == 2 * BOOKINGS
        assert charger.availability(station) == ["reservado"]

    vehicle = Vehicle(network.client(0, "elisa"))
    assert vehicle.book(HERE)["chargingStationID"] == station


def test_a_charger_that_has_moved_to_the_other_broker_is_online(tmp_path: Path) -> None:
    """Its first broker tells its last will after the second one has told that it is there."""
    with SeveralBrokers(tmp_path, offline_minutes="0.002") as network:
        carla, carlos = (Charger(network.client(1, name)) for name in ("carla", "carlos"))
        stations = [carla.with_point(HERE), carlos.with_point(Place(5, 5))]
        vehicle = network.client(1, "elisa")

        tell_presence(network, 0, carla, carlos, online=True)
        tell_presence(network, 1, carla, online=True)
        tell_presence(network, 0, carla, carlos, online=False)

        wait_until(
            lambda: quote(vehicle, stations[1]) == "NOT_FOUND", "the station of carlos is out of order"
        )
        assert quote(vehicle, stations[0]) != "NOT_FOUND"
        tell_presence(network, 1, carla, online=False)
        wait_until(lambda: quote(vehicle, stations[0]) == "NOT_FOUND", "the other one is too")


def tell_presence(network: SeveralBrokers, broker: int, *chargers: Charger, online: bool) -> None:
    """Has a broker tell of chargers' presence, and returns once the service has heard it."""
    for charger in chargers:
        teller = network.client(broker, charger.name)
        payload = json.dumps({"online": online}).encode()
        assert teller.publish(f"recharge/v1/presence/{charger.name}", payload, retain=True)
        teller.settle()


def quote(vehicle: MqttClient, station: int) -> Any:
    """Offers of this station, or the code of the error."""
    return vehicle.outcome(
        "quoteReservation",
        x=0,
        y=0,
        actualBatteryPercentage=0,
        batteryCapacity=10,
        chargingStationID=station,
    )
