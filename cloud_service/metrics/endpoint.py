"""A process's own endpoint, from which Prometheus scrapes. A thread of its own renders what is asked for."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from msgspec import Struct
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder, start_http_server
from prometheus_client.registry import Collector

from cloud_service.config.setting import SettingError
from cloud_service.language.text import Reason
from cloud_service.metrics.collector import FiguresCollector
from cloud_service.metrics.settings import MetricsSettings

log = logging.getLogger(__name__)


@contextmanager
def serve_metrics(
    settings: MetricsSettings, *sources: Callable[[], Struct | None], collectors: Iterable[Collector] = ()
) -> Iterator[None]:
    """Serves these figures and those of the process within the block, if the settings name a port.

    A source is called in the endpoint's threads, for each scrape: it must not touch what a loop changes.
    Raises SettingError if the port cannot be used.
    """
    if settings.metrics_port is None:
        yield
        return
    try:
        server, thread = start_http_server(
            settings.metrics_port, settings.metrics_host, registry(*sources, collectors=collectors)
        )
    except OSError as error:
        raise SettingError(
            "cannot serve metrics on {host}, port {port}: {reason}; choose others with --metrics-host and"
            " --metrics-port",
            host=settings.metrics_host,
            port=settings.metrics_port,
            reason=Reason(error),
        ) from None
    log.info("metrics on http://%s:%d/metrics", settings.metrics_host, server.server_port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def render(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """What a scrape that accepts these forms gets, and its media type."""
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type


def registry(
    *sources: Callable[[], Struct | None], collectors: Iterable[Collector] = ()
) -> CollectorRegistry:
    """These figures, with those of the process and of Python."""
    found = CollectorRegistry()
    ProcessCollector(registry=found)
    PlatformCollector(registry=found)
    GCCollector(registry=found)
    for collector in (*map(FiguresCollector, sources), *collectors):
        found.register(collector)
    return found
