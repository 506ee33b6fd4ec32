"""Services on one database, in this process, and what they are asked."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from msgspec import Struct

from cloud_service.core.changes import Changes
from cloud_service.database.connection import ANSWER_SECONDS, Database, connect
from cloud_service.database.state import DatabaseState
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.service.clock import system_clock
from cloud_service.service.database_engine.clock import DatabaseClock
from cloud_service.service.database_engine.engine import DatabaseEngine
from cloud_service.service.engine.answers import Answer
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.service.engine.network_time import Reading
from tests.database.trouble import Trouble

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
    """One of several services. `trouble` is what happens on its way to the database."""

    def __init__(
        self, address: str, limits: EngineLimits | None = None, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        self.trouble = Trouble(partial(connect, answer_seconds=answer_seconds))
        limits = limits or EngineLimits()
        self.state = DatabaseState(address, limits.rules, self.trouble.connect)
        self.state.prepare(None)
        self._ahead = timedelta()
        self._clock = DatabaseClock(self.state, self._read_clock)
        self.engine = DatabaseEngine(self.state, self._clock, limits)
        self.told: list[Message] = []
        self.told_again: list[Changes] = []
        self.tells = True
        """Whether its broker takes its events."""

    def let_pass(self, time_passed: timedelta) -> None:
        """Moves the clocks of this service, and of nobody else."""
        self._ahead += time_passed

    def send(self, *requests: Asked) -> None:
        for asked in requests:
            body = json.dumps({**asked.values, "requestID": asked.request_id}).encode()
            message = Message(topics.request(asked.action, asked.client), body)
            self.engine.take_in(message, asked.request_id, self.now.timestamp())

    def answers(self, *requests: Asked) -> list[dict[str, Any]]:
        """The bodies of the replies, in the order of the requests."""
        self.send(*requests)
        found: dict[Any, dict[str, Any]] = {}
        while len(self.engine):
            for answer in self.turn():
                assert answer.reply is not None, f"no reply: {answer.outcome}"
                found[answer.delivery] = json.loads(answer.reply.payload)
        return [found[asked.request_id] for asked in requests]

    def result(self, asked: Asked) -> Any:
        """The result of a request that is not refused."""
        (answer,) = self.answers(asked)
        assert answer["ok"], answer
        return answer["result"]

    def code(self, asked: Asked) -> str:
        """The error of a request; an empty text if it is not refused."""
        (answer,) = self.answers(asked)
        return "" if answer["ok"] else str(answer["error"]["code"])

    def turn(self) -> list[Answer]:
        """What a service does all the time."""
        result = self.engine.work(self.now)
        self.told_again += result.told_again
        if self.tells:
            for event in self.engine.take_events(10_000):
                self.told.append(event.message)
                self.engine.acknowledged(event.receipt)
        self.engine.maintain(self.now)
        return result.answers

    @property
    def now(self) -> datetime:
        return self._clock().wall

    def close(self) -> None:
        self.engine.close(self.now)

    def die(self) -> None:
        """Leaves without a word."""
        self.state.close()

    def _read_clock(self) -> Reading:
        reading = system_clock()
        return Reading(reading.wall + self._ahead, reading.elapsed + self._ahead)


@contextmanager
def services(
    address: str,
    number: int = 1,
    *,
    limits: EngineLimits | None = None,
    answer_seconds: float = ANSWER_SECONDS,
) -> Iterator[list[Service]]:
    """So many services on one database."""
    running = [Service(address, limits, answer_seconds) for _ in range(number)]
    try:
        yield running
    finally:
        for service in running:
            service.die()


def booking(vehicle: str, x: float = 0, request_id: str = "", need: float = 5, **wishes: Any) -> Asked:
    battery = {"actualBatteryPercentage": 0, "batteryCapacity": need}
    return request(vehicle, "scheduleReservation", request_id, x=x, y=0, **battery, **wishes)


def new_station(
    service: Service, x: float = 0, points: int = 1, owner: str = "owner", *, operational: bool = True
) -> int:
    station = service.result(request(owner, "newChargingStation", x_position=x, y_position=0))
    values = {"chargingStationID": station, "power": 10, "kWhPrice": 1, "availability": "livre"}
    values["operational"] = operational
    for _ in range(points):
        service.result(request(owner, "newChargingPoint", **values))
    assert isinstance(station, int)
    return station


def ask_all(running: list[Service], requests: list[list[Asked]]) -> list[list[dict[str, Any]]]:
    """Each service gets its requests, all of them at once."""
    with ThreadPoolExecutor(len(running)) as pool:
        return list(pool.map(lambda service, asked: service.answers(*asked), running, requests))


def told(running: list[Service]) -> list[Message]:
    return [message for service in running for message in service.told]


def column(database: Database, statement: str) -> list[Any]:
    """The first column of what a statement finds."""
    return [row[0] for row in database.execute(statement.encode())]
