"""A viewer that does not read ends, and its place is free."""

import asyncio

import pytest
from starlette.types import Message
from starlette.websockets import WebSocket

from cloud_service.monitor import live
from cloud_service.monitor.feed import Feed
from cloud_service.monitor.load import Load
from cloud_service.overview.overview import Overview


async def test_a_send_that_takes_too_long_ends_the_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SEND_SECONDS", 0.05)
    closed = asyncio.Event()
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    incoming.put_nowait({"type": "websocket.connect"})

    async def send(message: Message) -> None:
        if message["type"] == "websocket.send":
            await closed.wait()

    viewers = live.Live(Feed(Overview(), names=False), Load(), most=1)
    first = WebSocket({"type": "websocket"}, incoming.get, send)
    async with asyncio.timeout(10):
        await viewers.serve(first)

    sent: list[Message] = []

    async def take(message: Message) -> None:
        sent.append(message)
        if message["type"] == "websocket.send":
            incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})

    incoming.put_nowait({"type": "websocket.connect"})
    async with asyncio.timeout(10):
        await viewers.serve(WebSocket({"type": "websocket"}, incoming.get, take))
    assert [message["type"] for message in sent[:2]] == ["websocket.accept", "websocket.send"]
