"""Services on one database, in this process, and what they are asked."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from msgspec import Struct

from cloud_service.database.state import DatabaseState
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.service.clock import system_clock
from cloud_service.service.database_engine.clock import DatabaseClock
from cloud_service.service.database_engine.engine import DatabaseEngine
from cloud_service.service.engine.limits import EngineLimits

_numbers = count(1)


class Asked(Struct, frozen=True):
    """A request, with an ID of its own."""

    client: str
    action: str
    values: dict[str, Any]
    request_id: str


def request(client: str, action: str, request_id: str = "", **values: Any) -> Asked:
    return Asked(client, action, values, request_id or f"request-{next(_numbers)}")


class Service:
    """One of several services."""

    def __init__(self, address: str) -> None:
        self.state = DatabaseState(address)
        self.state.prepare(None)
        self._clock = DatabaseClock(self.state, system_clock)
        self.engine = DatabaseEngine(self.state, self._clock, EngineLimits())
        self.told: list[Message] = []

    def answers(self, *requests: Asked) -> list[dict[str, Any]]:
        """The bodies of the replies, in the order of the requests."""
        for asked in requests:
            body = json.dumps({**asked.values, "requestID": asked.request_id}).encode()
            message = Message(topics.request(asked.action, asked.client), body)
            self.engine.take_in(message, asked.request_id, time.time())
        found: dict[Any, dict[str, Any]] = {}
        while len(self.engine):
            for answer in self.turn():
                found[answer.delivery] = json.loads(answer.reply.payload)
        return [found[asked.request_id] for asked in requests]

    def result(self, asked: Asked) -> Any:
        """The result of a request that is not refused."""
        (answer,) = self.answers(asked)
        assert answer["ok"], answer
        return answer["result"]

    def turn(self) -> list[Any]:
        """What a service does all the time."""
        now = self._clock().wall
        answers = self.engine.work(now).answers
        for event in self.engine.take_events(10_000):
            self.told.append(event.message)
            self.engine.acknowledged(event.receipt)
        self.engine.maintain(now)
        return answers

    def close(self) -> None:
        self.engine.close(self._clock().wall)

    def die(self) -> None:
        """Leaves without a word."""
        self.state.close()


@contextmanager
def services(address: str, number: int = 1) -> Iterator[list[Service]]:
    """So many services, with nothing in the database yet."""
    running = [Service(address) for _ in range(number)]
    try:
        yield running
    finally:
        for service in running:
            service.die()
