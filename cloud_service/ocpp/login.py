"""Checks passwords of chargers: by a login at the broker, which knows all accounts."""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal, TypeAlias

from msgspec.structs import replace

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.mqtt.publisher import BrokerRefused, BrokerUnreachable
from cloud_service.ocpp.handshake import Credentials

log = logging.getLogger(__name__)

Verdict: TypeAlias = Literal["right", "wrong", "unheard", "busy", "away"]
"""`unheard`: too many passwords were wrong. `busy`: too many logins wait. `away`: the broker cannot be
reached.
"""

WINDOW_SECONDS: Final = 60.0
_WAITING_FOR_EACH: Final = 20
"""Logins that may wait for each one that is being checked. Chargers give up a handshake after some seconds
and try again: a check that comes later is wasted, and delays those behind it.
"""
_KEPT: Final = 10_000
"""How many pairs of charger and address have their failures counted: a flood must not fill the memory."""


class Failures:
    """Counts failed logins within WINDOW_SECONDS. Pure: time is passed in."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def too_many(self, source: str, now: float) -> bool:
        """Whether this source has to wait."""
        times = self._times.get(source)
        while times and times[0] <= now - WINDOW_SECONDS:
            times.popleft()
        return times is not None and len(times) >= self._most

    def note(self, source: str, now: float) -> None:
        """Counts one more failure."""
        self._times.setdefault(source, deque(maxlen=self._most)).append(now)
        self._times.move_to_end(source)
        if len(self._times) > _KEPT:
            self._times.popitem(last=False)

    def take_back(self, source: str) -> None:
        """Takes back the failure that was noted last."""
        times = self._times.get(source)
        if times:
            times.pop()


class Logins:
    """Checks passwords, at most `at_once` at a time."""

    def __init__(self, broker: BrokerAddress, *, at_once: int, most_wrong: int) -> None:
        self._broker = broker
        self._slots = asyncio.Semaphore(at_once)
        self._most_waiting = at_once * _WAITING_FOR_EACH
        self._waiting = 0
        self._wrong = Failures(most_wrong)

    async def check(self, identity: str, credentials: Credentials, host: str) -> Verdict:
        """Whether this is the password of the charger's account. `host` is where it comes from.

        Wrong passwords count for the charger and its address together: nobody else can lock a charger out.
        """
        source = f"{identity} {host}"
        clock = asyncio.get_running_loop().time
        if self._wrong.too_many(source, clock()):
            return "unheard"
        if self._waiting >= self._most_waiting:
            return "busy"
        async with self._slot():
            if self._wrong.too_many(source, clock()):  # logins before this one have failed meanwhile
                return "unheard"
            # counts as wrong until it is known, because others are checked at the same time
            self._wrong.note(source, clock())
            verdict = await self._try_each(identity, credentials.passwords)
            if verdict != "wrong":
                self._wrong.take_back(source)
                return verdict
        log.warning("wrong password", extra={"client": identity, "address": host})
        return "wrong"

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._slots.release()

    async def _try_each(self, identity: str, passwords: tuple[str, ...]) -> Verdict:
        for password in passwords:
            verdict = await self._try(identity, password)
            if verdict != "wrong":
                return verdict
        return "wrong"

    async def _try(self, identity: str, password: str) -> Verdict:
        address = replace(
            self._broker, user=identity, password=password, certificate_file=None, key_file=None
        )
        try:
            async with AsyncConnection(address, identity):
                return "right"
        except BrokerRefused:
            return "wrong"
        except (BrokerUnreachable, ConnectionError):
            return "away"
