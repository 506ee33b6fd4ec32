"""The request memory holds no more than its limits say."""

import json
from datetime import timedelta
from typing import Any
from weakref import WeakSet

import pytest

from cloud_service.protocol.messages import Message
from cloud_service.service.engine.deduplication import Deduplication
from cloud_service.service.engine.limits import DeduplicationLimits
from cloud_service.store.interface import StoredRequest
from cloud_service.store.journal import RequestRecord
from tests.unit.service.engine.bench import NOON, Bench, result


class Body(str):
    """A reply's body of which we see whether it still takes up space."""


def test_what_is_forgotten_takes_no_space_behind_an_older_request_of_somebody_else() -> None:
    memory = Deduplication(DeduplicationLimits(timedelta(hours=24), per_client=10, in_all=1000))
    bodies: WeakSet[Body] = WeakSet()
    for number in range(10_000):
        body = Body(number)
        bodies.add(body)
        client = "bob" if number else "ana"
        memory.add(StoredRequest(number, NOON, RequestRecord(client, f"text:{number}", b"", "ok", body)))
    del body

    assert len(memory) == 11
    assert len(bodies) < 200
    assert memory.find("ana", "text:0") is not None
    assert memory.oldest == 0
    assert [number for number in range(10_000) if memory.find("bob", f"text:{number}")] == list(
        range(9_990, 10_000)
    )


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"availability": "x" * 60_000}, "availability"),
        ({"availability": "\ue000" * 10_000}, "availability"),
        ({"power": "x" * 60_000, "availability": "livre"}, "power"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_refusal_does_not_repeat_all_that_was_sent(values: dict[str, Any], named: str) -> None:
    """It is remembered for a day, and so is each of 100,000 others of this client."""
    bench = Bench()
    point = {"chargingStationID": 1, "power": 1, "kWhPrice": 1, "requestID": "a"}
    bench.send("ana", "newChargingPoint", **{**point, **values})

    (answer,) = bench.turn().answers

    assert result(answer.reply) == "BAD_REQUEST"
    assert answer.reply is not None
    assert len(answer.reply.payload) < 2_000
    assert named in json.loads(answer.reply.payload)["error"]["message"]


def test_the_refusal_of_a_long_key_that_stands_twice_is_short() -> None:
    bench = Bench()
    body = b'{"%b": 1, "%b": 2}' % (b"x" * 30_000, b"x" * 30_000)
    message = Message("recharge/v1/request/newChargingStation/ana", body, correlation=b"a")
    bench.engine.take_in(message, None, bench.now.timestamp())

    (answer,) = bench.turn().answers

    assert result(answer.reply) == "BAD_REQUEST"
    assert answer.reply is not None
    assert len(answer.reply.payload) < 2_000
