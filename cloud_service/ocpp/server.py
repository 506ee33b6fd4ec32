"""Accepts the WebSocket connections of chargers, which prove their identity in the handshake."""

import asyncio
import http
import logging
import random
import ssl
from typing import Final
from weakref import WeakKeyDictionary

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from cloud_service.mqtt.publisher import BrokerRefused
from cloud_service.ocpp.gateway import OcppGateway
from cloud_service.ocpp.handshake import (
    choose_subprotocol,
    mend_headers,
    read_credentials,
    read_identity,
)
from cloud_service.ocpp.link import Link
from cloud_service.ocpp.login import Failures, Logins
from cloud_service.ocpp.measurements import Measurements
from cloud_service.ocpp.schemas import SUBPROTOCOLS
from cloud_service.ocpp.settings import OcppSettings
from cloud_service.ocpp.story import Habits

log = logging.getLogger(__name__)

LARGEST_MESSAGE: Final = 131_072
PING_SECONDS: Final = 50.0
PONG_SECONDS: Final = 30.0
"""A charger that does not answer a ping for this long counts as disconnected."""
OPEN_SECONDS: Final = 60.0
"""Longest time for a handshake: after a restart, many wait for the broker to check their passwords."""
CLOSE_SECONDS: Final = 2.0
"""Longest time for the closing handshake: an older connection is often half open."""
RETRY_SECONDS: Final = (10, 40)
"""When a charger should try again: a random time between these, so that thousands do not come back at once.
"""
_NO_SUBPROTOCOL: Final = 1002


class OcppServer:
    """Serves chargers. `secured` says whether the broker has accounts; if not, there are no passwords."""

    def __init__(
        self,
        settings: OcppSettings,
        gateway: OcppGateway,
        logins: Logins,
        measurements: Measurements,
        *,
        secured: bool,
    ) -> None:
        self._settings = settings
        self._gateway = gateway
        self._logins = logins
        self._measurements = measurements
        self._secured = secured
        self._habits = Habits(
            round(settings.heartbeat),
            not settings.reserved_only,
            settings.reserve_before,
            settings.deadline,
        )
        self._strangers = Failures(1)
        """Chargers with a foreign identity that have just been logged."""
        self._mended: WeakKeyDictionary[ServerConnection, list[str]] = WeakKeyDictionary()
        """What was mended in handshakes that may still fail."""

    async def start(self, tls: ssl.SSLContext | None) -> Server:
        """Opens the port. Raises OSError if it cannot be opened."""
        return await serve(
            self._serve,
            self._settings.host,
            self._settings.port,
            ssl=tls,
            process_request=self._admit,
            select_subprotocol=choose_subprotocol,
            compression=None,
            server_header=None,
            max_size=LARGEST_MESSAGE,
            max_queue=16,
            ping_interval=PING_SECONDS,
            ping_timeout=PONG_SECONDS,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            backlog=4096,
            logger=_quiet_logger(),
        )

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuses a handshake with a response; None lets it go on."""
        identity = read_identity(request.path)
        if identity is None:
            self._measurements.refused("path")
            return connection.respond(
                http.HTTPStatus.NOT_FOUND, "Connect to /ocpp/ and the charger's account.\n"
            )
        links = self._gateway.links
        if identity not in links and len(links) >= self._settings.max_connections:
            return self._refuse_for_now(connection, "full")
        refusal = await self._check(connection, request, identity)
        if refusal is None:
            self._mended[connection] = mend_headers(request.headers)
        return refusal

    async def _check(self, connection: ServerConnection, request: Request, identity: str) -> Response | None:
        certified = _name_in_certificate(connection)
        if identity == certified or not self._secured:
            return None
        credentials = read_credentials(request.headers)
        if credentials is None or credentials.user != identity:
            given = certified if credentials is None else credentials.user
            self._refuse_stranger(identity, given, _host(connection))
            return _unauthorized(connection)
        match await self._logins.check(identity, credentials, _host(connection)):
            case "right":
                return None
            case "wrong":
                self._measurements.refused("password")
                return _unauthorized(connection)
            case "unheard":
                self._measurements.refused("passwords")
                return connection.respond(http.HTTPStatus.TOO_MANY_REQUESTS, "Too many wrong passwords.\n")
            case "busy":
                return self._refuse_for_now(connection, "logins")
            case "away":
                return self._refuse_for_now(connection, "broker")

    def _refuse_stranger(self, identity: str, given: str | None, host: str) -> None:
        """Of those who try again and again, one a minute is logged."""
        self._measurements.refused("identity")
        source, now = f"{identity} {host}", asyncio.get_running_loop().time()
        if not self._strangers.too_many(source, now):
            self._strangers.note(source, now)
            named = "without a name" if given is None else f"as {given[:64]!r}"
            log.warning("logs in %s", named, extra={"client": identity, "address": host})

    def _refuse_for_now(self, connection: ServerConnection, reason: str) -> Response:
        self._measurements.refused(reason)
        response = connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "Not possible now.\n")
        response.headers["Retry-After"] = str(random.randint(*RETRY_SECONDS))
        return response

    async def _serve(self, connection: ServerConnection) -> None:
        request, mended = connection.request, self._mended.pop(connection, [])
        identity = None if request is None else read_identity(request.path)
        assert request is not None
        assert identity is not None, "the handshake has named the charger"
        offered = request.headers.get_all("Sec-WebSocket-Protocol")
        if offered and connection.subprotocol is None:
            log.warning("offers only %.100r", offered, extra={"client": identity})
            await connection.close(_NO_SUBPROTOCOL, f"offer one of {', '.join(SUBPROTOCOLS)}")
            return
        version = SUBPROTOCOLS.get(connection.subprotocol or "", "1.6")
        link = Link(identity, connection, version, self._gateway, self._habits, self._measurements.answered)
        for each in mended:
            link.leniencies.note(each)
        if not offered:
            link.leniencies.note("offers no subprotocol")
        await self._run(link)

    async def _run(self, link: Link) -> None:
        self._measurements.accepted(link.version)
        try:
            await self._gateway.connected(link)
            await link.tell_leniencies()
            await link.serve()
        except BrokerRefused as error:
            log.error("%s", error, extra={"client": link.identity})
        except (ConnectionClosed, ConnectionError) as error:
            log.debug("connection lost: %s", error, extra={"client": link.identity})
        except Exception:  # which the library would tell a logger that is quiet
            log.exception("the connection ends", extra={"client": link.identity})
        finally:
            await self._gateway.disconnected(link)


def _unauthorized(connection: ServerConnection) -> Response:
    response = connection.respond(
        http.HTTPStatus.UNAUTHORIZED, "The charger's account and its password, please.\n"
    )
    response.headers["WWW-Authenticate"] = 'Basic realm="recharge", charset="UTF-8"'
    return response


def _host(connection: ServerConnection) -> str:
    return str((connection.remote_address or ("",))[0])


def _name_in_certificate(connection: ServerConnection) -> str | None:
    """The common name of the charger's certificate, which TLS has checked."""
    certificate = connection.transport.get_extra_info("peercert") or {}
    for part in certificate.get("subject", ()):
        for key, value in part:
            if key == "commonName":
                return str(value)
    return None


def _quiet_logger() -> logging.Logger:
    """Without the library's lines about every scan of the port: refusals have lines of our own."""
    logger = logging.getLogger("websockets.server")
    logger.setLevel(logging.CRITICAL)
    return logger
