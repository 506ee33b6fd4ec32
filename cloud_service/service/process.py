"""Runs the cloud service as a process: opens the data folder, recovers the network, and runs the loop."""

import gc
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path

from cloud_service.accounts.audit_log import AuditLog
from cloud_service.metrics.broker import BrokerCollector
from cloud_service.metrics.endpoint import serve_metrics
from cloud_service.metrics.settings import MetricsSettings
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.service.broker_figures import followed_broker
from cloud_service.service.clock import Clock, system_clock
from cloud_service.service.continued_pace import continued_pace
from cloud_service.service.engine.engine import Engine
from cloud_service.service.loop import ServiceLoop
from cloud_service.service.measurements import Measurements, folder_figures
from cloud_service.service.membership import ALONE, Membership
from cloud_service.service.settings import ServiceSettings
from cloud_service.service.stop_signal import stop_signals
from cloud_service.store.errors import StoreError
from cloud_service.store.file_store import FileStore
from cloud_service.store.filesystem import DiskFolder, Folder, FolderLocked

log = logging.getLogger(__name__)


def run_service(
    settings: ServiceSettings,
    brokers: Sequence[BrokerAddress],
    metrics: MetricsSettings,
    clock: Clock = system_clock,
    membership: Membership = ALONE,
) -> int:
    """Runs the service until SIGTERM or SIGINT, and returns its exit status."""
    try:
        folder = DiskFolder(settings.data.data_dir)
    except (OSError, FolderLocked) as error:
        log.error("the data folder cannot be used: %s", error)
        return 1
    try:
        with stop_signals() as stop:
            start = clock()
            measurements = Measurements(start.wall)
            pace = continued_pace(folder, settings.clock.clock_speed, start.wall)
            engine = _recover(folder, settings, pace.at(start.wall), measurements)
            audit_log = AuditLog(settings.data.audit_log)
            if pace.speed != 1:
                log.warning(
                    "time passes %g times as fast in this network, since %s: it is for demonstrations",
                    pace.speed,
                    pace.since,
                )
            loop = ServiceLoop(
                engine,
                brokers,
                audit_log,
                clock,
                start,
                measurements,
                membership=membership,
                pace=pace,
                home_assistant=settings.home_assistant,
            )
            data_dir = settings.data.data_dir
            of_broker = followed_broker(brokers[0], membership.client_id)
            with measurements.errors.counting(), _served(metrics, measurements, data_dir, of_broker):
                return loop.run(stop)
    except (OSError, StoreError) as error:
        log.error("%s", error)
        return 1
    finally:
        folder.close()


def _recover(folder: Folder, settings: ServiceSettings, now: datetime, measurements: Measurements) -> Engine:
    begun = time.monotonic()
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
