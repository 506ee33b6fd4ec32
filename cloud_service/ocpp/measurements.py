"""What the OCPP gateway counts as it works, of which it makes a record of figures once a second."""

from collections import Counter
from datetime import datetime

from cloud_service import __version__
from cloud_service.metrics.errors import RecentErrors
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.ocpp.figures import OcppFigures
from cloud_service.ocpp.schemas import SUBPROTOCOLS

REASONS = ("path", "identity", "password", "passwords", "full", "logins", "broker")


class Measurements:
    """Counts what happens. `latest` is the record of the last second."""

    def __init__(self) -> None:
        self.latest: OcppFigures | None = None
        self.errors = RecentErrors()
        # Prometheus sees no increase in a series that begins with 1.
        self._accepted: Counter[tuple[str, ...]] = Counter({(each,): 0 for each in SUBPROTOCOLS.values()})
        self._refusals: Counter[tuple[str, ...]] = Counter({(each,): 0 for each in REASONS})
        self._messages: Counter[tuple[str, ...]] = Counter()

    def accepted(self, version: str) -> None:
        """A charger has connected."""
        self._accepted[version,] += 1

    def refused(self, reason: str) -> None:
        """A connection was refused, for one of REASONS."""
        self._refusals[reason,] += 1

    def answered(self, action: str, outcome: str) -> None:
        """A message of a charger was answered, or could not be."""
        self._messages[action, outcome] += 1

    def take(self, chargers: int, broker: AsyncConnection, started: datetime, now: datetime) -> None:
        """Makes the record of this moment."""
        self.latest = OcppFigures(
            updated=now.timestamp(),
            started=started.timestamp(),
            version={(__version__,): 1},
            mqtt_connected=broker.connected,
            mqtt_reconnects=max(broker.logins - 1, 0),
            mqtt_outstanding=broker.outstanding,
            chargers=chargers,
            accepted=dict(self._accepted),
            refusals=dict(self._refusals),
            messages=dict(self._messages),
        )
