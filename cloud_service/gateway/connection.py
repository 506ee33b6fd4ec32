"""One client's connection: its requests one after another, each reply at once, and when to end it."""

import asyncio
import logging
import math
import socket
from collections.abc import Mapping
from contextlib import suppress
from datetime import tzinfo
from typing import Any, Final, Protocol
from uuid import uuid4

from cloud_service.gateway.framing import Framer, Unreadable
from cloud_service.gateway.settings import GatewaySettings
from cloud_service.gateway.translation import NONE, may_end, read_request, write_reply
from cloud_service.mqtt.requester import OutcomeUnknown
from cloud_service.protocol.errors import BadRequest, RequestError
from cloud_service.protocol.replies import OK

log = logging.getLogger(__name__)

READ_BYTES: Final = 1024
"""Read and recognised at a stretch, a millisecond at the worst: then others get their turn."""
LONG_LIST: Final = 100
"""Records; so many take a few milliseconds."""
_HANG_UP_TIMEOUT: Final = 2.0
_UNKNOWN: Final = "UNKNOWN"


class Asks(Protocol):
    """What a connection needs of a Requester."""

    async def request(
        self,
        action: str,
        values: Mapping[str, Any],
        *,
        request_id: str | None = None,
        timeout: float = 10.0,  # noqa: ASYNC109
    ) -> Any: ...


class Connection:
    """`peer` is the client's address for the log. Dates are told in `zone`, None being the machine's."""

    def __init__(
        self,
        *,
        peer: str,
        requester: Asks,
        settings: GatewaySettings,
        zone: tzinfo | None,
    ) -> None:
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._peer = peer
        self._requester = requester
        self._settings = settings
        self._zone = zone
        self._framer = Framer()
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Timeout | None = None
        self._stopping = False
        self._end = math.inf
        """When the connection ends unless another request begins, by the loop's clock."""

    async def serve(self, accepted: socket.socket) -> None:
        """Answers until the client, a fault or the time ends the connection, and closes the socket.

        Raises nothing.
        """
        self._reader, self._writer = await asyncio.open_connection(sock=accepted, limit=READ_BYTES)
        self._writer.transport.set_write_buffer_limits(0)  # drain() is to wait until the kernel has it all
        try:
            await self._answer_all()
        except Unreadable as reason:
            self._log(None, None, BadRequest.code, self._loop.time(), str(reason))
            with suppress(OSError):
                await self._send(NONE)
                await self._hang_up()
        except OSError as error:  # a TimeoutError too: the client takes nothing in
            log.debug("connection lost", extra={"client": self._peer, "reason": str(error)})
        finally:
            self._writer.transport.abort()
            with suppress(OSError):  # else asyncio may log a client's reset as nobody's error
                await self._writer.wait_closed()

    def stop(self) -> None:
        """Ends the connection once the request in hand, if there is one, is answered."""
        self._stopping = True
        if self._waiting is not None:
            with suppress(RuntimeError):  # its time is over at this very moment
                self._waiting.reschedule(self._loop.time())

    async def _answer_all(self) -> None:
        while not self._stopping and (body := await self._receive()) is not None:
            reply = await self._answer(body)
            if reply is None:
                await self._hang_up()
                return
            await self._send(reply)
            self._end = self._loop.time() + (self._settings.linger if may_end(reply) else math.inf)
        if not self._stopping:
            await self._hang_up()

    async def _receive(self) -> bytes | None:
        """The next request, or None where the connection is to end. Unreadable where it is none."""
        heard = self._loop.time()
        begun = False
        while (body := self._framer.take()) is None:
            if not self._framer.begun:
                deadline = min(heard + self._settings.idle_timeout, self._end)
            elif not begun:
                begun = True
                deadline = heard + self._settings.request_timeout
            data = await self._read(deadline)
            if not data:
                if begun and not self._stopping:
                    raise Unreadable("the request did not become whole")
                return None
            heard = self._loop.time()
            self._framer.feed(data)
        return body

    async def _read(self, deadline: float) -> bytes:
        """Some bytes; none where the client has ended its side, the time is over, or we are to stop."""
        try:
            async with asyncio.timeout_at(deadline) as self._waiting:
                return await self._reader.read(READ_BYTES)
        except TimeoutError:
            return b""
        finally:
            self._waiting = None
            await asyncio.sleep(0)  # read() does not pause where it has bytes already

    async def _answer(self, body: bytes) -> bytes | None:
        """The reply, or None where the connection is to end without one: `None` says no, never perhaps."""
        begun = self._loop.time()
        request_id = uuid4().hex
        action = reason = None
        outcome = _UNKNOWN
        try:
            question = read_request(body)
            action = question.action
            result = await self._requester.request(
                action, question.values, request_id=request_id, timeout=self._settings.deadline
            )
            reply = await self._write(action, result)
        except RequestError as error:
            outcome, reason = error.code, error.message
            return None if error.retryable else NONE
        except (OutcomeUnknown, ConnectionError) as error:
            reason = str(error)
            return None
        except Exception:
            log.exception("a request could not be answered", extra={"action": action, "client": self._peer})
            return None
        else:
            outcome = OK
            return reply
        finally:
            self._log(action, request_id, outcome, begun, reason)

    async def _write(self, action: str, result: Any) -> bytes:
        """A long list takes longer than others should have to wait: it is written beside the loop."""
        if isinstance(result, list) and len(result) > LONG_LIST:
            return await asyncio.to_thread(write_reply, action, result, self._zone)
        return write_reply(action, result, self._zone)

    def _log(
        self, action: str | None, request_id: str | None, outcome: str, begun: float, reason: str | None
    ) -> None:
        fields = {
            "action": action,
            "client": self._peer,
            "request_id": request_id,
            "outcome": outcome,
            "milliseconds": round((self._loop.time() - begun) * 1000, 1),
        }
        if reason is not None:
            fields["reason"] = reason
        log.info("request", extra=fields)

    async def _send(self, reply: bytes) -> None:
        """Raises TimeoutError where the client does not take it in."""
        self._writer.write(reply)
        async with asyncio.timeout(self._settings.write_timeout):
            await self._writer.drain()

    async def _hang_up(self) -> None:
        """Ends our side and takes in what still comes: else a reset might overtake what was sent."""
        self._writer.write_eof()
        with suppress(TimeoutError):
            async with asyncio.timeout(_HANG_UP_TIMEOUT):
                while await self._reader.read(READ_BYTES):
                    pass
