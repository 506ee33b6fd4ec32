"""The service's clock, which a demonstration may let run faster than the clock of this machine."""

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from cloud_service.protocol import topics
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.presence import read_presence
from cloud_service.protocol.roles import SERVICE
from recharge.account import AccountConnection


class NetworkClock(Struct, frozen=True):
    """Runs `speed` times as fast as the clock of this machine, and agreed with it at `since`."""

    speed: float = 1.0
    since: datetime = datetime(2000, 1, 1, tzinfo=UTC)

    def at(self, moment: datetime) -> datetime:
        """Returns what the service's clock shows at this moment."""
        return moment if self.speed == 1 else self.since + (moment - self.since) * self.speed

    def when(self, shown: datetime) -> datetime:
        """Returns the moment at which the service's clock shows this time."""
        return shown if self.speed == 1 else self.since + (shown - self.since) / self.speed


MACHINE_CLOCK: Final = NetworkClock()
"""The service's clock is that of this machine."""


async def read_clock(connection: AccountConnection) -> NetworkClock:
    """Connects, and reads off the service's presence how its clock runs.

    Raises ConnectionError if the broker cannot be reached.
    """
    async with connection:
        retained = await connection.retained(topics.service(SERVICE))
    try:
        presence = read_presence(retained or b"")
        since = presence.clock_since or presence.since
        if presence.clock_speed is None or since is None:
            return MACHINE_CLOCK
        return NetworkClock(presence.clock_speed, datetime.fromisoformat(since))
    except (BadRequest, ValueError):
        return MACHINE_CLOCK
