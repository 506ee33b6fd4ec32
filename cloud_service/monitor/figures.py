"""The metrics of the monitor."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Final

from cloud_service import __version__
from cloud_service.metrics.connection import ProcessFigures
from cloud_service.metrics.metric import COUNTER, GAUGE, Metric
from cloud_service.monitor.load import Load
from cloud_service.overview.observer import Observer

INTERVAL_SECONDS: Final = 1.0
"""Between two records of figures."""


class MonitorFigures(ProcessFigures, frozen=True):
    """What the monitor knows at one moment."""

    viewers: Annotated[int, Metric("recharge_monitor_viewers", GAUGE, "Pages that are open.")]
    readers: Annotated[int, Metric("recharge_monitor_event_readers", GAUGE, "Programs that read the events.")]
    refused: Annotated[
        int, Metric("recharge_monitor_viewers_refused_total", COUNTER, "Pages for which there was no room.")
    ]
    stations: Annotated[int, Metric("recharge_monitor_stations", GAUGE, "Stations on the map.")]
    power: Annotated[
        float,
        Metric(
            "recharge_monitor_power_kilowatts",
            GAUGE,
            "Power of the points in use: what their chargers tell, and the points' own where they do not.",
        ),
    ]
    energy: Annotated[
        float,
        Metric(
            "recharge_monitor_session_energy_kilowatthours",
            GAUGE,
            "Energy of the sessions that are under way, so far and where their chargers tell it.",
        ),
    ]
    changes: Annotated[
        int, Metric("recharge_monitor_changes_total", COUNTER, "Changes of the network that were seen.")
    ]


class Measurements:
    """`latest` is the record of the last second; `load` is what it counts."""

    def __init__(self) -> None:
        self.load = Load()
        self.latest: MonitorFigures | None = None
        self._started = datetime.now(UTC)

    @asynccontextmanager
    async def taken(self, observer: Observer) -> AsyncIterator[None]:
        """Makes a record each second while the block lasts."""

        async def repeat() -> None:
            while True:
                self.latest = self._figures(observer, datetime.now(UTC))
                await asyncio.sleep(INTERVAL_SECONDS)

        repeating = asyncio.create_task(repeat(), name="metrics")
        try:
            yield
        finally:
            repeating.cancel()

    def _figures(self, observer: Observer, now: datetime) -> MonitorFigures:
        connection = observer.requester.connection
        sums = observer.overview.figures(now)
        return MonitorFigures(
            updated=now.timestamp(),
            started=self._started.timestamp(),
            version={(__version__,): 1},
            mqtt_connected=connection.connected,
            mqtt_reconnects=max(connection.logins - 1, 0),
            mqtt_outstanding=connection.outstanding,
            viewers=self.load.viewers,
            readers=self.load.readers,
            refused=self.load.refused,
            stations=len(observer.overview.stations),
            power=sums["powerUnderWay"],
            energy=sums["energyUnderWay"],
            changes=observer.overview.number,
        )
