"""How many logins of chargers wait for the broker, and what is said to those beyond them."""

import asyncio
from typing import Any, Self

import pytest

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.ocpp import login
from cloud_service.ocpp.handshake import Credentials
from cloud_service.ocpp.login import Logins, Verdict
from tests.kit.waiting import until

AT_ONCE, WAITING = 2, 40


class SlowBroker:
    """Lets everybody in, once it is told to."""

    asked = 0
    answers = asyncio.Event()

    def __init__(self, *_: Any) -> None:
        pass

    async def __aenter__(self) -> Self:
        SlowBroker.asked += 1
        await SlowBroker.answers.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


async def test_those_who_would_wait_too_long_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "AsyncConnection", SlowBroker)
    monkeypatch.setattr(SlowBroker, "answers", asyncio.Event())
    logins = Logins(BrokerAddress("broker", 1883), at_once=AT_ONCE, most_wrong=5)

    async def check(number: int) -> Verdict:
        return await logins.check(f"post-{number}", Credentials(f"post-{number}", ("secret",)), "here")

    first = [asyncio.create_task(check(number)) for number in range(AT_ONCE + WAITING)]
    await until(lambda: SlowBroker.asked == AT_ONCE)
    assert await check(100) == "busy"
    SlowBroker.answers.set()
    assert set(await asyncio.gather(*first)) == {"right"}
    assert await check(100) == "right"
