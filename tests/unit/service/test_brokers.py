"""The service's brokers, two real ones: what they have acknowledged, and which of them are waited for."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cloud_service.core.changes import Changes
from cloud_service.core.network import Network
from cloud_service.core.records import Station
from cloud_service.protocol.messages import Message
from cloud_service.service import broker_progress, brokers
from cloud_service.service.broker import Broker as ServiceBroker
from cloud_service.service.brokers import Brokers
from cloud_service.service.membership import ALONE, Membership, member
from tests.kit.mqtt import MqttConnection
from tests.kit.pausing import paused
from tests.kit.processes import Broker, Process
from tests.kit.waiting import wait_until
from tests.unit.service.engine.bench import NOON

EVENT = Message("recharge/v1/event/ana/reservationScheduled", b"{}")


class Program:
    """A loop with two brokers, which says when what it has told was acknowledged."""

    def __init__(self, processes: list[Broker], membership: Membership = ALONE) -> None:
        self.acknowledged: list[Any] = []
        self.ready: list[ServiceBroker] = []
        self.absent: list[ServiceBroker] = []
        self.brokers = Brokers(
            [process.address for process in processes],
            membership,
            will=Message("recharge/v1/service/cloud_service", b"{}"),
            since=datetime.now(UTC),
            home_assistant=False,
            on_message=lambda broker, _message, delivery: broker.connection.acknowledge(delivery),
            on_ready=self.ready.append,
            on_acknowledged=self.acknowledged.append,
            on_absent=self.absent.append,
            compares=lambda: not membership.shared,
        )

    def poll_until(self, condition: Callable[[], Any], what: str) -> None:
        def turn() -> Any:
            self.brokers.poll(0.02)
            return condition()

        wait_until(turn, what)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[list[Broker]]:
    with Broker(tmp_path / "1") as first, Broker(tmp_path / "2") as second:
        yield [first, second]


@pytest.fixture
def program(processes: list[Broker]) -> Iterator[Program]:
    program = Program(processes)
    program.poll_until(lambda: len(program.ready) == 2, "both are connected")
    yield program
    program.brokers.close(Message("test", b""), 0.1)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_progress, "STALLED_SECONDS", 0.1)
    monkeypatch.setattr(broker_progress, "ABSENT_SECONDS", 0.3)


def test_an_event_is_acknowledged_when_both_have_it(processes: list[Broker], program: Program) -> None:
    with paused(processes[0]):
        program.brokers.tell(EVENT, "told")
        connections = [broker.connection for broker in program.ready]
        program.poll_until(lambda: min(each.outstanding for each in connections) == 0, "one of them has it")
        assert program.acknowledged == []
    program.poll_until(lambda: program.acknowledged, "both have it")
    assert program.acknowledged == ["told"]


@pytest.mark.usefixtures("impatient")
def test_one_that_is_away_for_long_is_not_waited_for(processes: list[Broker], program: Program) -> None:
    processes[0].kill()
    program.brokers.tell(EVENT, "told")
    program.poll_until(lambda: program.acknowledged, "it is acknowledged without the first one")
    assert len(program.absent) == 1
    assert not program.brokers.all_heard
    program.brokers.tell(EVENT, "told of later")
    program.poll_until(lambda: len(program.acknowledged) == 2, "only the other one is told")

    Process.start(processes[0])
    program.poll_until(lambda: len(program.ready) == 3, "it is back")
    program.poll_until(lambda: program.brokers.all_heard, "both are heard")
    program.brokers.tell(EVENT, "told of again")
    assert program.ready[-1].unacknowledged_events == 1
    program.poll_until(lambda: len(program.acknowledged) == 3, "it is told again")


@pytest.mark.usefixtures("impatient")
def test_the_only_one_is_waited_for_even_if_it_is_not_heard(processes: list[Broker]) -> None:
    program = Program(processes[:1])
    program.poll_until(lambda: program.ready and program.brokers.all_heard, "it is heard")
    processes[0].kill()
    program.poll_until(lambda: not program.brokers.all_heard, "it is not heard")
    assert program.absent == []
    program.brokers.close(Message("test", b""), 0.1)


@pytest.mark.usefixtures("impatient")
def test_while_both_are_away_both_are_waited_for(processes: list[Broker], program: Program) -> None:
    for process in processes:
        process.kill()
    program.poll_until(lambda: not any(each.connection.ready for each in program.ready), "both are lost")
    program.brokers.tell(EVENT, "told")
    program.poll_until(
        lambda: all(each.progress.is_absent(time.monotonic()) for each in program.ready), "time passes"
    )
    assert program.absent == []
    for process in processes:
        Process.start(process)
    program.poll_until(lambda: program.acknowledged, "both have it, or the later one is not waited for")


def test_one_that_hangs_with_too_much_is_not_waited_for(
    processes: list[Broker], program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that waited for it would fill its memory."""
    monkeypatch.setattr(broker_progress, "STALLED_SECONDS", 0.1)
    monkeypatch.setattr(brokers, "MAX_OUTSTANDING_BYTES", 1_000)
    with paused(processes[0]):
        for number in range(20):
            program.brokers.tell(Message(EVENT.topic, b"x" * 100), number)
        program.poll_until(lambda: len(program.acknowledged) == 20, "the other one has them all")
        assert not program.brokers.is_behind
        assert len(program.absent) == 1


def test_a_member_that_comes_back_tells_the_state_of_now(processes: list[Broker]) -> None:
    """What it could not send before may be older than what others have sent meanwhile."""
    program = Program(processes, member("one"))
    program.poll_until(lambda: len(program.ready) == 2, "both are connected")
    network = Network()
    os.kill(processes[0].pid, signal.SIGSTOP)  # it does not even acknowledge
    told = Changes(stations=(Station(1, 1, 2, "ana"),))
    network.apply(told)
    program.brokers.note(told)
    program.brokers.turn(network, NOON)
    connections = [broker.connection for broker in program.ready]
    program.poll_until(lambda: min(each.outstanding for each in connections) == 0, "one of them has it")
    network.apply(Changes(stations=(Station(1, 8, 9, "ana"),)))
    processes[0].kill()
    Process.start(processes[0])
    program.poll_until(lambda: len(program.ready) == 3, "it is back")
    with MqttConnection(processes[0].port, "reader") as reader:
        reader.subscribe("recharge/v1/state/#")

        def is_told() -> bool:
            program.brokers.turn(network, NOON)
            return bool(reader.arrived())

        program.poll_until(is_told, "it has the state")
        (message,) = reader.take(1)
        assert json.loads(message.payload)["x_position"] == 8
    program.brokers.close(Message("test", b""), 0.1)
