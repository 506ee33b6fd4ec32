"""What a gateway does about chargers of others and of its former self, and when the broker is back."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from msgspec.structs import replace

from cloud_service.mqtt.requester import Requester
from cloud_service.ocpp.gateway import LEFT_SECONDS, OcppGateway
from cloud_service.ocpp.link import Link
from cloud_service.protocol import ocpp, topics
from cloud_service.protocol.messages import Message
from cloud_service.protocol.ocpp import ChargerRecord
from cloud_service.protocol.presence import client_presence, process_presence
from tests.kit.waiting import until

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OTHER = ChargerRecord("accepted", True, "ocpp-gateway-2", NOON, "another process", "1.6")


class Broker:
    """A gateway's connection. It keeps what was published, by topic, and what is watched."""

    def __init__(self) -> None:
        self.published: dict[str, Any] = {}
        self.watched: list[str] = []
        self.connection = self

    async def publish(self, message: Message) -> None:
        self.published[message.topic] = json.loads(message.payload)

    def watch(self, topic: str) -> None:
        self.watched.append(topic)

    def unwatch(self, topic: str) -> None:
        self.watched.remove(topic)


class Connection:
    """A charger's, which notes why it was closed."""

    identity = "post-7"
    version = "1.6"

    def __init__(self) -> None:
        self.closed = ""
        self.changes = 0
        self.story = self.reservations = self

    def changed(self) -> None:
        self.changes += 1

    async def close(self, reason: str) -> None:
        self.closed = reason

    async def tell_leniencies(self) -> None:
        """There are none."""

    async def pass_time(self) -> None:
        """Nothing happens."""


class Bench:
    """A gateway, and a charger that connects to it or to another one."""

    def __init__(self) -> None:
        self.broker = Broker()
        self.connection = Connection()
        self.link = cast(Link, self.connection)
        self.gateway = OcppGateway("ocpp-gateway", "this process", cast(Requester, self.broker), 1.0)

    async def connects(self) -> None:
        await self.gateway.connected(self.link)
        self.gateway.appear("post-7")
        await until(lambda: self.presence() == {"online": True, "through": "ocpp-gateway"})

    def presence(self) -> Any:
        return self.broker.published.get(client_presence("post-7", online=True).topic)

    def record(self) -> Any:
        return self.broker.published.get(ocpp.charger("post-7"))

    def hears_of(self, record: ChargerRecord) -> None:
        self.gateway.receive(Message(ocpp.charger("post-7"), ocpp.encode(record), retain=True))

    def hears_of_gateway(self, name: str, *, online: bool) -> None:
        self.gateway.receive(process_presence(name, online=online, since=NOON, now=NOON, errors=0))


def _clock() -> Callable[[], float]:
    return asyncio.get_running_loop().time


async def test_a_connection_ends_when_its_charger_has_another_one_elsewhere() -> None:
    bench = Bench()
    await bench.connects()
    bench.hears_of(OTHER)
    await until(lambda: bench.connection.closed == "connected to another gateway")
    assert bench.gateway.links == {}


async def test_what_a_gateway_itself_has_written_ends_no_connection() -> None:
    bench = Bench()
    await bench.connects()
    bench.hears_of(replace(OTHER, instance="this process"))
    bench.hears_of(replace(OTHER, online=False))
    assert bench.gateway.links == {"post-7": bench.link}


async def test_chargers_of_a_gateway_that_stays_away_are_offline() -> None:
    bench, clock = Bench(), _clock()
    bench.hears_of(OTHER)
    before = clock()
    bench.hears_of_gateway("ocpp-gateway-2", online=False)
    bench.gateway.pass_time(before + LEFT_SECONDS - 0.001)
    await asyncio.sleep(0)
    assert bench.presence() is None
    bench.gateway.pass_time(clock() + LEFT_SECONDS)
    await until(lambda: bench.presence() == {"online": False})
    await until(lambda: bench.record() and not bench.record()["online"])


async def test_those_of_one_that_comes_back_are_not() -> None:
    bench, clock = Bench(), _clock()
    bench.hears_of(OTHER)
    for online in (False, True):
        bench.hears_of_gateway("ocpp-gateway-2", online=online)
    bench.gateway.pass_time(clock() + 2 * LEFT_SECONDS)
    await asyncio.sleep(0)
    assert bench.presence() is None


async def test_nor_is_one_that_has_connected_here_meanwhile() -> None:
    bench, clock = Bench(), _clock()
    bench.hears_of(OTHER)
    bench.hears_of_gateway("ocpp-gateway-2", online=False)
    await bench.connects()
    bench.gateway.pass_time(clock() + 2 * LEFT_SECONDS)
    await asyncio.sleep(0)
    assert bench.presence() == {"online": True, "through": "ocpp-gateway"}
    assert bench.record()["online"]


async def test_chargers_that_a_restarted_gateway_had_may_come_back() -> None:
    bench = Bench()
    bench.hears_of(replace(OTHER, gateway="ocpp-gateway"))
    bench.gateway.started(10.0)
    bench.gateway.pass_time(10.0 + LEFT_SECONDS - 0.001)
    await asyncio.sleep(0)
    assert bench.presence() is None
    bench.gateway.pass_time(10.0 + LEFT_SECONDS)
    await until(lambda: bench.presence() == {"online": False})


async def test_one_that_has_come_back_stays_online() -> None:
    bench = Bench()
    bench.hears_of(replace(OTHER, gateway="ocpp-gateway"))
    bench.gateway.started(10.0)
    await bench.connects()
    bench.gateway.pass_time(10.0 + LEFT_SECONDS)
    await asyncio.sleep(0)
    assert bench.presence() == {"online": True, "through": "ocpp-gateway"}
    assert bench.record()["online"]


async def test_those_of_a_third_gateway_stay_online() -> None:
    bench = Bench()
    bench.hears_of(OTHER)
    bench.gateway.started(10.0)
    bench.gateway.pass_time(10.0 + LEFT_SECONDS)
    await asyncio.sleep(0)
    assert bench.presence() is None


async def test_a_broker_that_is_back_is_told_everything_again() -> None:
    bench = Bench()
    await bench.connects()
    bench.broker.published.clear()
    bench.broker.watched.clear()
    bench.gateway.broker_is_back()
    await until(lambda: bench.presence() == {"online": True, "through": "ocpp-gateway"} and bench.record())
    assert bench.broker.watched == ["recharge/v1/event/post-7/#"]
    assert bench.connection.changes == 1


async def test_an_event_of_a_charger_has_its_reservations_read_again() -> None:
    bench = Bench()
    await bench.connects()
    for name in ("post-7", "post-8"):
        bench.gateway.receive(Message(topics.event(name, "reservationScheduled"), b"{}"))
    assert bench.connection.changes == 1


async def test_what_is_no_record_is_ignored() -> None:
    bench = Bench()
    bench.gateway.receive(Message(ocpp.charger("post-7"), b"{", retain=True))
    bench.gateway.receive(Message(ocpp.place("post-7"), b'{"x_position": 1}', retain=True))
    assert bench.gateway.registry.records == {}
    assert bench.gateway.registry.places == {}
