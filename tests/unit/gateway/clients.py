"""A gateway with a stand-in for the service, and a legacy client."""

import asyncio
import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

import pytest

from cloud_service.gateway.measurements import Measurements
from cloud_service.gateway.server import GatewayServer, listen
from cloud_service.gateway.settings import GatewaySettings
from tests.kit.fake_requester import FakeRequester
from tests.kit.processes import HOST

PATIENT = GatewaySettings(port=0, time_zone=ZoneInfo("America/Sao_Paulo"), idle_timeout=120, linger=120)
"""Ends no connection while a test runs."""


class Gateway:
    """A server in front of a stand-in for the service."""

    def __init__(
        self,
        answer: Callable[[str, Mapping[str, Any]], Any],
        settings: GatewaySettings = PATIENT,
        **options: float,
    ) -> None:
        self.requester = FakeRequester(answer)
        self.measurements = Measurements()
        self.server = GatewayServer(
            listen(settings), self.requester, settings, measurements=self.measurements, **options
        )
        self._clients: list[Client] = []

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.server.__aexit__(kind, error, trace)
        for client in self._clients:
            client.close()

    async def connect(self, source: str = HOST) -> "Client":
        reader, writer = await asyncio.open_connection(
            HOST, self.server.port, local_addr=(source, 0), limit=2**22
        )
        client = Client(reader, writer)
        self._clients.append(client)
        return client


class Client:
    """A legacy client: sends JSON and reads the replies."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, request: Mapping[str, Any], **style: Any) -> None:
        self.writer.write(json.dumps(request, **style).encode())

    async def receive(self, size: int = 4096) -> bytes:
        """Reads once, like recv(4096)."""
        return await self.reader.read(size)

    async def ask(self, request: Mapping[str, Any]) -> bytes:
        self.send(request)
        return await self.receive()

    async def until_end(self) -> bytes:
        """Reads like a client that waits for the connection to end."""
        received = await self.reader.read()
        self.close()
        return received

    async def until_json(self) -> Any:
        """Reads like a client that waits for the bytes to parse, or the connection to end."""
        received = b""
        while data := await self.receive():
            received += data
            try:
                return json.loads(received)
            except ValueError:
                continue
        return received

    async def nothing_for(self, seconds: float) -> None:
        """Asserts that neither a byte nor the end arrives in the meantime."""
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.reader.read(1)

    def close(self) -> None:
        self.writer.transport.abort()


def seconds() -> float:
    return asyncio.get_running_loop().time()
