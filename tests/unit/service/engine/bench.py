"""An engine on a bench: messages go in, answers come out, and the test sets the time."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cloud_service.core.changes import Changes
from cloud_service.core.tables import Tables
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.service.engine.answers import BatchResult
from cloud_service.service.engine.engine import Engine
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.service.engine.outbox import OutgoingEvent
from cloud_service.store.errors import SyncFailed, WriteFailed
from cloud_service.store.interface import Store
from cloud_service.store.journal import RequestRecord
from tests.kit.in_memory_store import InMemoryStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class FailingStore(InMemoryStore):
    """Fails as often as a test asks for, before or after it keeps a batch."""

    def __init__(self, tables: Tables | None = None) -> None:
        super().__init__(tables)
        self.failing_writes = 0
        self.failing_syncs = 0
        self.failing_loads = 0
        self.keeps_on_failure = False

    def load(self, now: datetime) -> Any:
        if self.failing_loads:
            self.failing_loads -= 1
            raise OSError("the disk is away")
        return super().load(now)

    def append(
        self, changes: Sequence[Changes], remembered: Sequence[RequestRecord], delivered: int, now: datetime
    ) -> int:
        if self.failing_writes:
            self.failing_writes -= 1
            raise WriteFailed("the disk is full")
        if self.failing_syncs:
            self.failing_syncs -= 1
            if self.keeps_on_failure:
                super().append(changes, remembered, delivered, now)
            raise SyncFailed("the disk did not confirm")
        return super().append(changes, remembered, delivered, now)


class Bench:
    """Sends requests to an engine, and lets time pass."""

    def __init__(self, store: Store | None = None, limits: EngineLimits | None = None, **table: Any) -> None:
        self.now = NOON
        self._table = table
        self.store = store or InMemoryStore()
        self.limits = limits or EngineLimits()
        self.engine = Engine(self.store, self.limits, self.now, **self._table)

    def restart(self) -> None:
        """Starts again as after a crash, with nothing but the store."""
        self.engine = Engine(self.store, self.limits, self.now, **self._table)

    def send(self, client: str, action: str, delivery: object = None, **values: Any) -> None:
        body = json.dumps(values).encode()
        message = Message(topics.request(action, client), body)
        self.engine.take_in(message, delivery, self.now.timestamp())

    def turn(self, **later: float) -> BatchResult:
        self.now += timedelta(**later)
        return self.engine.work(self.now)

    def events(self, most: int = 1_000) -> list[OutgoingEvent]:
        """Takes the messages of the events that wait."""
        return self.engine.take_events(most)

    def ask(self, client: str, action: str, **values: Any) -> Any:
        """The reply's `result`, or its error's code."""
        self.send(client, action, **values)
        answers = self.turn().answers
        assert len(answers) == 1
        return result(answers[0].reply)

    def station(self, owner: str, x: float = 0, points: int = 1) -> int:
        """A station with points of 10 kW at 1 a kWh."""
        number = self.ask(owner, "newChargingStation", x_position=x, y_position=0)
        for _ in range(points):
            self.ask(
                owner,
                "newChargingPoint",
                chargingStationID=number,
                power=10,
                kWhPrice=1,
                availability="livre",
            )
        return int(number)

    def book(self, vehicle: str, x: float = 0, **values: Any) -> Any:
        """A charge of one hour, unless the values say otherwise."""
        need = {"actualBatteryPercentage": 50, "batteryCapacity": 20}
        return self.ask(vehicle, "scheduleReservation", **{"x": x, "y": 0, **need, **values})


def result(reply: Message | None) -> Any:
    assert reply is not None
    body = json.loads(reply.payload)
    return body["result"] if body["ok"] else body["error"]["code"]
