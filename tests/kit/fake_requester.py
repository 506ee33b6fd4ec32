"""A requester without a broker."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from cloud_service.protocol.errors import RequestError
from cloud_service.protocol.replies import decode_reply, encode_reply, failed, succeeded
from cloud_service.protocol.requests import Request


class FakeRequester:
    """A Requester without a broker. What `answer` returns or raises goes through the wire's own encoding."""

    def __init__(self, answer: Callable[[str, Mapping[str, Any]], Any]) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.request_ids: list[str | None] = []
        self._answer = answer

    async def request(
        self,
        action: str,
        values: Mapping[str, Any] | Request,
        *,
        request_id: str | None = None,
        timeout: float = 10.0,
    ) -> Any:
        keys: dict[str, Any] = msgspec.to_builtins(values)
        self.asked.append((action, keys))
        self.request_ids.append(request_id)
        try:
            result = self._answer(action, keys)
            if inspect.isawaitable(result):
                result = await result
            outcome = succeeded(result)
        except RequestError as error:
            outcome = failed(error)
        reply = decode_reply(encode_reply(request_id, outcome))
        if reply.error is not None:
            raise reply.error
        return reply.result
