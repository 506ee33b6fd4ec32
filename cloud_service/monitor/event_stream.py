"""Events as server-sent events, for programs. A reader that reconnects continues after the last ID that it
saw.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from secrets import token_hex
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cloud_service.monitor.answers import error_answer
from cloud_service.monitor.feed import describe_event
from cloud_service.monitor.load import Load
from cloud_service.overview.overview import Overview

PAUSE_SECONDS: Final = 0.2
STILL_SECONDS: Final = 15.0
"""After this silence a reader gets a comment, so that nothing in between ends the connection."""
RETRY_MILLISECONDS: Final = 2000


class EventStream:
    """The readers of the events, at most `most` at once.

    `names`: with vehicles' names. `ending` is set when the process ends, so that every stream ends too.
    """

    def __init__(
        self, overview: Overview, *, names: bool, load: Load, most: int, ending: Callable[[], bool]
    ) -> None:
        self._overview = overview
        self._names = names
        self._most = most
        self._ending = ending
        self._load = load
        # The numbers begin again with each run of the monitor.
        self._run = token_hex(4)

    async def serve(self, request: Request) -> Response:
        if self._load.readers >= self._most:
            return error_answer("BUSY", f"{self._most} programs read the events already", 503)
        begin = self._number_after(request.headers.get("last-event-id", ""))
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._texts(begin), media_type="text/event-stream", headers=headers)

    def _number_after(self, last_id: str) -> int:
        """Where a reader continues. A new one, or one from another run, begins with the next event."""
        run, _, number = last_id.partition("-")
        if run == self._run and number.isascii() and number.isdecimal() and len(number) < 19:
            return int(number)
        return self._overview.number

    async def _texts(self, number: int) -> AsyncIterator[bytes]:
        self._load.readers += 1
        try:
            yield b"retry: %d\n\n" % RETRY_MILLISECONDS
            loop = asyncio.get_running_loop()
            still_until = loop.time() + STILL_SECONDS
            while not self._ending():
                text = self._text_since(number)
                number = max(number, self._overview.number)
                if not text and loop.time() >= still_until:
                    text = b": still here\n\n"
                if text:
                    yield text
                    still_until = loop.time() + STILL_SECONDS
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self._load.readers -= 1

    def _text_since(self, number: int) -> bytes:
        last_id = f"{self._run}-{self._overview.number}".encode()
        return b"".join(
            b"id: %s\nevent: %s\ndata: %s\n\n"
            % (last_id, _field(event.type), msgspec.json.encode(describe_event(event, names=self._names)))
            for event in self._overview.events_since(number)
        )


def _field(event_type: str) -> bytes:
    """The type as a field of the stream: a single line."""
    return event_type.encode() if event_type.isidentifier() else b"message"
