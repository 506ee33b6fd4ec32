"""Which chargers a gateway tells of as connected, whatever comes in between."""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cloud_service.mqtt.requester import Requester
from cloud_service.ocpp.frames import Call, Failure, Result
from cloud_service.ocpp.gateway import OcppGateway
from cloud_service.ocpp.link import Link
from cloud_service.ocpp.story import Habits
from cloud_service.protocol.messages import Message
from cloud_service.protocol.ocpp import Place, PlacePoint, charger, encode, place

IDENTITY = "post-7"
PRESENCE = "recharge/v1/presence/post-7"
ANSWERS: Mapping[str, Any] = {"newChargingStation": 4, "newChargingPoint": 1, "receiveAllChargingPoints": []}


class Broker:
    """The gateway's connection to the broker, and the service behind it."""

    def __init__(self) -> None:
        self.retained: dict[str, Any] = {}
        self.watched: list[str] = []
        self.acknowledges = asyncio.Event()
        self.acknowledges.set()
        self.connection = self

    async def publish(self, message: Message) -> None:
        self.retained[message.topic] = json.loads(message.payload)
        await self.acknowledges.wait()

    def watch(self, topic: str) -> None:
        self.watched.append(topic)

    def unwatch(self, topic: str) -> None:
        self.watched.remove(topic)

    async def request(self, action: str, *_: object, **__: object) -> Any:
        return ANSWERS.get(action)

    @property
    def shown(self) -> tuple[bool, bool]:
        """Whether its record and its presence say that the charger is online."""
        return self.retained[charger(IDENTITY)]["online"], self.retained[PRESENCE]["online"]


class Bench:
    """A gateway, at which one charger has its place."""

    def __init__(self) -> None:
        self.broker = Broker()
        self.gateway = OcppGateway("ocpp-gateway", "this process", cast(Requester, self.broker), 5)
        where = Place(3, 4, (PlacePoint(1, 22, 0.9),))
        self.gateway.receive(Message(place(IDENTITY), encode(where), retain=True))

    async def connect(self) -> Link:
        """The charger connects, and says what chargers say at any time."""
        socket = SimpleNamespace(subprotocol="ocpp1.6", close=_closed)
        habits = Habits(300, True, timedelta(), 5)
        link = Link(IDENTITY, cast(Any, socket), "1.6", self.gateway, habits, lambda *_: None)
        await self.gateway.connected(link)
        link.story.stands(self.gateway.place(IDENTITY))
        assert isinstance(await link.answer(Call("1", "Heartbeat", {})), Result)
        await settled()
        return link


async def _closed(*_: object) -> None:
    return


async def settled() -> None:
    """Lets the tasks of the gateway come to where they wait for the broker."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_a_charger_that_comes_back_without_a_boot_is_online(bench: Bench) -> None:
    await bench.gateway.disconnected(await bench.connect())
    await settled()
    assert bench.broker.shown == (False, False)
    await bench.connect()
    assert bench.broker.shown == (True, True)


async def test_one_that_comes_back_before_the_broker_knows_that_it_had_gone(bench: Bench) -> None:
    old = await bench.connect()
    bench.broker.acknowledges.clear()
    old.leniencies.note("told nothing")
    leaving = asyncio.create_task(bench.gateway.disconnected(old))
    await settled()
    coming = asyncio.create_task(bench.connect())
    await settled()
    bench.broker.acknowledges.set()
    await leaving
    await coming
    assert bench.broker.shown == (True, True)
    assert bench.broker.retained[charger(IDENTITY)]["leniencies"] == ["told nothing"]
    assert len(bench.broker.watched) == 1


async def test_what_an_old_connection_still_has_to_write_does_not_bring_it_back(bench: Bench) -> None:
    link = await bench.connect()
    before = link.record
    await bench.gateway.disconnected(link)
    await settled()
    await link.keep(before)
    assert bench.broker.shown == (False, False)


async def test_a_place_that_comes_too_late_does_not_show_one_that_has_gone(bench: Bench) -> None:
    link = await bench.connect()
    await bench.gateway.disconnected(link)
    await link.place_changed(bench.gateway.place(IDENTITY))
    await settled()
    assert bench.broker.shown == (False, False)


async def test_one_whose_place_is_taken_away_waits_again(bench: Bench) -> None:
    await bench.connect()
    bench.gateway.receive(Message(place(IDENTITY), b"", retain=True))
    await settled()
    assert bench.broker.retained[charger(IDENTITY)]["state"] == "pending"


async def test_a_fault_of_the_gateway_ends_no_connection(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = await bench.connect()
    monkeypatch.setattr(Broker, "publish", None)
    boot = Call("3", "BootNotification", {"chargePointVendor": "Maker", "chargePointModel": "One"})
    answer = await link.answer(boot)
    assert isinstance(answer, Failure)
    assert answer.code == "InternalError"
    assert "cannot do BootNotification" in caplog.text


async def test_one_that_has_gone_to_another_gateway_is_let_go(bench: Bench) -> None:
    link = await bench.connect()
    elsewhere = {**bench.broker.retained[charger(IDENTITY)], "gateway": "ocpp-gateway-2", "instance": "other"}
    bench.gateway.receive(Message(charger(IDENTITY), encode(elsewhere), retain=True))
    await link.answer(Call("2", "Heartbeat", {}))
    await bench.gateway.disconnected(link)
    await settled()
    assert bench.broker.retained[PRESENCE] == {"online": True, "through": "ocpp-gateway"}
    assert bench.broker.watched == []
