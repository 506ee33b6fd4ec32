"""What an operator does with chargers: gives them places, reads what gateways know, and commands them."""

import asyncio
from contextlib import suppress
from secrets import token_hex
from types import TracebackType
from typing import Any, Final, Self

from msgspec.structs import replace

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.ocpp.registry import Registry
from cloud_service.protocol import ocpp, topics
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.messages import Message
from cloud_service.protocol.ocpp import Answer, ChargerRecord, Command, Place
from cloud_service.protocol.presence import read_presence

QUIET_SECONDS: Final = 0.5
"""If no retained message arrives for this long, the broker has sent all of them."""


class Operator:
    """An operator's connection. Use with `async with`. Raises ConnectionError if the broker is away."""

    def __init__(self, broker: BrokerAddress, account: str) -> None:
        self._registry = Registry("", lambda: self)
        self._account = account
        self._answers: dict[str, asyncio.Future[Answer]] = {}
        self._away: set[str] = set()
        """The gateways whose presence says that they are offline."""
        self._retained_at = 0.0
        self._connection = AsyncConnection(
            broker,
            f"{account}-{token_hex(6)}",
            subscriptions=(
                topics.service("+"),
                ocpp.place("+"),
                ocpp.charger("+"),
                ocpp.answer(account, "+"),
            ),
            on_message=self._receive,
        )

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        await self._settle()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.__aexit__(kind, error, trace)

    @property
    def places(self) -> dict[str, Place]:
        """Where chargers stand, by identity."""
        return self._registry.places

    @property
    def records(self) -> dict[str, ChargerRecord]:
        """What gateways know about chargers, by identity. A charger of an offline gateway is not online."""
        return {
            identity: replace(record, online=record.online and record.gateway not in self._away)
            for identity, record in self._registry.records.items()
        }

    async def place(self, identity: str, place: Place) -> None:
        """Says where a charger stands. The gateway to which it is connected registers its station."""
        await self._connection.publish(Message(ocpp.place(identity), ocpp.encode(place), retain=True))

    async def remove(self, identity: str) -> None:
        """The charger stands nowhere any more. Its station stays until it is deleted."""
        await self._connection.publish(Message(ocpp.place(identity), b"", retain=True))

    async def tell(self, identity: str, command: str, values: dict[str, Any], seconds: float) -> Answer:
        """Has the charger's gateway pass on a command. Raises TimeoutError if nobody answers."""
        number = token_hex(8)
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answers[number] = answered
        topic = ocpp.command(identity, self._account)
        try:
            async with asyncio.timeout(seconds):
                await self._connection.publish(Message(topic, ocpp.encode(Command(number, command, values))))
                return await answered
        finally:
            del self._answers[number]

    def placed(self, identity: str, place: Place | None) -> None:
        """The registry has it."""

    def recorded(self, identity: str, record: ChargerRecord) -> None:
        """The registry has it."""

    def commanded(self, identity: str, client: str, command: Command) -> None:
        """Commands are for gateways."""

    def _receive(self, message: Message) -> None:
        if message.retain:
            self._retained_at = asyncio.get_running_loop().time()
        process = topics.parse_service(message.topic)
        if process is not None:
            self._note_process(process, message.payload)
            return
        if self._registry.receive(message):
            return
        answer = ocpp.read_answer(message.payload)
        waiting = self._answers.get(answer.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _note_process(self, name: str, payload: bytes) -> None:
        with suppress(BadRequest):
            if read_presence(payload).online:
                self._away.discard(name)
            else:
                self._away.add(name)

    async def _settle(self) -> None:
        clock = asyncio.get_running_loop().time
        self._retained_at = clock()
        while (rest := self._retained_at + QUIET_SECONDS - clock()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(rest)
