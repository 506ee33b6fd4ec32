"""What the gateway's tests share: a loop, a relay that can be cut, a requester that answers as told."""

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, ParamSpec, Self

import msgspec

from cloud_service.protocol.errors import RequestError
from cloud_service.protocol.replies import decode_reply, encode_reply, failed, succeeded
from cloud_service.protocol.requests import Request

HOST = "127.0.0.1"
DEADLINE = 60.0
"""Seconds after which what a test waits for will not come."""
Parameters = ParamSpec("Parameters")


def in_loop(test: Callable[Parameters, Coroutine[Any, Any, None]]) -> Callable[Parameters, None]:
    """Makes an asynchronous test one that pytest runs, with a deadline."""

    @functools.wraps(test)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        async def limited() -> None:
            async with asyncio.timeout(DEADLINE):
                await test(*args, **kwargs)

        asyncio.run(limited())

    return run


async def until(condition: Callable[[], Any]) -> None:
    """Waits until the condition is true; the test's deadline ends it otherwise."""
    while not condition():
        await asyncio.sleep(0.01)


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
        values = msgspec.to_builtins(values)
        self.asked.append((action, dict(values)))
        self.request_ids.append(request_id)
        try:
            result = self._answer(action, values)
            if inspect.isawaitable(result):
                result = await result
            outcome = succeeded(result)
        except RequestError as error:
            outcome = failed(error)
        reply = decode_reply(encode_reply(request_id, outcome))
        if reply.error is not None:
            raise reply.error
        return reply.result


class Relay:
    """A way to a port that can be cut, and through which nothing may pass for a while."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.passing = asyncio.Event()
        self._target = target
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self.passing.set()
        self._server = await asyncio.start_server(self._relay, HOST)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(HOST, self._target)
        except OSError:
            writer.transport.abort()
            return
        for source, sink in ((reader, back), (there, writer)):
            self._writers.add(sink)
            task = asyncio.create_task(self._copy(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                await self.passing.wait()
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            self._writers.discard(sink)
            sink.transport.abort()
