"""Reconciliation with a real broker: what it has retained is compared with the network."""

import asyncio
import os
from pathlib import Path
from typing import NoReturn

import pytest

from cloud_service.core.changes import Changes
from cloud_service.core.network import Network
from cloud_service.core.records import Station
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.protocol.messages import Message
from cloud_service.service import reconciliation
from cloud_service.service.reconciliation import Reconciliation
from cloud_service.service.retained_state import RetainedState
from tests.kit.processes import Broker, free_port
from tests.kit.waiting import wait_until
from tests.unit.service.engine.bench import NOON


class Connection:
    """The service's connection and its loop, as far as reconciliation needs them."""

    def __init__(self) -> None:
        self.ready = True
        self.watched: set[int] = set()

    def watch(self, descriptor: int) -> None:
        self.watched.add(descriptor)

    def unwatch(self, descriptor: int) -> None:
        self.watched.remove(descriptor)


class Case:
    """A network of two stations, a state to be corrected, and the reconciliation of both."""

    def __init__(self, address: BrokerAddress) -> None:
        self.network = Network()
        self.network.apply(Changes(stations=(Station(1, 0, 0, "ana"), Station(2, 5, 5, "ana"))))
        self.state = RetainedState()
        self.connection = Connection()
        self.reconciliation = Reconciliation(
            address, "cloud_service", "cloud_service", self.state, self.connection, self.connection
        )

    def finish(self) -> None:
        def done() -> bool:
            self.reconciliation.turn(self.network)
            return not self.connection.watched

        wait_until(done, "reconciliation has ended")

    def stale(self) -> set[str]:
        sent = self.state.take(self.network, 100, NOON)
        return {message.topic.removeprefix("recharge/v1/state/") for message in sent}

    def right(self) -> list[Message]:
        state = RetainedState()
        state.note(Changes(stations=tuple(self.network.tables.stations.values())))
        return state.take(self.network, 100, NOON)


def retain(broker: Broker, messages: list[Message]) -> None:
    async def publish() -> None:
        async with AsyncConnection(broker.address, "publisher") as connection:
            for message in messages:
                await connection.publish(message)

    asyncio.run(publish())


def test_it_marks_what_is_missing_wrong_or_superfluous(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker:
        case = Case(broker.address)
        (right, _missing) = case.right()
        extra = Message("recharge/v1/state/station/9", b'{"chargingStationID": 9}', retain=True)
        retain(broker, [right, extra])

        case.reconciliation.begin()
        assert case.connection.watched
        case.finish()

        assert case.stale() == {"station/2", "station/9"}
        assert not case.reconciliation.has_work


def test_without_a_connection_it_does_not_begin() -> None:
    case = Case(BrokerAddress("127.0.0.1", free_port()))
    case.connection.ready = False
    case.reconciliation.begin()
    case.reconciliation.turn(case.network)
    assert case.connection.watched == set()


def test_beginning_again_starts_from_the_beginning(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker:
        case = Case(broker.address)
        case.reconciliation.begin()
        case.reconciliation.begin()
        assert len(case.connection.watched) == 1
        case.finish()
        assert case.stale() == {"station/1", "station/2"}


def test_while_the_network_cannot_be_read_it_wakes_nobody(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker:
        case = Case(broker.address)
        case.reconciliation.begin()
        case.reconciliation.pause()
        case.reconciliation.pause()
        assert case.connection.watched == set()
        case.reconciliation.turn(case.network)
        assert case.connection.watched
        case.finish()
        assert case.stale() == {"station/1", "station/2"}


def test_it_tries_again_when_the_broker_cannot_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "RETRY_SECONDS", 0.0)
    port = free_port()
    case = Case(BrokerAddress("127.0.0.1", port))
    case.reconciliation.begin()
    case.finish()
    with Broker(tmp_path, port):
        case.reconciliation.turn(case.network)
        assert case.connection.watched
        case.finish()
    assert case.stale() == {"station/1", "station/2"}


def test_it_tries_again_when_the_broker_ends_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "RETRY_SECONDS", 0.0)
    port = free_port()
    with Broker(tmp_path, port) as broker:
        case = Case(broker.address)
        case.reconciliation.begin()
    case.finish()
    with Broker(tmp_path, port):
        case.reconciliation.turn(case.network)
        assert case.connection.watched
        case.finish()
    assert case.stale() == {"station/1", "station/2"}


def test_without_the_means_for_another_connection_it_is_tried_again(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_descriptor() -> NoReturn:
        raise OSError(24, "Too many open files")

    case = Case(broker.address)
    monkeypatch.setattr(reconciliation, "RETRY_SECONDS", 0)
    with monkeypatch.context() as starving:
        starving.setattr(os, "pipe", no_descriptor)
        case.reconciliation.begin()
        assert not case.connection.watched
    case.reconciliation.turn(case.network)
    assert case.connection.watched
    case.finish()
    assert case.stale() == {"station/1", "station/2"}
