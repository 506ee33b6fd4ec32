"""Calls and answers over one connection, whatever the charger does."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from websockets.asyncio.server import ServerConnection

from cloud_service.ocpp.exchange import (
    CALLS_WAITING,
    MESSAGES_A_SECOND,
    MESSAGES_AT_ONCE,
    CallRefused,
    Exchange,
    Pace,
)
from cloud_service.ocpp.frames import Call, Failure, Result
from cloud_service.ocpp.leniencies import Leniencies
from tests.kit.waiting import until


class Bench:
    """An exchange, and its charger."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[str] = asyncio.Queue()
        """What the charger has sent and nobody has read yet."""
        self.heard: list[Any] = []
        """What was sent to the charger."""
        self.answered: list[str] = []
        """The actions that were answered, and not from what was remembered."""
        self.fails = False
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.leniencies = Leniencies()
        self.counts: Counter[tuple[str, str]] = Counter()
        socket = cast(ServerConnection, self)
        self.exchange = Exchange(socket, self._answer, self.leniencies, self._count)

    def tell(self, *frame: Any) -> None:
        self.told.put_nowait(json.dumps(frame))

    async def send(self, text: str) -> None:
        self.heard.append(json.loads(text))

    async def __aiter__(self) -> AsyncIterator[str]:
        while True:
            yield await self.told.get()

    async def _answer(self, call: Call) -> Result | Failure:
        await self.may_answer.wait()
        self.answered.append(call.action)
        if self.fails:
            return Failure(call.id, "InternalError")
        return Result(call.id, {"number": len(self.answered)})

    def _count(self, action: str, outcome: str) -> None:
        self.counts[action, outcome] += 1


@asynccontextmanager
async def running() -> AsyncIterator[Bench]:
    bench = Bench()
    task = asyncio.create_task(bench.exchange.run())
    try:
        yield bench
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_the_same_call_again_has_the_same_answer_and_no_effect() -> None:
    async with running() as bench:
        for _ in range(3):
            bench.tell(2, "1", "Heartbeat", {})
        await until(lambda: len(bench.heard) == 3)
        assert bench.heard == [[3, "1", {"number": 1}]] * 3
        assert bench.counts == {("Heartbeat", "ok"): 3}
        assert bench.leniencies.all == ()


async def test_another_call_with_the_same_id_is_another_call() -> None:
    async with running() as bench:
        bench.tell(2, "1", "Heartbeat", {})
        bench.tell(2, "1", "Heartbeat", {"x": 1})
        await until(lambda: len(bench.heard) == 2)
        assert bench.heard == [[3, "1", {"number": 1}], [3, "1", {"number": 2}]]
        assert bench.leniencies.all == ("used a message ID twice",)


async def test_what_has_failed_is_tried_again() -> None:
    async with running() as bench:
        bench.fails = True
        bench.tell(2, "1", "Heartbeat", {})
        await until(lambda: bench.heard)
        bench.fails = False
        bench.tell(2, "1", "Heartbeat", {})
        await until(lambda: len(bench.heard) == 2)
        assert [frame[0] for frame in bench.heard] == [4, 3]


async def test_calls_beyond_those_that_wait_are_not_read() -> None:
    async with running() as bench:
        bench.may_answer.clear()
        more = 10
        for number in range(CALLS_WAITING + 2 + more):  # one is being answered, one waits for its place
            bench.tell(2, str(number), "Heartbeat", {})
        await until(lambda: bench.told.qsize() <= more)
        assert bench.told.qsize() == more
        bench.may_answer.set()
        await until(lambda: len(bench.heard) == CALLS_WAITING + 2 + more)


async def test_a_call_without_an_action_is_answered_with_an_error() -> None:
    async with running() as bench:
        bench.tell(2, "1")
        await until(lambda: bench.heard)
        assert bench.heard[0][:3] == [4, "1", "FormationViolation"]
        assert bench.leniencies.all == ("a call names no action",)


async def test_our_calls_wait_for_each_other() -> None:
    async with running() as bench:
        calls = [asyncio.create_task(bench.exchange.call("Reset", {}, 60)) for _ in range(2)]
        await until(lambda: bench.heard)
        await asyncio.sleep(0)
        ((_, first, _, _),) = bench.heard
        bench.tell(3, "never asked", {})
        bench.tell(3, first, {"status": "Accepted"})
        assert await calls[0] == {"status": "Accepted"}
        await until(lambda: len(bench.heard) == 2)
        bench.tell(4, bench.heard[1][1], "NotSupported", "", {})
        with pytest.raises(CallRefused, match="NotSupported"):
            await calls[1]


async def test_one_that_is_not_answered_holds_up_nobody() -> None:
    async with running() as bench:
        with pytest.raises(TimeoutError):
            await bench.exchange.call("Reset", {}, 0.01)
        second = asyncio.create_task(bench.exchange.call("Reset", {}, 60))
        await until(lambda: len(bench.heard) == 2)
        bench.tell(3, bench.heard[0][1], {"status": "Rejected"})
        bench.tell(3, bench.heard[1][1], {"status": "Accepted"})
        assert await second == {"status": "Accepted"}


def test_a_charger_may_send_what_it_has_stored_and_then_so_many_a_second() -> None:
    pace = Pace(0.0)
    assert [pace.pause(0.0) for _ in range(int(MESSAGES_AT_ONCE))] == [0.0] * int(MESSAGES_AT_ONCE)
    assert pace.pause(0.0) == 1 / MESSAGES_A_SECOND
    assert pace.pause(2 / MESSAGES_A_SECOND) == 0.0
    assert pace.pause(2 / MESSAGES_A_SECOND) == 1 / MESSAGES_A_SECOND


def test_silence_earns_no_more_than_at_first() -> None:
    pace = Pace(0.0)
    assert [pace.pause(1e6) for _ in range(int(MESSAGES_AT_ONCE))] == [0.0] * int(MESSAGES_AT_ONCE)
    assert pace.pause(1e6) > 0
