"""Serves one client: reads its requests one at a time, and writes each reply at once."""

import asyncio
import logging
import math
import socket
from contextlib import suppress
from secrets import token_hex
from typing import Any, Final

from cloud_service.gateway.bookings import RequestSender, TooManyBookings
from cloud_service.gateway.client_socket import ClientSocket
from cloud_service.gateway.framing import Framer
from cloud_service.gateway.measurements import Measurements
from cloud_service.gateway.request_log import RequestLog
from cloud_service.gateway.settings import GatewaySettings
from cloud_service.gateway.translation import NONE, may_be_last, read_request, write_reply
from cloud_service.mqtt.requester import OutcomeUnknown
from cloud_service.protocol.actions import Action
from cloud_service.protocol.errors import BadRequest, RequestError, TooLarge
from cloud_service.protocol.jsontext import Unreadable
from cloud_service.protocol.replies import OK
from cloud_service.protocol.requests import Request

log = logging.getLogger(__name__)

LONG_LIST_RECORDS: Final = 100
"""Formatting a longer list takes milliseconds, so a thread does it."""
_HANG_UP_SECONDS: Final = 2.0
_UNKNOWN: Final = "UNKNOWN"


class Connection:
    """A client's connection over a socket that does not block. `peer` is its address in the log."""

    def __init__(
        self,
        accepted: socket.socket,
        *,
        peer: str,
        requester: RequestSender,
        settings: GatewaySettings,
        measurements: Measurements,
        request_log: RequestLog | None = None,
    ) -> None:
        self._client = ClientSocket(accepted)
        self._peer = peer
        self._requester = requester
        self._settings = settings
        self._measurements = measurements
        self._request_log = request_log or RequestLog()
        self._framer = Framer()
        self._loop = asyncio.get_running_loop()
        self._stopping = False
        self._closes_at = math.inf
        """Loop time at which the connection ends unless another request has begun."""

    async def serve(self) -> None:
        """Answers requests until the client, an error or a timeout ends the connection; closes the socket.

        Raises nothing.
        """
        try:
            await self._answer_all()
        except Unreadable as error:
            self._log(BadRequest.code, self._loop.time(), reason=error.message)
            with suppress(OSError):
                await self._send(NONE)
                await self._hang_up()
        except OSError as error:  # includes TimeoutError: the client does not read its reply
            log.debug("connection lost", extra={"client": self._peer, "reason": str(error)})
        finally:
            self._client.close()

    def stop(self) -> None:
        """Ends the connection, after the reply to the request that is being answered."""
        self._stopping = True
        self._client.wake()

    async def _answer_all(self) -> None:
        while not self._stopping and (body := await self._receive()) is not None:
            reply = await self._answer(body)
            if reply is None:
                await self._hang_up()
                return
            await self._send(reply)
            self._closes_at = self._loop.time() + self._settings.linger if may_be_last(reply) else math.inf
        if not self._stopping:
            await self._hang_up()

    async def _receive(self) -> bytes | None:
        """Returns the next request, or None if there is none and the connection is to end.

        Raises Unreadable for bytes that are not a request, and if a request is not complete in time.
        """
        arrived = self._loop.time()
        begun = False
        while (body := self._framer.take()) is None:
            if not self._framer.begun:
                deadline = min(arrived + self._settings.idle_timeout, self._closes_at)
            elif not begun:
                begun = True
                deadline = arrived + self._settings.request_timeout
            data = await self._client.receive(deadline)
            if not data:
                if begun and not self._stopping:
                    raise Unreadable("the request is not complete")
                return None
            arrived = self._loop.time()
            self._framer.feed(data)
        return body

    async def _answer(self, body: bytes) -> bytes | None:
        """Returns the reply, or None to end the connection without one. Raises Unreadable."""
        begun = self._loop.time()
        try:
            action, request = read_request(body)
        except Unreadable:
            raise
        except BadRequest as error:
            self._log(error.code, begun, reason=error.message)
            return NONE
        return await self._forward(action, request, begun)

    async def _forward(self, action: Action, request: Request, begun: float) -> bytes | None:
        """Asks the service, as _answer(). A reply of `None` means no: an unknown outcome gets no reply."""
        request_id = token_hex(16)
        outcome: str | None = _UNKNOWN
        reason = None
        try:
            result = await self._requester.request(
                action.name, request, request_id=request_id, timeout=self._settings.deadline
            )
            reply = await self._format(action, result)
        except TooManyBookings:
            outcome = None
            self._measurements.refused("bookings")
            return None
        except TooLarge as error:  # `None` would say that the list is empty
            outcome, reason = error.code, error.message
            return None
        except RequestError as error:
            outcome, reason = error.code, error.message
            return None if error.retryable else NONE
        except (OutcomeUnknown, ConnectionError) as error:
            reason = str(error)
            return None
        except Exception:
            extra = {"action": action.name, "client": self._peer}
            log.exception("a request could not be answered", extra=extra)
            return None
        else:
            outcome = OK
            return reply
        finally:
            if outcome is not None:  # otherwise it has been counted
                self._log(outcome, begun, action=action.name, request_id=request_id, reason=reason)

    async def _format(self, action: Action, result: Any) -> bytes:
        zone = self._settings.time_zone
        if isinstance(result, list) and len(result) > LONG_LIST_RECORDS:
            return await asyncio.to_thread(write_reply, action, result, zone)
        return write_reply(action, result, zone)

    def _log(
        self,
        outcome: str,
        begun: float,
        *,
        action: str | None = None,
        request_id: str | None = None,
        reason: str | None = None,
    ) -> None:
        seconds = self._loop.time() - begun
        self._measurements.answered(action, outcome, seconds)
        line = {
            "action": action,
            "client": self._peer,
            "request_id": request_id,
            "outcome": outcome,
            "milliseconds": round(seconds * 1000, 1),
        }
        if reason is not None:
            line["reason"] = reason
        self._request_log.note(line)

    async def _send(self, reply: bytes) -> None:
        """Raises TimeoutError if the client does not read the reply in time."""
        await self._client.send(reply, self._settings.write_timeout)

    async def _hang_up(self) -> None:
        await self._client.hang_up(_HANG_UP_SECONDS)
