"""Checks that the cloud service or a gateway reported to the broker within the last two minutes.

Exits with 0 if it did; of several brokers, one is enough. Uses that process's own account; the containers'
health checks call this command.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import uuid4

from msgspec import Struct

from cloud_service.cli.failure import complain
from cloud_service.config.command_line import Argument
from cloud_service.language.text import Text
from cloud_service.mqtt.address import BrokerAddress, BrokerAddresses
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.protocol import topics
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.messages import Message
from cloud_service.protocol.presence import Presence, read_presence

_OLDEST: Final = timedelta(minutes=2)
"""The processes report their presence twice a minute or more often."""
_TIMEOUT_SECONDS: Final = 5.0


class Options(Struct, frozen=True):
    name: Annotated[str, Argument(metavar="NAME", help="cloud_service, gateway or ocpp-gateway")]
    brokers: BrokerAddresses


def main(options: Options) -> int:
    reason: Text | Exception | None = None
    for broker in options.brokers.each:
        reason = _reason(options.name, broker)
        if reason is None:
            return 0
    assert reason is not None, "there is a broker at least"
    return complain("health", reason)


def _reason(name: str, broker: BrokerAddress) -> Text | Exception | None:
    """Why the process is not healthy, as far as this broker knows; None if it is."""
    try:
        reason = _complaint(asyncio.run(_presence(name, broker)), datetime.now(UTC))
    except TimeoutError:
        reason = Text("it has never reported its presence")
    except BadRequest as error:
        reason = Text("its report cannot be read: {problem}", problem=error.message)
    except ConnectionError as error:
        return error
    return None if reason is None else Text("{process}: {reason}", process=name, reason=reason)


async def _presence(name: str, broker: BrokerAddress) -> Presence:
    """The process's last report."""
    reports: asyncio.Queue[Message] = asyncio.Queue()
    connection = AsyncConnection(
        broker,
        f"health-{uuid4().hex[:12]}",
        subscriptions=[topics.service(name)],
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
