"""Sends commands to the dynamic-security plugin of the running broker."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import uuid4

import msgspec

from cloud_service.accounts.rights import CONTROL
from cloud_service.protocol.messages import Message

RESPONSE: Final = f"{CONTROL}/response"
_TIMEOUT_SECONDS: Final = 10.0


class CommandRefused(Exception):
    """The plugin refused a command. The text is the plugin's."""


class DynamicSecurity:
    """Sends commands and matches them with their responses.

    Every connection of the administrator receives all responses.
    `publish` sends a message. The owner of the connection passes each message on RESPONSE to `received`.
    """

    def __init__(self, publish: Callable[[Message], Any]) -> None:
        self._publish = publish
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def command(self, command: str, **values: object) -> dict[str, Any]:
        """Sends a command and returns its data. Raises CommandRefused, or TimeoutError without a response."""
        number = uuid4().hex
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        body = {"commands": [{"command": command, "correlationData": number, **values}]}
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await self._publish(Message(CONTROL, msgspec.json.encode(body)))
                response = await waiting
        finally:
            del self._waiting[number]
        if "error" in response:
            raise CommandRefused(response["error"])
        data: dict[str, Any] = response.get("data", {})
        return data

    def received(self, payload: bytes) -> None:
        """Handles the payload of a message on RESPONSE."""
        responses: list[Mapping[str, Any]] = msgspec.json.decode(payload).get("responses", [])
        for response in responses:
            waiting = self._waiting.get(response.get("correlationData", ""))
            if waiting is not None and not waiting.done():
                waiting.set_result(dict(response))
