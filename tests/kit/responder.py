"""A stand-in for the cloud service that answers one client's requests over a real broker."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.protocol import topics
from cloud_service.protocol.errors import RequestError
from cloud_service.protocol.incoming import Incoming, receive
from cloud_service.protocol.messages import Message
from cloud_service.protocol.replies import failed, succeeded

Answer = Callable[[Incoming], Any]
"""Returns a request's result, or None for no reply; or raises the error of its reply."""


class Responder:
    """Answers the requests of one client, and keeps what it has received."""

    def __init__(self, address: BrokerAddress, client: str, answer: Answer) -> None:
        self.answer = answer
        self.received: list[Incoming] = []
        self.messages: list[Message] = []
        self._connection = AsyncConnection(
            address,
            f"service-of-{client}",
            subscriptions=[topics.request("+", client)],
            on_message=self._receive,
        )

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.__aexit__(kind, error, trace)

    @property
    def ids(self) -> list[str | None]:
        """The request IDs, in the order of arrival."""
        return [incoming.envelope.request_id for incoming in self.received]

    def reply(self, incoming: Incoming, result: Any) -> None:
        self._connection.send(incoming.reply(succeeded(result)))

    def _receive(self, message: Message) -> None:
        incoming = receive(message, time.time())
        self.messages.append(message)
        self.received.append(incoming)
        try:
            result = self.answer(incoming)
        except RequestError as error:
            self._connection.send(incoming.reply(failed(error)))
            return
        if result is not None:
            self.reply(incoming, result)


def in_turn(*answers: Any) -> Answer:
    """Gives one answer after another, and the last one from then on. An error is raised."""
    left = list(answers)

    def answer(_incoming: Incoming) -> Any:
        value = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(value, RequestError):
            raise value
        return value

    return answer
