"""Clients that are not ours: Mosquitto's own programs, and gmqtt, a Python client that is not paho."""

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import gmqtt
import pytest

from cloud_service.local.mosquitto import find_program
from tests.kit.processes import Process, Stack
from tests.kit.waiting import DEADLINE, wait_until

VERSIONS = ("mqttv311", "mqttv5")
STATE = "recharge/v1/state"
_places = count(-90_000, -100)


@pytest.fixture
def x() -> int:
    """A coordinate far from all other stations."""
    return next(_places)


def request(action: str, client: str) -> str:
    return f"recharge/v1/request/{action}/{client}"


def station_at(x: int) -> dict[str, Any]:
    return {"x_position": x, "y_position": 0}


def point_of(station: int) -> dict[str, Any]:
    return {"chargingStationID": station, "power": 30, "kWhPrice": 0.5, "availability": "livre"}


def charge_at(x: int) -> dict[str, Any]:
    """Half of 60 kWh."""
    return {"x": x, "y": 1, "actualBatteryPercentage": 50, "batteryCapacity": 60}


# mosquitto_rr


def rr(stack: Stack, action: str, client: str, values: dict[str, Any], *options: str) -> str:
    """What it prints: the first message that arrives on the response topic."""
    command = [str(find_program("mosquitto_rr")), "-V", "5", "-p", str(stack.mqtt_port), "-q", "1"]
    topics = ["-t", request(action, client), "-e", f"recharge/v1/reply/{client}/rr"]
    body = ["-m", json.dumps(values), "-W", f"{DEADLINE:g}"]
    done = subprocess.run([*command, *topics, *body, *options], capture_output=True, text=True, check=True)
    return done.stdout.rstrip("\n")


def test_a_station_and_a_booking_with_mosquitto_rr(stack: Stack, x: int) -> None:
    made = json.loads(rr(stack, "newChargingStation", "rr-charger", station_at(x)))
    assert made == {"requestID": None, "ok": True, "result": made["result"]}
    station = made["result"]
    added = json.loads(rr(stack, "newChargingPoint", "rr-charger", point_of(station)))
    assert added["result"] == 1

    booked = json.loads(rr(stack, "scheduleReservation", "rr-vehicle", charge_at(x)))["result"]
    assert list(booked) == [
        "reservationID",
        "chargingStationID",
        "chargingPointID",
        "chargingPointPower",
        "kWhPrice",
        "vehicleID",
        "startDateTime",
        "finishDateTime",
        "duration",
        "price",
        "state",
    ]
    assert (booked["chargingStationID"], booked["vehicleID"]) == (station, "rr-vehicle")
    assert (booked["duration"], booked["price"]) == (1, 15)
    assert booked["startDateTime"].endswith("+00:00")
    assert json.loads(rr(stack, "findReservation", "rr-vehicle", {}))["result"] == booked


def test_the_properties_of_a_reply_as_mosquitto_rr_shows_them(stack: Stack) -> None:
    shown = ("-F", "%t %C %D %P", "-D", "publish", "correlation-data", "a-1")
    reply = rr(stack, "findReservation", "rr-nobody", {}, *shown)
    assert reply == "recharge/v1/reply/rr-nobody/rr application/json a-1 status:NOT_FOUND"
    reply = rr(stack, "newChargingStation", "rr-charger", station_at(next(_places)), *shown)
    assert reply == "recharge/v1/reply/rr-charger/rr application/json a-1 status:ok"


# mosquitto_pub and mosquitto_sub


