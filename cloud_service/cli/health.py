"""Checks that the cloud service or a gateway reported to the broker within the last two minutes.

Exits with 0 if it did. Uses that process's own account; the containers' health checks call this command.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import uuid4

from msgspec import Struct

from cloud_service.cli.failure import complain
from cloud_service.config.command_line import Argument
from cloud_service.language.text import Text
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.protocol import topics
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.messages import Message
from cloud_service.protocol.presence import Presence, read_presence

_OLDEST: Final = timedelta(minutes=2)
"""The processes report their presence twice a minute or more often."""
_TIMEOUT_SECONDS: Final = 5.0


class Options(Struct, frozen=True):
    name: Annotated[str, Argument(metavar="NAME", help="cloud_service, or gateway")]
    broker: BrokerAddress


def main(options: Options) -> int:
    try:
        reason = _complaint(asyncio.run(_presence(options)), datetime.now(UTC))
    except TimeoutError:
        reason = Text("it has never reported its presence")
    except BadRequest as error:
        reason = Text("its report cannot be read: {problem}", problem=error.message)
    if reason is None:
        return 0
    return complain("health", Text("{process}: {reason}", process=options.name, reason=reason))


async def _presence(options: Options) -> Presence:
    """The process's last report."""
    reports: asyncio.Queue[Message] = asyncio.Queue()
    connection = AsyncConnection(
        options.broker,
        f"health-{uuid4().hex[:12]}",
        subscriptions=[topics.service(options.name)],
        on_message=reports.put_nowait,
    )
    async with connection, asyncio.timeout(_TIMEOUT_SECONDS):
        return read_presence((await reports.get()).payload)


def _complaint(presence: Presence, now: datetime) -> Text | None:
    if not presence.online or presence.now is None:
        return Text("it is not online")
    reported = datetime.fromisoformat(presence.now)
    if now - reported > _OLDEST:
        return Text("its last report was at {time}", time=reported.isoformat())
    return None
