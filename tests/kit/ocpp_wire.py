"""A charger that sends what a test wants, frame by frame, whether OCPP has it or not."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.kit.ocpp import OcppGatewayProcess
from tests.kit.processes import HOST
from tests.kit.waiting import DEADLINE

_numbers = count(1)
_CALL, _RESULT, _ERROR = 2, 3, 4
BOOT = {"chargePointVendor": "Maker", "chargePointModel": "One"}


class Wire:
    """One connection. What the gateway asks is answered by a test, or not at all."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, text: str) -> None:
        """Any message."""
        await self.socket.send(text)

    async def receive(self) -> list[Any]:
        """The next answer of the gateway; what it asks in between is passed over."""
        async with asyncio.timeout(DEADLINE):
            while True:
                frame: list[Any] = json.loads(await self.socket.recv())
                if frame[0] != _CALL:
                    return frame

    async def asked(self) -> list[Any]:
        """The next call of the gateway, and nothing else may come before it."""
        async with asyncio.timeout(DEADLINE):
            frame: list[Any] = json.loads(await self.socket.recv())
        assert frame[0] == _CALL
        return frame

    async def call(self, action: str, payload: Mapping[str, Any], call_id: str | None = None) -> Any:
        """The payload of the answer, or the code of the error."""
        call_id = call_id or str(next(_numbers))
        await self.send(json.dumps([_CALL, call_id, action, payload]))
        kind, answered, *rest = await self.receive()
        assert answered == call_id
        assert kind in (_RESULT, _ERROR)
        return rest[0]

    async def boot(self) -> str:
        """With OCPP 1.6. Returns the status."""
        answer = await self.call("BootNotification", BOOT)
        return str(answer["status"])


def now() -> str:
    """As OCPP writes it."""
    return datetime.now(UTC).isoformat()


@asynccontextmanager
async def shaken(
    gateway: OcppGatewayProcess, identity: str, *headers: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, str]]:
    """A handshake with these headers of its own, and the first line of the answer."""
    reader, writer = await asyncio.open_connection(HOST, gateway.port)
    lines = (
        f"GET /ocpp/{identity} HTTP/1.1",
        f"Host: {HOST}",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *headers,
    )
    try:
        writer.write("".join(f"{line}\r\n" for line in (*lines, "")).encode())
        async with asyncio.timeout(DEADLINE):
            answer = await reader.readuntil(b"\r\n\r\n")
        yield reader, writer, answer.decode().splitlines()[0]
    finally:
        writer.close()


@asynccontextmanager
async def wired(
    gateway: OcppGatewayProcess, identity: str, subprotocol: str | None = "ocpp1.6"
) -> AsyncIterator[Wire]:
    """A connection while the block lasts; without a subprotocol if none is given."""
    offered = None if subprotocol is None else [Subprotocol(subprotocol)]
    async with connect(gateway.url + identity, subprotocols=offered) as socket:
        yield Wire(socket)
