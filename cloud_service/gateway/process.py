"""Runs the gateway as a process: the TCP server, the connection to the broker, and presence."""

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from secrets import token_hex
from typing import Final

from msgspec.structs import replace

from cloud_service.config.open_files import allow_connections
from cloud_service.gateway.machine_zone import machine_zone
from cloud_service.gateway.measurements import INTERVAL_SECONDS, Measurements
from cloud_service.gateway.server import GatewayServer, listen
from cloud_service.gateway.settings import GatewaySettings
from cloud_service.metrics.endpoint import serve_metrics
from cloud_service.metrics.settings import MetricsSettings
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.repeated_presence import repeated_presence
from cloud_service.mqtt.requester import Requester
from cloud_service.protocol.messages import Message
from cloud_service.protocol.presence import process_presence

log = logging.getLogger(__name__)

COLLECTION_INTERVAL_SECONDS: Final = 10.0
"""A flood leaves thousands of asyncio transports, which only the garbage collector frees: they are cyclic."""
_ACCOUNT: Final = "gateway"
"""The gateway's account if the broker requires no login."""


def run_gateway(settings: GatewaySettings, broker: BrokerAddress, metrics: MetricsSettings) -> int:
    """Runs the gateway until SIGTERM or SIGINT, and returns its exit status.

    Logs one line and returns 1 if the port is not available or the broker cannot be used, and 2 if nobody
    knows the host.
    """
    try:
        listener = listen(settings)
    except socket.gaierror as error:
        log.error("%s, set with --tcp-host, is not known: %s", settings.host, error.strerror)
        return 2
    except OSError as error:
        log.error(
            "cannot listen on %s, port %d: %s; choose others with --tcp-host and --tcp-port",
            settings.host,
            settings.port,
            os.strerror(error.errno or 0),
        )
        return 1
    settings = replace(
        settings,
        time_zone=settings.time_zone or machine_zone(),
        max_connections=allow_connections(settings.max_connections),
    )
    measurements = Measurements()
    with listener, measurements.errors.counting(), serve_metrics(metrics, lambda: measurements.latest):
        try:
            asyncio.run(_run(settings, broker, listener, measurements))
        except ConnectionError as error:
            log.error("%s", error)
            return 1
    return 0


async def _run(
    settings: GatewaySettings, broker: BrokerAddress, listener: socket.socket, measurements: Measurements
) -> None:
    """Serves until a signal arrives; further signals have no effect."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(_serve(settings, broker, listener, measurements), name="gateway")
    stopping = asyncio.create_task(stop.wait(), name="stop signal")
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stop.is_set():
        log.info("stopping")
        serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving
    log.info("stopped")


async def _serve(
    settings: GatewaySettings, broker: BrokerAddress, listener: socket.socket, measurements: Measurements
) -> None:
    """Serves until cancelled. Ends in order: requests in progress, presence, the connection to the broker."""
    account = broker.user or _ACCOUNT
    started = datetime.now(UTC)

    def presence(*, online: bool) -> Message:
        now = datetime.now(UTC)
        errors = measurements.errors.in_last_hour(now.timestamp())
        return process_presence(account, online=online, since=started, now=now, errors=errors)

    requester = Requester(
        broker,
        account,
        client_id=f"{account}-{token_hex(4)}",
        limit=settings.max_requests,
        absence=settings.deadline,
        states_expiry=True,
        birth=partial(presence, online=True),
        will=partial(presence, online=False),
    )
    server = GatewayServer(listener, requester, settings, measurements=measurements)

    def measure() -> None:
        measurements.take(server.connections, requester.connection, started, datetime.now(UTC))

    async with (
        requester,
        repeated_presence(partial(presence, online=True), requester.connection),
        server,
        _measured(measure),
    ):
        log.info("listening on %s, port %d", settings.host, server.port)
        gc.freeze()
        while True:
            await asyncio.sleep(COLLECTION_INTERVAL_SECONDS)
            gc.collect()


@asynccontextmanager
async def _measured(measure: Callable[[], None]) -> AsyncIterator[None]:
    """Takes the figures for the metrics at intervals while the block lasts."""

    async def repeat() -> None:
        while True:
            measure()
            await asyncio.sleep(INTERVAL_SECONDS)

    repeating = asyncio.create_task(repeat(), name="figures")
    try:
        yield
    finally:
        repeating.cancel()
