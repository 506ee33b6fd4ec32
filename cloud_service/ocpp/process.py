"""Runs the OCPP gateway as a process: the WebSocket server, the connection to the broker, and presence."""

import asyncio
import gc
import logging
import os
import signal
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from secrets import token_hex
from typing import Final

from msgspec.structs import replace

from cloud_service.config.open_files import allow_connections
from cloud_service.metrics.endpoint import serve_metrics
from cloud_service.metrics.settings import MetricsSettings
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.repeated_presence import repeated_presence
from cloud_service.mqtt.requester import Requester
from cloud_service.ocpp.gateway import OcppGateway
from cloud_service.ocpp.login import Logins
from cloud_service.ocpp.measurements import Measurements
from cloud_service.ocpp.registry import TOPICS
from cloud_service.ocpp.server import OcppServer
from cloud_service.ocpp.settings import OcppSettings
from cloud_service.ocpp.tls import make_tls
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.protocol.presence import process_presence
from cloud_service.protocol.roles import OCPP_GATEWAY

log = logging.getLogger(__name__)

TICK_SECONDS: Final = 1.0
STOP_SECONDS: Final = 5.0
"""How long the gateway waits at its end for the chargers' last messages to reach the broker."""
REQUESTS_AT_ONCE: Final = 500


def run_ocpp_gateway(settings: OcppSettings, broker: BrokerAddress, metrics: MetricsSettings) -> int:
    """Runs the gateway until SIGTERM or SIGINT, and returns its exit status.

    Logs one line and returns 1 if the port is not available or the broker cannot be used. Raises
    SettingError if a certificate cannot be used.
    """
    tls = make_tls(settings)
    settings = replace(settings, max_connections=allow_connections(settings.max_connections))
    measurements = Measurements()
    with measurements.errors.counting(), serve_metrics(metrics, lambda: measurements.latest):
        try:
            asyncio.run(_Process(settings, broker, measurements).run(tls))
        except ConnectionError as error:
            log.error("%s", error)
            return 1
        except OSError as error:
            log.error(
                "cannot listen on %s, port %d: %s; choose others with --ocpp-host and --ocpp-port",
                settings.host,
                settings.port,
                # asyncio's text is a whole sentence, except for an unknown host
                error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0),
            )
            return 1
    return 0


class _Process:
    def __init__(self, settings: OcppSettings, broker: BrokerAddress, measurements: Measurements) -> None:
        self._settings = settings
        self._broker = broker
        self._measurements = measurements
        self._account = broker.user or OCPP_GATEWAY
        self._started = datetime.now(UTC)
        self._known = asyncio.Event()
        """Set when everything that the broker retains has arrived."""

    async def run(self, tls: ssl.SSLContext | None) -> None:
        """Serves until a signal arrives; further signals have no effect."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        serving = asyncio.create_task(self._serve(tls), name="OCPP gateway")
        stopping = asyncio.create_task(stop.wait(), name="stop signal")
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if stop.is_set():
            log.info("stopping")
            serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        log.info("stopped")

    async def _serve(self, tls: ssl.SSLContext | None) -> None:
        """Serves until cancelled. Ends in order: chargers, presence, the connection to the broker."""
        requester = self._make_requester()
        gateway = OcppGateway(self._account, token_hex(8), requester, self._settings.deadline)
        self._receive = gateway.receive
        logins = Logins(
            self._broker,
            at_once=self._settings.max_logins,
            most_wrong=self._settings.max_wrong_passwords,
        )
        secured = self._broker.user is not None
        server = OcppServer(self._settings, gateway, logins, self._measurements, secured=secured)
        presence = repeated_presence(partial(self._presence, online=True), requester.connection)
        async with requester, presence:
            await self._known.wait()
            gateway.started(asyncio.get_running_loop().time())
            listening = await server.start(tls)
            port = listening.sockets[0].getsockname()[1]
            log.info("listening on %s, port %d", self._settings.host, port)
            gc.freeze()
            try:
                await self._follow_time(gateway, requester)
            finally:
                listening.close()
                with suppress(TimeoutError):
                    async with asyncio.timeout(STOP_SECONDS):
                        await listening.wait_closed()

    def _make_requester(self) -> Requester:
        return Requester(
            self._broker,
            self._account,
            client_id=f"{self._account}-{token_hex(4)}",
            limit=REQUESTS_AT_ONCE,
            absence=self._settings.deadline,
            states_expiry=True,
            subscriptions=(*TOPICS, topics.service("+")),
            on_message=self._note,
            birth=partial(self._presence, online=True),
            will=partial(self._presence, online=False),
            speaks_for_others=True,
        )

    def _note(self, message: Message) -> None:
        """Our own presence, published after we have subscribed, arrives behind all that was retained."""
        own = topics.service(self._account)
        if message.topic == own and self._started.isoformat().encode() in message.payload:
            self._known.set()
        self._receive(message)

    def _presence(self, *, online: bool) -> Message:
        now = datetime.now(UTC)
        errors = self._measurements.errors.in_last_hour(now.timestamp())
        return process_presence(self._account, online=online, since=self._started, now=now, errors=errors)

    async def _follow_time(self, gateway: OcppGateway, requester: Requester) -> None:
        loop = asyncio.get_running_loop()
        logins = requester.connection.logins
        while True:
            self._measurements.take(
                len(gateway.links), requester.connection, self._started, datetime.now(UTC)
            )
            if requester.connection.connected and requester.connection.logins != logins:
                logins = requester.connection.logins
                gateway.broker_is_back()
            gateway.pass_time(loop.time())
            await asyncio.sleep(TICK_SECONDS)
