"""Runs the cloud service as a process: opens the data folder or the database, and runs the loop."""

import gc
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
from msgspec import Struct

from cloud_service.accounts.audit_log import AuditLog
from cloud_service.database.migrations import WrongSchema
from cloud_service.database.state import DatabaseState
from cloud_service.metrics.broker import BrokerCollector
from cloud_service.metrics.endpoint import serve_metrics
from cloud_service.metrics.settings import MetricsSettings
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.service.broker_figures import followed_broker
from cloud_service.service.clock import Clock, Pace, system_clock
from cloud_service.service.continued_pace import continued_pace
from cloud_service.service.database_engine.clock import DatabaseClock
from cloud_service.service.database_engine.engine import DatabaseEngine
from cloud_service.service.engine.engine import Engine
from cloud_service.service.engine.interface import NetworkEngine
from cloud_service.service.large_blocks import give_large_blocks_back
from cloud_service.service.loop import ServiceLoop
from cloud_service.service.measurements import Measurements, folder_figures
from cloud_service.service.membership import ALONE, Membership, member
from cloud_service.service.settings import ServiceSettings
from cloud_service.service.stop_signal import StopSignal, stop_signals
from cloud_service.store.errors import StoreError
from cloud_service.store.file_store import FileStore
from cloud_service.store.filesystem import DiskFolder, Folder, FolderLocked

log = logging.getLogger(__name__)


class _Core(Struct, frozen=True):
    """What keeps the network, the time that it goes by, and whether the service shares the requests."""

    engine: NetworkEngine
    clock: Clock
    pace: Pace
    membership: Membership


def run_service(
    settings: ServiceSettings,
    brokers: Sequence[BrokerAddress],
    metrics: MetricsSettings,
    clock: Clock = system_clock,
    membership: Membership = ALONE,
) -> int:
    """Runs the service until SIGTERM or SIGINT, and returns its exit status.

    On a database, it is a member of a group that shares the requests, whatever `membership` says.
    """
    try:
        with _opened(settings) as folder, stop_signals() as stop:
            measurements = Measurements(clock().wall)
            if folder is None:
                core = _connect(settings, clock)
            else:
                now = clock().wall
                pace = continued_pace(folder, settings.clock.clock_speed, now)
                engine = _recover(folder, settings, pace.at(now), measurements)
                core = _Core(engine, clock, pace, membership)
            return _run(core, settings, brokers, metrics, measurements, stop)
    except FolderLocked as error:
        log.error("the data folder cannot be used: %s", error)
    except (OSError, StoreError, WrongSchema, psycopg.Error) as error:
        log.error("%s", error)
    return 1


def _run(
    core: _Core,
    settings: ServiceSettings,
    brokers: Sequence[BrokerAddress],
    metrics: MetricsSettings,
    measurements: Measurements,
    stop: StopSignal,
) -> int:
    data_dir, pace = settings.data.data_dir, core.pace
    if pace.speed != 1:
        log.warning(
            "time passes %g times as fast in this network, since %s: it is for demonstrations",
            pace.speed,
            pace.since,
        )
    loop = ServiceLoop(
        core.engine,
        brokers,
        AuditLog(settings.data.audit_log),
        core.clock,
        core.clock(),
        measurements,
        membership=core.membership,
        pace=pace,
        home_assistant=settings.home_assistant,
    )
    of_broker = followed_broker(brokers[0], core.membership.client_id)
    with measurements.errors.counting(), _served(metrics, measurements, data_dir, of_broker):
        return loop.run(stop)


@contextmanager
def _opened(settings: ServiceSettings) -> Iterator[Folder | None]:
    """The data folder, locked; None if a database keeps the network, and the folder only the audit log."""
    if settings.state.address is not None:
        settings.data.data_dir.mkdir(parents=True, exist_ok=True)
        yield None
        return
    folder = DiskFolder(settings.data.data_dir)
    try:
        yield folder
    finally:
        folder.close()


def _connect(settings: ServiceSettings, clock: Clock) -> _Core:
    """Prepares the database. Time is the database's from then on."""
    assert settings.state.address is not None
    state = DatabaseState(settings.state.address, settings.limits.rules)
    state.prepare(settings.state.owner_address)
    time_of_database = DatabaseClock(state, clock)
    engine = DatabaseEngine(
        state, time_of_database, settings.limits, history_months=settings.store.history_months
    )
    pace = Pace(state.made_at(), settings.clock.clock_speed)
    return _Core(engine, time_of_database, pace, member(state.name))


def _recover(folder: Folder, settings: ServiceSettings, now: datetime, measurements: Measurements) -> Engine:
    begun = time.monotonic()
    give_large_blocks_back()
    with _without_garbage_collection():
        engine = Engine(FileStore(folder, settings.store, measurements), settings.limits, now)
    tables = engine.network.tables
    log.info(
        "%d stations, %d points, %d reservations read in %.1f s",
        len(tables.stations),
        len(tables.points),
        len(tables.reservations),
        time.monotonic() - begun,
    )
    return engine


@contextmanager
def _served(
    metrics: MetricsSettings,
    measurements: Measurements,
    data_dir: Path,
    followed: AbstractContextManager[BrokerCollector],
) -> Iterator[None]:
    """Serves the metrics within the block, if they are asked for, and the broker's own with them."""
    if metrics.metrics_port is None:
        yield
        return
    with followed as of_broker:
        sources = (lambda: measurements.latest, lambda: folder_figures(data_dir))
        with serve_metrics(metrics, *sources, collectors=[of_broker]):
            yield


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Pauses the cycle collector, and hides from it what is made within the block.

    A million records contain no cycles, and searching them again and again would take a second each time.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