class Subscriber:
    """A mosquitto_sub that keeps all that it receives. It is subscribed once entered."""

    def __init__(self, stack: Stack, log: Path, version: str, *topics: str, options: tuple[str, ...] = ()):
        # Retained, and so the first to come: it shows that the subscription is in place.
        self._first = "recharge/v1/service/cloud_service"
        command = [str(find_program("mosquitto_sub")), "-V", version, "-p", str(stack.mqtt_port), "-q", "1"]
        filters = [word for topic in (*topics, self._first) for word in ("-t", topic)]
        self.process = Process("mosquitto_sub", [*command, *filters, "-F", "%r %t %p", *options], log)

    def __enter__(self) -> "Subscriber":
        self.process.start()
        self.expect(self._first)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.running:
            self.process.kill()

    def delivered(self, topic: str) -> list[tuple[bool, str]]:
        """What came on this topic: whether it was retained, and the payload."""
        lines = [line.split(" ", 2) for line in self.process.log.read_text().split("\n")[:-1]]
        return [(retained == "1", payload) for retained, name, payload in lines if name == topic]

    def expect(self, topic: str, fits: Callable[[Any], bool] = bool) -> Any:
        """Waits for a message on this topic that fits, and returns its body."""

        def find() -> list[Any]:
            bodies = [json.loads(payload) for _, payload in self.delivered(topic) if payload]
            return [body for body in bodies if fits(body)]

        return wait_until(find, f"a message on {topic} fits")[-1]


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def monitor(stack: Stack, tmp_path: Path, version: str) -> Iterator[Subscriber]:
    """Sees what everybody may see, and the events and replies of all."""
    below = ("event/#", "reply/#", "state/#", "presence/#")
    topics = [f"recharge/v1/{each}" for each in below]
    with Subscriber(stack, tmp_path / "monitor", version, *topics) as subscriber:
        yield subscriber


def pub(stack: Stack, version: str, topic: str, body: str, *options: str) -> None:
    command = [str(find_program("mosquitto_pub")), "-V", version, "-p", str(stack.mqtt_port), "-q", "1"]
    subprocess.run([*command, "-t", topic, "-m", body, *options], check=True, timeout=DEADLINE)


_numbers = count(1)


def ask(stack: Stack, version: str, monitor: Subscriber, action: str, client: str, **values: Any) -> Any:
    """Asks with an ID in the body; the monitor sees the reply on the client's own topic."""
    number = f"pub-{next(_numbers)}"
    pub(stack, version, request(action, client), json.dumps({**values, "requestID": number}))
    reply = monitor.expect(f"recharge/v1/reply/{client}", lambda body: body["requestID"] == number)
    return reply["result"] if reply["ok"] else reply["error"]["code"]


def test_a_monitor_sees_a_booking_from_its_beginning_to_its_end(
    stack: Stack, version: str, monitor: Subscriber, x: int
) -> None:
    charger, vehicle = f"pub-charger-{version}", f"pub-vehicle-{version}"

    def asked(action: str, client: str, **values: Any) -> Any:
        return ask(stack, version, monitor, action, client, **values)

    station = asked("newChargingStation", charger, **station_at(x))
    asked("newChargingPoint", charger, **point_of(station))
    place = monitor.expect(f"{STATE}/station/{station}", lambda body: body["chargingPoints"] == 1)
    assert set(place) == {"chargingStationID", "x_position", "y_position", "chargingPoints", "updated"}
    point_topic = f"{STATE}/point/{station}/1"
    point = monitor.expect(point_topic)
    assert (point["availability"], point["queueLength"], point["freeFrom"]) == ("livre", 0, None)

    booked = asked("scheduleReservation", vehicle, **charge_at(x))
    for name in (charger, vehicle):
        event = monitor.expect(f"recharge/v1/event/{name}/reservationScheduled")
        assert (event["type"], event["reservation"]) == ("reservationScheduled", booked)
    point = monitor.expect(point_topic, lambda body: body["queueLength"] == 1)
    assert (point["availability"], point["freeFrom"]) == ("reservado", booked["finishDateTime"])
    assert vehicle not in json.dumps(point)

    assert asked("deleteReservation", vehicle, reservationID=booked["reservationID"]) == "Sucesso"
    for name in (charger, vehicle):
        event = monitor.expect(f"recharge/v1/event/{name}/reservationCancelled")
        assert event["reason"] == "vehicleCancelled"
        assert event["reservation"] == booked | {"state": "cancelled"}
    assert asked("findReservation", vehicle) == "NOT_FOUND"

    assert asked("deleteChargingStation", charger, chargingStationID=station) == "Sucesso"
    for topic in (point_topic, f"{STATE}/station/{station}"):
        wait_until(lambda topic=topic: monitor.delivered(topic)[-1][1] == "", f"{topic} is cleared")


