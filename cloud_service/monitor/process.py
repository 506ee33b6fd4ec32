"""Runs the monitor as a process: the observer and the HTTP server."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Final

import uvicorn

from cloud_service.metrics.endpoint import serve_metrics
from cloud_service.metrics.settings import MetricsSettings
from cloud_service.monitor.application import create_application
from cloud_service.monitor.figures import Measurements
from cloud_service.monitor.settings import MonitorSettings
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.overview.observer import Observer
from cloud_service.protocol.roles import roles_of

log = logging.getLogger(__name__)

SHORTEST_TOKEN: Final = 16
_ACCOUNT: Final = "monitor"
"""The monitor's account if the broker requires no login."""
_GOODBYE_SECONDS: Final = 2
_LARGEST_QUESTION: Final = 4096


def run_monitor(
    settings: MonitorSettings,
    broker: BrokerAddress,
    metrics: MetricsSettings,
    listener: socket.socket | None = None,
) -> int:
    """Runs the monitor until SIGTERM or SIGINT, and returns its exit status.

    A `listener` already listens at the address of the settings. Logs one line and returns 1 if the monitor
    may not listen there, or the port or the broker is not available.
    """
    if (reason := _not_allowed(settings)) is not None:
        log.error("%s", reason)
        return 1
    try:
        listener = listener or _listen(settings)
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        log.error(
            "cannot listen on %s, port %d: %s; choose others with --http-host and --http-port",
            settings.host,
            settings.port,
            reason,
        )
        return 1
    measurements = Measurements()
    with listener, serve_metrics(metrics, lambda: measurements.latest):
        try:
            asyncio.run(_serve(settings, broker, listener, measurements))
        except ConnectionError as error:
            log.error("%s", error)
            return 1
    return 0


def _not_allowed(settings: MonitorSettings) -> str | None:
    if settings.token is not None and len(settings.token) < SHORTEST_TOKEN:
        return f"RECHARGE_HTTP_TOKEN is shorter than {SHORTEST_TOKEN} characters, and could be guessed"
    if settings.token is None and not _is_loopback(settings.host):
        return (
            f"{settings.host} can be reached by others: give the monitor a token with"
            " --http-token-file, or let it listen on 127.0.0.1"
        )
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(settings: MonitorSettings) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except BaseException:
        listener.close()
        raise
    return listener


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to this module: uvicorn would end the process by the signal, not with a status."""
        yield


async def _serve(
    settings: MonitorSettings, broker: BrokerAddress, listener: socket.socket, measurements: Measurements
) -> None:
    account = broker.user or _ACCOUNT
    observer = Observer(broker, account)
    stopping = asyncio.Event()
    application = create_application(
        observer, settings, measurements, books="operator" in roles_of(account), ending=stopping.is_set
    )
    server = _Server(
        uvicorn.Config(
            application,
            ws="websockets-sansio",
            ws_max_size=_LARGEST_QUESTION,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_GOODBYE_SECONDS,
        )
    )

    def stop() -> None:
        log.info("stopping")
        stopping.set()
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    async with observer.running(), measurements.taken(observer), observer.reading_reservations():
        host, port = listener.getsockname()[:2]
        log.info("the live map is at http://%s:%d/", f"[{host}]" if ":" in host else host, port)
        await server.serve([listener])
    log.info("stopped")
