"""Many chargers with OCPP 1.6 in a process of their own. Each charges, and comes back when it is cut off."""

import asyncio
import json
import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from random import Random
from typing import Any, Final

from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from tests.kit.ocpp import basic
from tests.kit.ocpp_wire import BOOT, now

PASSWORD: Final = "a password of chargers"
_CALL, _RESULT = 2, 3
_SECONDS: Final = 60.0
"""Longest wait for a handshake and for an answer."""
_SOON: Final = 1.0
"""A charger that is cut off comes back within this time: sooner than any real one."""


class Rates(Struct, frozen=True):
    """Seconds between two messages of a charger. They begin at any moment within the first of these."""

    heartbeat: float = 300.0
    meter: float = 60.0
    obedience: float = 1.0
    """The share of the time that it waits where it is told to come later."""


class Counts:
    """What the fleet does, as its own process tells."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self.online: Synchronized[int] = context.Value("q", 0)
        """Chargers that are connected, accepted and charging."""
        self.answered: Synchronized[int] = context.Value("q", 0)
        self.refused: Synchronized[int] = context.Value("q", 0)
        """Connections that failed, or were refused for now."""
        self.over: Event = context.Event()


def identity(number: int) -> str:
    """The name of a charger of the fleet."""
    return f"fleet-{number}"


@contextmanager
def fleet(url: str, count: int, rates: Rates, *, secured: bool) -> Iterator[Counts]:
    """So many chargers, which connect at once. On leaving, each ends its charge."""
    counts = Counts()
    process = get_context("spawn").Process(
        target=_run, args=(url, count, rates, secured, counts), daemon=True
    )
    process.start()
    try:
        yield counts
        counts.over.set()
        process.join(4 * _SECONDS)
        assert process.exitcode == 0, "a charger of the fleet has failed"
    finally:
        process.kill()


def _run(url: str, count: int, rates: Rates, secured: bool, counts: Counts) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(16_384, hard), hard))
    asyncio.run(_all(url, count, rates, secured, counts))


async def _all(url: str, count: int, rates: Rates, secured: bool, counts: Counts) -> None:
    over = asyncio.Event()

    async def watch() -> None:
        while not counts.over.is_set():
            await asyncio.sleep(0.1)
        over.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch())
        for number in range(count):
            tasks.create_task(_Charger(url, number, rates, secured, counts).live(over))


class _Charger:
    def __init__(self, url: str, number: int, rates: Rates, secured: bool, counts: Counts) -> None:
        self._url = url + identity(number)
        self._headers = basic(identity(number), PASSWORD) if secured else {}
        self._random = Random(number)
        self._rates = rates
        self._counts = counts
        self._tag = f"car-{number}"
        self._transaction: int | None = None
        self._meter = 0
        self._number = 0

    async def live(self, over: asyncio.Event) -> None:
        """Until it is over, and the charge has ended."""
        while not over.is_set() or self._transaction is not None:
            try:
                async with asyncio.timeout(None), self._connect() as socket:
                    await self._charge(socket, over)
            except InvalidStatus as refusal:
                await self._pause(float(refusal.response.headers.get("Retry-After", 0)))
            except (OSError, InvalidHandshake, ConnectionClosed, EOFError):
                await self._pause(0)

    def _connect(self) -> connect:
        return connect(
            self._url,
            subprotocols=[Subprotocol("ocpp1.6")],
            additional_headers=self._headers,
            compression=None,
            ping_interval=None,
            open_timeout=_SECONDS,
        )

    async def _pause(self, told: float) -> None:
        with self._counts.refused.get_lock():
            self._counts.refused.value += 1
        await asyncio.sleep(told * self._rates.obedience + self._random.uniform(0, _SOON))

    async def _charge(self, socket: ClientConnection, over: asyncio.Event) -> None:
        while (await self._call(socket, "BootNotification", BOOT))["status"] != "Accepted":
            await asyncio.sleep(_SOON)
        await self._status(socket, "Charging")
        if self._transaction is None:
            begun = await self._call(
                socket,
                "StartTransaction",
                {"connectorId": 1, "idTag": self._tag, "meterStart": 0, "timestamp": now()},
            )
            assert begun["idTagInfo"]["status"] == "Accepted", begun
            self._transaction = begun["transactionId"]
        self._add(self._counts.online, 1)
        try:
            await self._tell(socket, over)
        finally:
            self._add(self._counts.online, -1)
        end = {"transactionId": self._transaction, "meterStop": self._meter, "timestamp": now()}
        await self._call(socket, "StopTransaction", end)
        self._transaction = None

    async def _tell(self, socket: ClientConnection, over: asyncio.Event) -> None:
        clock = asyncio.get_running_loop().time
        beat = clock() + self._random.uniform(0, self._rates.heartbeat)
        meter = clock() + self._random.uniform(0, self._rates.meter)
        ended = asyncio.create_task(over.wait())
        try:
            while not over.is_set():
                await self._hear_until(socket, min(beat, meter), ended)
                if clock() >= meter:
                    meter += self._rates.meter
                    await self._tell_meter(socket)
                elif clock() >= beat:
                    beat += self._rates.heartbeat
                    await self._call(socket, "Heartbeat", {})
        finally:
            ended.cancel()

    async def _hear_until(self, socket: ClientConnection, moment: float, ended: "asyncio.Task[bool]") -> None:
        """Refuses what the gateway asks meanwhile."""
        hearing = asyncio.create_task(socket.recv())
        wait = max(0.0, moment - asyncio.get_running_loop().time())
        await asyncio.wait((hearing, ended), timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        if not hearing.done():
            hearing.cancel()
            await asyncio.wait((hearing,))
        with suppress(asyncio.CancelledError):
            await self._refuse(socket, hearing.result())

    async def _tell_meter(self, socket: ClientConnection) -> None:
        self._meter += 100
        sampled = [
            {"value": str(self._meter), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
            {"value": "6000", "measurand": "Power.Active.Import", "unit": "W"},
        ]
        values = [{"timestamp": now(), "sampledValue": sampled}]
        told = {"connectorId": 1, "transactionId": self._transaction, "meterValue": values}
        await self._call(socket, "MeterValues", told)

    async def _status(self, socket: ClientConnection, status: str) -> None:
        told = {"connectorId": 1, "status": status, "errorCode": "NoError", "timestamp": now()}
        await self._call(socket, "StatusNotification", told)

    async def _call(self, socket: ClientConnection, action: str, payload: Mapping[str, Any]) -> Any:
        """The payload of the answer. Asks again while the gateway cannot do it now."""
        while True:
            self._number += 1
            await socket.send(json.dumps([_CALL, str(self._number), action, payload]))
            async with asyncio.timeout(_SECONDS):
                kind, answer = await self._answer(socket)
            if kind == _RESULT:
                self._add(self._counts.answered, 1)
                return answer
            await asyncio.sleep(self._random.uniform(0, _SOON))

    async def _answer(self, socket: ClientConnection) -> tuple[int, Any]:
        while True:
            message = await socket.recv()
            kind, name, *rest = json.loads(message)
            if kind != _CALL and name == str(self._number):
                return kind, rest[0]
            await self._refuse(socket, message)

    async def _refuse(self, socket: ClientConnection, message: str | bytes) -> None:
        kind, name, *_ = json.loads(message)
        if kind == _CALL:
            await socket.send(json.dumps([_RESULT, name, {"status": "Rejected"}]))

    @staticmethod
    def _add(value: "Synchronized[int]", amount: int) -> None:
        with value.get_lock():
            value.value += amount
