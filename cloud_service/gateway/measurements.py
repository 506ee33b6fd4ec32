"""What the gateway counts as it works: plain numbers, of which it makes a record of figures once a second."""

from collections import Counter, defaultdict
from datetime import datetime
from functools import partial
from typing import Final, Literal, TypeAlias, get_args

from cloud_service import __version__
from cloud_service.gateway.figures import GatewayFigures
from cloud_service.metrics.errors import RecentErrors
from cloud_service.metrics.histogram import REQUEST_SECONDS, Histogram
from cloud_service.mqtt.async_connection import AsyncConnection

INTERVAL_SECONDS: Final = 1.0
"""Between two records of figures."""
_UNREADABLE: Final = "none"
"""The action of bytes that are no request, or name no action."""

RefusalKind: TypeAlias = Literal["network", "connections", "connectionsPerAddress", "bookings"]


class Measurements:
    """Counts what happens. `latest` is the record of the last second."""

    def __init__(self) -> None:
        self.latest: GatewayFigures | None = None
        self.errors = RecentErrors()
        self._accepted = 0
        # Prometheus sees no increase in a series that begins with 1.
        self._refusals: Counter[tuple[str, ...]] = Counter({(kind,): 0 for kind in get_args(RefusalKind)})
        self._requests: Counter[tuple[str, ...]] = Counter()
        self._request_seconds: defaultdict[str, Histogram] = defaultdict(partial(Histogram, REQUEST_SECONDS))

    def accepted(self) -> None:
        """A connection was accepted."""
        self._accepted += 1

    def refused(self, kind: RefusalKind) -> None:
        """A connection or a booking was refused."""
        self._refusals[kind,] += 1

    def answered(self, action: str | None, outcome: str, seconds: float) -> None:
        """A request has ended."""
        name = action or _UNREADABLE
        self._requests[name, outcome] += 1
        self._request_seconds[name].observe(seconds)

    def take(self, connections: int, broker: AsyncConnection, started: datetime, now: datetime) -> None:
        """Makes the record of this moment."""
        self.latest = GatewayFigures(
            updated=now.timestamp(),
            started=started.timestamp(),
            version={(__version__,): 1},
            mqtt_connected=broker.connected,
            mqtt_reconnects=max(broker.logins - 1, 0),
            mqtt_outstanding=broker.outstanding,
            connections=connections,
            accepted=self._accepted,
            refusals=dict(self._refusals),
            requests=dict(self._requests),
            request_seconds={(name,): seen.read() for name, seen in self._request_seconds.items()},
        )
