"""Histories of a service in this process: repeated and reordered deliveries, reused IDs, and crashes."""

import json
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from cloud_service.protocol import topics
from cloud_service.protocol.actions import ACTIONS
from cloud_service.protocol.messages import Message
from cloud_service.service.engine.engine import Engine
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.frozen_folder import FrozenFolder
from cloud_service.store.verify import examine
from tests.faults.checker import FIVE_MINUTES
from tests.faults.traffic import START, Traffic
from tests.kit.simulated_disk import SimulatedFolder


class Deliveries(RuleBasedStateMachine):
    """Messages that were sent wait in no order; some are delivered several times."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = SimulatedFolder()
        self.now: datetime = START
        self.service = self._open()
        self.traffic = Traffic(Random(0), vehicles=3)
        self.sent: list[Message] = []
        self.replies: dict[tuple[str, str], bytes] = {}
        """The first reply to each client's ID."""
        self.given: dict[tuple[int, ...], tuple[str, ...]] = {}
        """What each ID of a point or a reservation was given to, for ever."""
        self._deliver([_request("newChargingStation", x_position=1, y_position=1)])
        self._deliver([_request("newChargingPoint", chargingStationID=1, **_EQUIPMENT)])

    def _open(self) -> Engine:
        return Engine(FileStore(self.folder, StoreOptions(checkpoint_seconds=60)), EngineLimits(), self.now)

    @rule(seed=st.integers(0, 10**6), count=st.integers(1, 8))
    def send(self, seed: int, count: int) -> None:
        self.traffic.reseed(seed)
        self.sent += [self.traffic.next() for _ in range(count)]

    @rule(order=st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
    def deliver(self, order: list[int]) -> None:
        """Any of those that were sent, in any order, as often as it comes, in one batch."""
        if self.sent:
            self._deliver([self.sent[number % len(self.sent)] for number in order])

    @rule(number=st.integers(0, 10**6))
    def deliver_again(self, number: int) -> None:
        """What was answered before changes nothing."""
        answered = [message for message in self.sent if _identity(message) in self.replies]
        if answered:
            before = self.service.network.tables.snapshot()
            self._deliver([answered[number % len(answered)]])
            assert self.service.network.tables == before, "a further delivery took effect"

    @rule(number=st.integers(0, 10**6))
    def reuse(self, number: int) -> None:
        """An ID that was answered, with another request."""
        answered = [message for message in self.sent if _identity(message) in self.replies]
        if answered:
            message = answered[number % len(answered)]
            body = {**json.loads(message.payload), "x_position": 77, "x": 77.5, "power": 33}
            topic = topics.request("newChargingStation", _identity(message)[0])
            other = Message(topic, json.dumps(body).encode())
            before = self.service.network.tables.snapshot()
            (reply,) = self._take_in([other])
            assert b'"code":"ID_REUSED"' in reply, f"{message}, then {other}: {reply!r}"
            assert self.service.network.tables == before, "a reused ID took effect"

    @rule(minutes=st.sampled_from((0, 1, 5, 60)))
    def pass_time(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.service.work(self.now)
        self.service.maintain(self.now)

    @rule(kept=st.booleans())
    def crash(self, kept: bool) -> None:
        """With or without what no sync had confirmed."""
        image = self.folder.image()
        for operation in list(self.folder.log):
            image.apply(operation)
        self.folder = SimulatedFolder(image.survivors(kept))
        self.service = self._open()

    @invariant()
    def keep_margins(self) -> None:
        tables = self.service.network.tables
        queues: dict[tuple[int, int], list[tuple[datetime, datetime]]] = {}
        for row in tables.reservations.values():
            queues.setdefault(row.point_key, []).append((row.start, row.finish))
        for queue in queues.values():
            for before, after in pairwise(sorted(queue)):
                assert after[0] >= before[1] + FIVE_MINUTES, f"{before} and {after} are too close"
        vehicles = [row.vehicle for row in tables.reservations.values()]
        assert len(set(vehicles)) == len(vehicles), "a vehicle has two reservations"

    def teardown(self) -> None:
        self.service.close(self.now)
        report = examine(FrozenFolder(Path("folder"), self.folder.files()), None, self.now)
        assert report.findings == []

    def _deliver(self, messages: list[Message]) -> None:
        for message, reply in zip(messages, self._take_in(messages), strict=True):
            if _is_remembered(message):
                first = self.replies.setdefault(_identity(message), reply)
                assert reply == first, f"{message}: answered {first!r}, then {reply!r}"
                self._note_id(message, json.loads(reply))

    def _note_id(self, message: Message, reply: dict[str, Any]) -> None:
        """A point is a request's for ever. A reservation is answered again, also where its time has moved."""
        given: dict[tuple[int, ...], tuple[str, ...]] = {}
        if reply["ok"] and "/newChargingPoint/" in message.topic:
            given[json.loads(message.payload)["chargingStationID"], reply["result"]] = _identity(message)
        elif reply["ok"] and "/scheduleReservation/" in message.topic:
            row = reply["result"]
            ids = row["chargingStationID"], row["chargingPointID"], row["reservationID"]
            given[ids] = (str(row["vehicleID"]),)
        for key, owner in given.items():
            first = self.given.setdefault(key, owner)
            assert first == owner, f"ID {key} was given twice: to {first} and to {owner}"

    def _take_in(self, messages: list[Message]) -> list[bytes]:
        for number, message in enumerate(messages):
            self.service.take_in(message, number, self.now.timestamp())
        answers = {answer.delivery: answer.reply for answer in self.service.work(self.now).answers}
        replies = [answers[number] for number in range(len(messages))]
        return [reply.payload for reply in replies if reply is not None]


_EQUIPMENT = {"power": 50, "kWhPrice": 1, "availability": "livre"}


def _request(action: str, **values: object) -> Message:
    body = json.dumps({**values, "requestID": f"first {action}"}).encode()
    return Message(topics.request(action, "charger-a"), body)


def _identity(message: Message) -> tuple[str, str]:
    client = message.topic.rpartition("/")[2]
    return client, json.loads(message.payload)["requestID"]


def _is_remembered(message: Message) -> bool:
    action = message.topic.split("/")[-2]
    return ACTIONS[action].is_remembered


def check_histories(count: int, *, shrink: bool = True) -> None:
    """Raises if one of this many histories breaks the promise; with `shrink`, shows a short one."""
    run_state_machine_as_test(
        Deliveries,
        settings=settings(
            max_examples=count,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
