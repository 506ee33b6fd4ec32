"""Tells whether one of our processes is well: whether it said so at the broker within the last minutes.

Exits with 0 where it did. It uses the process's own account, and is what the containers' health checks call.
"""

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from cloud_service.cli.settings import broker_address
from cloud_service.mqtt.connection import AsyncConnection
from cloud_service.protocol import topics
from cloud_service.protocol.jsontext import decode_object
from cloud_service.protocol.messages import Message

_OLDEST: Final = timedelta(minutes=2)
"""Our processes say twice a minute that they are there."""
_PATIENCE: Final = 5.0


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="cloud_service, or gateway")


def main(options: Namespace) -> int:
    try:
        reason = _complaint(asyncio.run(_presence(options)), datetime.now(UTC))
    except TimeoutError:
        reason = "it has never said anything"
    if reason:
        print(f"recharge health: {options.name}: {reason}", file=sys.stderr)
        return 1
    return 0


async def _presence(options: Namespace) -> dict[str, Any]:
    """What the process said last."""
    heard: asyncio.Queue[Message] = asyncio.Queue()
    connection = AsyncConnection(
        broker_address(options),
        f"health-{uuid4().hex[:12]}",
        subscriptions=[topics.service(options.name)],
        on_message=heard.put_nowait,
    )
    async with connection, asyncio.timeout(_PATIENCE):
        return decode_object((await heard.get()).payload)


def _complaint(presence: dict[str, Any], now: datetime) -> str | None:
    if presence.get("online") is not True:
        return "it is not online"
    said = datetime.fromisoformat(presence["now"])
    if now - said > _OLDEST:
        return f"it was heard last at {said.isoformat()}"
    return None