def test_who_comes_later_is_told_the_retained_state(
    stack: Stack, version: str, monitor: Subscriber, x: int, tmp_path: Path
) -> None:
    charger = f"late-charger-{version}"
    station = ask(stack, version, monitor, "newChargingStation", charger, **station_at(x))
    topic = f"{STATE}/station/{station}"
    seen = monitor.expect(topic)
    with Subscriber(stack, tmp_path / "late", version, topic) as late:
        assert late.expect(topic) == seen
        assert [retained for retained, _ in late.delivered(topic)] == [True]
        ask(stack, version, monitor, "deleteChargingStation", charger, chargingStationID=station)
        wait_until(lambda: late.delivered(topic)[-1][1] == "", "the station's state is cleared")
    with Subscriber(stack, tmp_path / "latest", version, topic) as latest:
        pub(stack, version, topic, '{"from": "the test"}')
        assert latest.expect(topic) == {"from": "the test"}
        assert len(latest.delivered(topic)) == 1


def test_presence_and_last_will(stack: Stack, version: str, monitor: Subscriber, tmp_path: Path) -> None:
    topic = f"recharge/v1/presence/present-{version}"
    will = ("--will-topic", topic, "--will-payload", '{"online": false}', "--will-qos", "1", "--will-retain")
    with Subscriber(stack, tmp_path / "present", version, topic, options=will) as present:
        pub(stack, version, topic, '{"online": true}', "-r")
        monitor.expect(topic, lambda body: body["online"])
        present.process.kill()
        monitor.expect(topic, lambda body: not body["online"])
    with Subscriber(stack, tmp_path / "later", version, topic) as later:
        assert later.delivered(topic) == [(True, '{"online": false}')]


def test_our_own_processes_tell_that_they_are_there(stack: Stack, version: str, tmp_path: Path) -> None:
    with Subscriber(stack, tmp_path / "log", version, "recharge/v1/service/+") as subscriber:
        for name in ("cloud_service", "gateway"):
            delivered = subscriber.expect(f"recharge/v1/service/{name}")
            assert delivered["online"] is True
            assert set(delivered) == {"online", "version", "since", "now"}


def test_a_retained_request_is_ignored(stack: Stack, version: str, monitor: Subscriber, x: int) -> None:
    client = f"retainer-{version}"
    topic = request("newChargingStation", client)
    pub(stack, version, topic, json.dumps({**station_at(x), "requestID": "kept"}), "-r")
    pub(stack, version, topic, "", "-r")
    assert ask(stack, version, monitor, "findReservation", client) == "NOT_FOUND"
    delivered = [json.loads(payload) for _, payload in monitor.delivered(f"recharge/v1/reply/{client}")]
    assert "kept" not in [reply["requestID"] for reply in delivered]


# gmqtt

Received = tuple[str, bytes, dict[str, Any]]


class Gmqtt:
    """Asks with Response Topic and Correlation Data; messages wait in a queue until they are read.

    gmqtt gives each property as a list of its values.
    """

    def __init__(self, stack: Stack, name: str, *topics: str) -> None:
        self.reply_topic = f"recharge/v1/reply/{name}/gmqtt"
        self._name = name
        self._port = stack.mqtt_port
        self._topics = (self.reply_topic, *topics)
        self._received: asyncio.Queue[Received] = asyncio.Queue()
        self._subscribed = asyncio.Event()
        self._client = gmqtt.Client(name)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._subscribed.set()

    async def __aenter__(self) -> "Gmqtt":
        await self._client.connect("127.0.0.1", self._port)
        self._client.subscribe([gmqtt.Subscription(topic, qos=1) for topic in self._topics])
        async with asyncio.timeout(DEADLINE):
            await self._subscribed.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.disconnect()

    def publish(self, action: str, values: dict[str, Any], **properties: Any) -> None:
        self._client.publish(request(action, self._name), json.dumps(values), qos=1, **properties)

    async def next(self) -> Received:
        async with asyncio.timeout(DEADLINE):
            return await self._received.get()

    async def ask(self, action: str, values: dict[str, Any], correlation: bytes) -> Received:
        self.publish(action, values, response_topic=self.reply_topic, correlation_data=correlation)
        return await self.next()

    def _on_message(self, _: object, topic: str, payload: bytes, qos: int, properties: dict[str, Any]) -> int:
        assert qos == 1
        self._received.put_nowait((topic, payload, properties))
        return 0


