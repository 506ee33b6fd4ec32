"""The commands of Mosquitto's dynamic-security plugin, sent to the running broker."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import uuid4

import msgspec

from cloud_service.accounts.rights import CONTROL
from cloud_service.protocol.messages import Message

RESPONSE: Final = f"{CONTROL}/response"
_TIMEOUT: Final = 10.0


class CommandRefused(Exception):
    """The plugin refused a command; the text is its own."""


class DynamicSecurity:
    """Sends commands and pairs them with their answers, which every administrator's connection receives.

    `publish` sends a message; whoever owns the connection hands what arrives on RESPONSE to `received`.
    """

    def __init__(self, publish: Callable[[Message], Any]) -> None:
        self._publish = publish
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def command(self, command: str, **values: object) -> dict[str, Any]:
        """What the command answers. CommandRefused where it fails, TimeoutError where nothing answers."""
        number = uuid4().hex
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        body = {"commands": [{"command": command, "correlationData": number, **values}]}
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self._publish(Message(CONTROL, msgspec.json.encode(body)))
                response = await answer
        finally:
            del self._waiting[number]
        if "error" in response:
            raise CommandRefused(response["error"])
        data: dict[str, Any] = response.get("data", {})
        return data

    def received(self, payload: bytes) -> None:
        """Takes a message of the response topic."""
        responses: list[Mapping[str, Any]] = msgspec.json.decode(payload).get("responses", [])
        for response in responses:
            answer = self._waiting.get(response.get("correlationData", ""))
            if answer is not None and not answer.done():
                answer.set_result(dict(response))
