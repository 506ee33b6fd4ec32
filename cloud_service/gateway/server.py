"""Accepts connections within the limits, and ends them when the gateway stops."""

import asyncio
import logging
import socket
from collections import Counter
from types import TracebackType
from typing import Final, Self

from msgspec import Struct

from cloud_service.gateway.bookings import Bookings, RequestSender, plain_address
from cloud_service.gateway.connection import Connection
from cloud_service.gateway.measurements import Measurements, RefusalKind
from cloud_service.gateway.refusals import Refusals
from cloud_service.gateway.request_log import RequestLog
from cloud_service.gateway.settings import GatewaySettings

log = logging.getLogger(__name__)

STOP_SECONDS: Final = 5.0
"""How long requests in progress may take when the gateway stops."""
BACKLOG: Final = 4096
"""Connections that the kernel queues, if its own limit allows; further clients try again after a second."""
ACCEPTED_AT_ONCE: Final = 16
"""Connections accepted before other clients are served: a flood of connections must not delay them."""
RETRY_SECONDS: Final = 1.0
"""The pause after an accept() that failed, such as for want of file descriptors."""
RECEIVE_BUFFER_BYTES: Final = 32_768
SEND_BUFFER_BYTES: Final = 131_072


def listen(settings: GatewaySettings) -> socket.socket:
    """Opens the port; connections wait until the server is entered.

    Raises socket.gaierror if nobody knows the host, and another OSError if the port cannot be opened.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # create_server() would make another error of it.
    socket.getaddrinfo(settings.host, settings.port, family, socket.SOCK_STREAM)
    both = settings.host == "::" and socket.has_dualstack_ipv6()
    address = (settings.host, settings.port)
    listener = socket.create_server(address, family=family, backlog=BACKLOG, dualstack_ipv6=both)
    # Connections inherit these sizes, which bound the memory that one client can occupy.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    return listener


class _Refusal(Struct, frozen=True):
    """Why a connection is refused: for the metrics, and for the log."""

    kind: RefusalKind
    reason: str


class GatewayServer:
    """Serves legacy clients while its `async with` block lasts."""

    def __init__(
        self,
        listener: socket.socket,
        requester: RequestSender,
        settings: GatewaySettings,
        *,
        measurements: Measurements | None = None,
        stop_seconds: float = STOP_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self.port: int = listener.getsockname()[1]
        self._listener = listener
        self._bookings = Bookings(requester, settings.max_bookings_per_address)
        self._settings = settings
        self._measurements = measurements or Measurements()
        self._request_log = RequestLog()
        self._stop_seconds = stop_seconds
        self._retry_seconds = retry_seconds
        self._resuming: asyncio.TimerHandle | None = None
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._per_address: Counter[str] = Counter()
        self._refusals = Refusals("connections refused")

    async def __aenter__(self) -> Self:
        self._listener.setblocking(False)
        self._resume()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops accepting, answers the requests in progress, and ends all connections."""
        self._pause()
        self._listener.close()
        for connection in self._connections.values():
            connection.stop()
        tasks = list(self._connections)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._stop_seconds)
            for task in late:
                task.cancel()
            await asyncio.wait(tasks)
        self._refusals.close()
        self._bookings.close()

    @property
    def connections(self) -> int:
        return len(self._connections)

    def _resume(self) -> None:
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _pause(self) -> None:
        asyncio.get_running_loop().remove_reader(self._listener)
        if self._resuming is not None:
            self._resuming.cancel()

    def _accept(self) -> None:
        """Replaces asyncio's server, which creates a transport even for a connection that is refused."""
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                accepted, address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                log.error("cannot accept connections, trying again in %g s: %s", self._retry_seconds, error)
                self._pause()
                self._resuming = asyncio.get_running_loop().call_later(self._retry_seconds, self._resume)
                return
            self._admit(accepted, *address[:2])

    def _admit(self, accepted: socket.socket, host: str, port: int) -> None:
        accepted.setblocking(False)
        refusal = self._refusal(host)
        if refusal is not None:
            self._measurements.refused(refusal.kind)
            self._refusals.note(host, refusal.reason)
        if refusal is not None or _has_ended(accepted):
            accepted.close()
            return
        self._measurements.accepted()
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(
            accepted,
            peer=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            requester=self._bookings.of(host),
            settings=self._settings,
            measurements=self._measurements,
            request_log=self._request_log,
        )
        task = asyncio.create_task(connection.serve(), name=f"connection of {host}:{port}")
        self._connections[task] = connection
        self._per_address[host] += 1
        task.add_done_callback(lambda task: self._forget(task, host))

    def _forget(self, task: asyncio.Task[None], host: str) -> None:
        del self._connections[task]
        self._per_address[host] -= 1
        if not self._per_address[host]:
            del self._per_address[host]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a connection from %s failed", host, exc_info=error)

    def _refusal(self, host: str) -> _Refusal | None:
        networks = self._settings.allowed_networks
        if networks and not any(plain_address(host) in network for network in networks):
            return _Refusal("network", "not in an allowed network")
        if len(self._connections) >= self._settings.max_connections:
            return _Refusal("connections", f"at the limit of {self._settings.max_connections} connections")
        most = self._settings.max_connections_per_address
        if self._per_address[host] >= most:
            return _Refusal("connectionsPerAddress", f"at the limit of {most} connections per address")
        return None


def _has_ended(accepted: socket.socket) -> bool:
    """Returns whether the client has already closed or reset the connection without sending a byte."""
    try:
        return not accepted.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