def test_gmqtt_finds_its_replies_by_their_properties(stack: Stack, x: int) -> None:
    async def use() -> None:
        async with Gmqtt(stack, "gmqtt-charger") as client:
            topic, payload, properties = await client.ask("newChargingStation", station_at(x), b"order 1")
            assert topic == client.reply_topic
            station = json.loads(payload)["result"]
            assert json.loads(payload) == {"requestID": "order 1", "ok": True, "result": station}
            assert properties["correlation_data"] == [b"order 1"]
            assert properties["content_type"] == ["application/json"]
            assert properties["user_property"] == [("status", "ok")]

            unknown = {"chargingStationID": station + 10_000}
            _, payload, properties = await client.ask("deleteChargingStation", unknown, b"order 2")
            assert json.loads(payload)["error"]["code"] == "NOT_FOUND"
            assert properties["user_property"] == [("status", "NOT_FOUND")]

    asyncio.run(use())


def test_gmqtt_asks_twice_with_bytes_that_are_no_text_and_gets_one_station(stack: Stack, x: int) -> None:
    async def use() -> None:
        async with Gmqtt(stack, "gmqtt-again") as client:
            replies = [
                await client.ask("newChargingStation", station_at(place), b"\xff\x00\xfe")
                for place in (x, x, x + 1)
            ]
        assert [json.loads(payload)["requestID"] for _, payload, _ in replies] == [None] * 3
        assert replies[0][1] == replies[1][1]
        assert [properties["correlation_data"] for _, _, properties in replies] == [[b"\xff\x00\xfe"]] * 3
        assert json.loads(replies[2][1])["error"]["code"] == "ID_REUSED"

    asyncio.run(use())


def test_gmqtt_has_many_requests_under_way(stack: Stack, x: int) -> None:
    """Replies of one client come in the order of its requests."""

    async def use() -> None:
        async with Gmqtt(stack, "gmqtt-many") as client:
            names = [[f"n-{number}".encode()] for number in range(300)]
            for number, name in enumerate(names):
                client.publish(
                    "newChargingStation",
                    {"x_position": x, "y_position": number % 3},
                    response_topic=client.reply_topic,
                    correlation_data=name[0],
                )
            replies = [await client.next() for _ in names]
        assert [properties["correlation_data"] for _, _, properties in replies] == names
        results = [json.loads(payload)["result"] for _, payload, _ in replies]
        assert results == results[:3] * 100
        assert len(set(results)) == 3

    asyncio.run(use())


def test_gmqtt_hears_its_events(stack: Stack, x: int) -> None:
    async def use() -> None:
        async with Gmqtt(stack, "gmqtt-vehicle", "recharge/v1/event/gmqtt-vehicle/#") as vehicle:
            station = json.loads(rr(stack, "newChargingStation", "gmqtt-owner", station_at(x)))["result"]
            rr(stack, "newChargingPoint", "gmqtt-owner", point_of(station))
            vehicle.publish("scheduleReservation", charge_at(x), response_topic=vehicle.reply_topic)
            delivered = dict([(await vehicle.next())[:2], (await vehicle.next())[:2]])
        booked = json.loads(delivered[vehicle.reply_topic])["result"]
        event = json.loads(delivered["recharge/v1/event/gmqtt-vehicle/reservationScheduled"])
        assert event["reservation"] == booked
        assert booked["chargingStationID"] == station

    asyncio.run(use())
