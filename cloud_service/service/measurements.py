"""What the service counts as it works: plain numbers, of which it makes a record of figures once a second.

The loop alone changes them. The endpoint's threads read only the finished record, so nothing is locked.
"""

import os
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from cloud_service import __version__
from cloud_service.core.changes import ENDING, Event, Reason
from cloud_service.core.records import State
from cloud_service.metrics.errors import RecentErrors
from cloud_service.metrics.histogram import (
    BATCH_REQUESTS,
    REQUEST_SECONDS,
    SYNC_SECONDS,
    WAIT_SECONDS,
    Histogram,
)
from cloud_service.protocol.actions import ACTIONS
from cloud_service.protocol.errors import Busy, InternalError, StorageFailed
from cloud_service.protocol.replies import OK
from cloud_service.service.brokers import Links
from cloud_service.service.engine.answers import BatchResult
from cloud_service.service.engine.interface import NetworkEngine
from cloud_service.service.figures import FolderFigures, ServiceFigures
from cloud_service.store.names import SEGMENTS

INTERVAL_SECONDS: Final = 1.0
"""Between two records of figures."""
_IGNORED: Final = "none"
"""The action of a message that was not a request. A topic would be a label that anybody can choose."""

_FROM_THE_START: Final = (OK, Busy.code, StorageFailed.code, InternalError.code)
"""Outcomes that are there as 0. Prometheus sees no increase in a series that begins with 1."""
_ENDED: Final[tuple[State, ...]] = ("completed", "cancelled", "noShow")
_MOVED: Final[tuple[Reason, ...]] = ("overrun", "pointFailed", "movedUp", "pointChanged")


class Measurements:
    """Counts what happens. `latest` is the record of the last second."""

    def __init__(self, started: datetime) -> None:
        self.errors = RecentErrors()
        self.latest: ServiceFigures | None = None
        self._started = started.timestamp()
        self._requests: Counter[tuple[str, ...]] = Counter(
            {(name, outcome): 0 for name in ACTIONS for outcome in _FROM_THE_START}
        )
        self._request_seconds = {name: Histogram(REQUEST_SECONDS) for name in ACTIONS}
        self._batch_requests = Histogram(BATCH_REQUESTS)
        self._sync_seconds = Histogram(SYNC_SECONDS)
        self._booking_wait = Histogram(WAIT_SECONDS)
        self._ended: Counter[State] = Counter(dict.fromkeys(_ENDED, 0))
        self._moves: Counter[Reason] = Counter(dict.fromkeys(_MOVED, 0))
        self._due_steps = 0
        self._checkpoint: tuple[datetime, float | None] | None = None
        self._failed_checkpoints = 0

    def synced(self, seconds: float) -> None:
        """The journal was synced, which took so long."""
        self._sync_seconds.observe(seconds)

    def checkpoint_done(self, at: datetime, seconds: float | None) -> None:
        """There is a checkpoint of this time. None: it was found at the start."""
        self._checkpoint = (at, seconds)

    def checkpoint_failed(self) -> None:
        """A checkpoint failed, and will be tried again."""
        self._failed_checkpoints += 1

    def note(self, result: BatchResult, now: datetime) -> None:
        """Takes a batch whose replies were sent at this time."""
        if result.answers:
            self._batch_requests.observe(len(result.answers))
        timestamp = now.timestamp()
        for answer in result.answers:
            incoming = answer.incoming
            if incoming is None:
                self._requests[_IGNORED, answer.outcome] += 1
                continue
            name = incoming.action.name
            self._requests[name, answer.outcome] += 1
            self._request_seconds[name].observe(max(timestamp - incoming.arrival, 0.0))
        self._due_steps += result.steps
        for changes in result.changes:
            for event in changes.events:
                self._note_event(event)

    def _note_event(self, event: Event) -> None:
        if event.type == "reservationScheduled":
            self._booking_wait.observe((event.reservation.start - event.at).total_seconds())
        elif event.type in ENDING:
            self._ended[event.reservation.state] += 1
        elif event.before is not None:
            self._moves[event.reason] += 1

    def take(self, engine: NetworkEngine, links: Links, now: datetime, network_now: datetime) -> None:
        """Makes the record of this moment, at which `network_now` is the time in the network."""
        counts = engine.counts(network_now)
        at, seconds = self._checkpoint or (None, None)
        self.latest = ServiceFigures(
            updated=now.timestamp(),
            started=self._started,
            version={(__version__,): 1},
            mqtt_connected=links.connected,
            mqtt_reconnects=links.reconnects,
            mqtt_outstanding=links.outstanding,
            requests=dict(self._requests),
            request_seconds={(name,): seen.read() for name, seen in self._request_seconds.items()},
            batch_requests=self._batch_requests.read(),
            sync_seconds=self._sync_seconds.read(),
            waiting=len(engine),
            request_records=counts.request_records,
            unacknowledged_events=len(engine.outbox),
            stale_state=links.stale,
            stations=counts.stations,
            points={(name,): counts.points.get(name, 0) for name in ("livre", "ocupado", "reservado")},
            points_out_of_order=counts.points_out_of_order,
            offline_owners=counts.offline_owners,
            sessions=counts.sessions,
            reservations=counts.reservations,
            ended={(state,): count for state, count in self._ended.items()},
            moves={(reason,): count for reason, count in self._moves.items()},
            due_steps=self._due_steps,
            booking_wait_seconds=self._booking_wait.read(),
            store_writable=engine.writable,
            checkpoint_age=None if at is None else (now - at).total_seconds(),
            checkpoint_seconds=seconds,
            failed_checkpoints=self._failed_checkpoints,
        )


def folder_figures(folder: Path) -> FolderFigures:
    """Looks at the data folder. For the endpoint's threads: a slow disk must not hold up the loop."""
    room = os.statvfs(folder)
    return FolderFigures(sum(_sizes(folder)), room.f_bavail * room.f_frsize)


def _sizes(folder: Path) -> Iterable[int]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if SEGMENTS.fullmatch(entry.name):
                try:
                    yield entry.stat().st_size
                except FileNotFoundError:  # a checkpoint has just removed it
                    continue
