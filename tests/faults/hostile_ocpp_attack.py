"""Connects hostile chargers, all at once, and counts what comes back."""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from multiprocessing.queues import Queue
from random import Random

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from cloud_service.ocpp.schemas import SUBPROTOCOLS
from tests.faults.hostile_ocpp import HostileFrames
from tests.kit.waiting import DEADLINE

FRAMES_EACH = 180
"""Of one charger: what may come at once before the gateway makes it wait."""
_AT_ONCE = 10
"""Frames before a sound one, whose answer comes after all of theirs."""
_SOUND = "sound"
_ENDED = (ConnectionClosed, AttributeError)
"""A connection ends. If its last bytes are being written, asyncio of Python 3.11 misses its own loop."""


def identity(number: int) -> str:
    """The name of a hostile charger."""
    return f"hostile-{number}"


def chargers(count: int) -> int:
    """How many chargers it takes to send this many frames."""
    return -(-count // FRAMES_EACH)


def attack(url: str, count: int, seed: int, seen: "Queue[Counter[str]]") -> None:
    """Runs in a separate process. Counts frames that were sent, answers, and ends of connections by code."""
    seen.put(asyncio.run(_attack(url, count, seed)))


async def _attack(url: str, count: int, seed: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    async with asyncio.TaskGroup() as tasks:
        for number in range(chargers(count)):
            frames = min(FRAMES_EACH, count - number * FRAMES_EACH)
            tasks.create_task(_Hostile(url, number, seed, seen).send(frames))
    return seen


class _Hostile:
    def __init__(self, url: str, number: int, seed: int, seen: Counter[str]) -> None:
        self._url = url + identity(number)
        names = sorted(SUBPROTOCOLS)
        self._subprotocol = names[number % len(names)]
        self._frames = HostileFrames(Random(f"{seed} {number}"), SUBPROTOCOLS[self._subprotocol])
        self._seen = seen

    async def send(self, left: int) -> None:
        """Connects again whenever the gateway has ended the connection."""
        while left:
            left -= await self._send_over_one(left)

    async def _send_over_one(self, left: int) -> int:
        """Returns how many went out."""
        sent = 0
        async with connect(
            self._url, subprotocols=[Subprotocol(self._subprotocol)], compression=None, max_size=None
        ) as socket:
            with suppress(*_ENDED):
                while sent < left:
                    for _ in range(min(_AT_ONCE, left - sent)):
                        sent += 1
                        await socket.send(self._frames.next())
                    await self._hear_until_sound(socket)
        self._seen["sent"] += sent
        self._seen[f"closed with {socket.close_code}"] += 1
        return sent

    async def _hear_until_sound(self, socket: ClientConnection) -> None:
        await socket.send(json.dumps([2, _SOUND, "Heartbeat", {}]))
        async with asyncio.timeout(DEADLINE):
            async for message in socket:
                kind, name, *rest = json.loads(message)
                if name == _SOUND:
                    return
                self._seen["call" if kind == 2 else "answer" if kind == 3 else f"answer {rest[0]}"] += 1
