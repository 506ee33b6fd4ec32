"""Serves one client: reads its requests one at a time, and writes each reply at once."""

import asyncio
import logging
import math
import socket
from contextlib import suppress
from typing import Any, Final
from uuid import uuid4

from cloud_service.gateway.bookings import RequestSender, TooManyBookings
from cloud_service.gateway.framing import Framer
from cloud_service.gateway.measurements import Measurements
from cloud_service.gateway.settings import GatewaySettings
from cloud_service.gateway.translation import NONE, may_be_last, read_request, write_reply
from cloud_service.mqtt.requester import OutcomeUnknown
from cloud_service.protocol.actions import Action
from cloud_service.protocol.errors import BadRequest, RequestError, TooLarge
from cloud_service.protocol.jsontext import Unreadable
from cloud_service.protocol.replies import OK
from cloud_service.protocol.requests import Request

log = logging.getLogger(__name__)

READ_BYTES: Final = 1024
"""Bytes scanned at a time, in under a millisecond even if they are hostile, so that others are served."""
LONG_LIST_RECORDS: Final = 100
"""Formatting a longer list takes milliseconds, so a thread does it."""
_DRAIN_SECONDS: Final = 2.0
_UNKNOWN: Final = "UNKNOWN"


class Connection:
    """A client's connection. `peer` is its address in the log."""

    def __init__(
        self, *, peer: str, requester: RequestSender, settings: GatewaySettings, measurements: Measurements
    ) -> None:
        self._peer = peer
        self._requester = requester
        self._settings = settings
        self._measurements = measurements
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._framer = Framer()
        self._loop = asyncio.get_running_loop()
        self._reading: asyncio.Timeout | None = None
        self._stopping = False
        self._closes_at = math.inf
        """Loop time at which the connection ends unless another request has begun."""

    async def serve(self, accepted: socket.socket) -> None:
        """Answers requests until the client, an error or a timeout ends the connection; closes the socket.

        Raises nothing.
        """
        self._reader, self._writer = await asyncio.open_connection(sock=accepted, limit=READ_BYTES)
        self._writer.transport.set_write_buffer_limits(0)  # drain() waits until the kernel has all bytes
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
            self._writer.transport.abort()
            with suppress(OSError):  # otherwise asyncio may log a reset by the client as unhandled
                await self._writer.wait_closed()

    def stop(self) -> None:
        """Ends the connection, after the reply to the request that is being answered."""
        self._stopping = True
        if self._reading is not None:
            with suppress(RuntimeError):  # the timeout has just expired
                self._reading.reschedule(self._loop.time())

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
            data = await self._read(deadline)
            if not data:
                if begun and not self._stopping:
                    raise Unreadable("the request is not complete")
                return None
            arrived = self._loop.time()
            self._framer.feed(data)
        return body

    async def _read(self, deadline: float) -> bytes:
        """Returns the next bytes; none at the client's end of file, after the deadline, or when stopped."""
        try:
            async with asyncio.timeout_at(deadline) as self._reading:
                return await self._reader.read(READ_BYTES)
        except TimeoutError:
            return b""
        finally:
            self._reading = None
            await asyncio.sleep(0)  # read() does not yield to other clients while it has bytes

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
        return await self._forward(action, request)

    async def _forward(self, action: Action, request: Request) -> bytes | None:
        """Asks the service, as _answer(). A reply of `None` means no: an unknown outcome gets no reply."""
        begun = self._loop.time()
        request_id = uuid4().hex
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
        fields = {
            "action": action,
            "client": self._peer,
            "request_id": request_id,
            "outcome": outcome,
            "milliseconds": round(seconds * 1000, 1),
        }
        if reason is not None:
            fields["reason"] = reason
        log.info("request", extra=fields)

    async def _send(self, reply: bytes) -> None:
        """Raises TimeoutError if the client does not read the reply in time."""
        self._writer.write(reply)
        async with asyncio.timeout(self._settings.write_timeout):
            await self._writer.drain()

    async def _hang_up(self) -> None:
        """Ends our side and discards what still arrives: unread bytes would reset the connection."""
        self._writer.write_eof()
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while await self._reader.read(READ_BYTES):
                    pass
