"""The WebSocket: each viewer has its own task, which never waits for another viewer's."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from cloud_service.monitor.feed import Feed
from cloud_service.monitor.load import Load

log = logging.getLogger(__name__)

PAUSE_SECONDS: Final = 0.2
"""Between two messages to a viewer. Changes in between become one message."""
STILL_SECONDS: Final = 10.0
"""After this silence a viewer is told that nothing has changed."""
SEND_SECONDS: Final = 30.0
_TRY_AGAIN_LATER: Final = 1013


class Live:
    """The viewers of a feed, at most `most` at once."""

    def __init__(self, feed: Feed, load: Load, most: int) -> None:
        self._feed = feed
        self._most = most
        self._load = load

    async def serve(self, socket: WebSocket) -> None:
        """Serves a viewer until it leaves, or does not read for SEND_SECONDS."""
        if self._load.viewers >= self._most:
            self._load.refused += 1
            # Only an accepted socket can tell a browser why it closes.
            await socket.accept()
            await socket.close(_TRY_AGAIN_LATER, "too many viewers")
            return
        self._load.viewers += 1
        try:
            await socket.accept()
            await self._follow(socket)
        finally:
            self._load.viewers -= 1

    async def _follow(self, socket: WebSocket) -> None:
        viewer = _Viewer(self._feed, socket)
        listening = asyncio.create_task(viewer.listen(), name="viewer")
        try:
            with suppress(WebSocketDisconnect, TimeoutError, RuntimeError):
                await viewer.send_changes()
        finally:
            listening.cancel()
            await asyncio.wait([listening])


class _Viewer:
    def __init__(self, feed: Feed, socket: WebSocket) -> None:
        self._feed = feed
        self._socket = socket
        self._number: int | None = None
        self._left = False

    async def listen(self) -> None:
        """Takes what the viewer sends: each message, whatever it says, asks for the whole network."""
        try:
            while True:
                await self._socket.receive_text()
                self._number = None
        except (WebSocketDisconnect, RuntimeError, KeyError):
            self._left = True

    async def send_changes(self) -> None:
        """Sends everything since the viewer's own last number, at most five times a second."""
        loop = asyncio.get_running_loop()
        still_until = 0.0
        while not self._left:
            if self._number != self._feed.number or loop.time() >= still_until:
                text, number = self._feed.text_since(self._number), self._feed.number
                self._number = number
                async with asyncio.timeout(SEND_SECONDS):
                    await self._socket.send_text(text)
                still_until = loop.time() + STILL_SECONDS
            await asyncio.sleep(PAUSE_SECONDS)
