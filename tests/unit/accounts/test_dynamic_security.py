"""Commands to Mosquitto's plugin are matched with their responses. The plugin itself is in tests/security."""

import asyncio
from typing import Any

import msgspec
import pytest

from cloud_service.accounts.dynamic_security import CommandRefused, DynamicSecurity
from cloud_service.protocol.messages import Message


class Plugin:
    """Keeps the commands that arrive, so that a test can respond to them in any order."""

    def __init__(self) -> None:
        self.commands: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.security = DynamicSecurity(self._take)

    async def _take(self, message: Message) -> None:
        [command] = msgspec.json.decode(message.payload)["commands"]
        self.commands.put_nowait(command)

    def respond(self, command: dict[str, Any], **values: object) -> None:
        response = {"command": command["command"], "correlationData": command["correlationData"], **values}
        self.security.received(msgspec.json.encode({"responses": [response]}))


def test_a_command_returns_the_data_of_its_response() -> None:
    async def scenario() -> None:
        plugin = Plugin()
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(plugin.security.command("getClient", username="ana"))
            command = await plugin.commands.get()
            assert command["command"] == "getClient"
            assert command["username"] == "ana"
            plugin.respond(command, data={"client": {"username": "ana"}})
        assert asked.result() == {"client": {"username": "ana"}}

    asyncio.run(scenario())


def test_a_command_without_data_returns_an_empty_mapping() -> None:
    async def scenario() -> None:
        plugin = Plugin()
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(plugin.security.command("deleteClient", username="ana"))
            plugin.respond(await plugin.commands.get())
        assert asked.result() == {}

    asyncio.run(scenario())


def test_responses_may_come_in_another_order() -> None:
    async def scenario() -> None:
        plugin = Plugin()
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(plugin.security.command("getRole", rolename=name)) for name in "ab"]
            commands = [await plugin.commands.get() for _ in asked]
            for command in reversed(commands):
                plugin.respond(command, data={"name": command["rolename"]})
        assert [task.result()["name"] for task in asked] == ["a", "b"]

    asyncio.run(scenario())


def test_a_refused_command_raises_the_plugins_own_text() -> None:
    async def scenario() -> None:
        plugin = Plugin()
        asked = asyncio.create_task(plugin.security.command("createClient", username="ana"))
        plugin.respond(await plugin.commands.get(), error="Client already exists")
        with pytest.raises(CommandRefused, match="Client already exists"):
            await asked

    asyncio.run(scenario())


def test_responses_to_other_connections_are_ignored() -> None:
    """Every connection of the administrator receives all responses."""

    async def scenario() -> None:
        plugin = Plugin()
        plugin.security.received(msgspec.json.encode({"responses": [{"correlationData": "someone else's"}]}))
        plugin.security.received(msgspec.json.encode({"responses": [{"command": "getClient"}]}))
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(plugin.security.command("getClient", username="ana"))
            command = await plugin.commands.get()
            plugin.respond(command, data={"first": True})
            plugin.respond(command, data={"repeated": True})
        assert asked.result() == {"first": True}

    asyncio.run(scenario())
