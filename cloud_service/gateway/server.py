"""The gateway's listening side: who may connect, how many, and how it stops."""

import asyncio
import logging
import socket
from collections import Counter
from datetime import tzinfo
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import TracebackType
from typing import Final, Self
from zoneinfo import ZoneInfo

from cloud_service.gateway.connection import Asks, Connection
from cloud_service.gateway.settings import GatewaySettings

log = logging.getLogger(__name__)

STOP_TIMEOUT: Final = 5.0
"""Seconds that requests in hand have when the gateway stops."""
BACKLOG: Final = 4096
"""Connections that the system holds for us, as far as it allows; those beyond try again after a second."""
ACCEPTED_AT_ONCE: Final = 16
"""More, and a flood of connections would keep the others' requests waiting."""
RETRY_AFTER: Final = 1.0
"""Seconds, where the system gives no more connections."""
RECEIVE_BUFFER: Final = 32_768
SEND_BUFFER: Final = 131_072
_TELL_REFUSALS_EVERY: Final = 1.0


def listen(settings: GatewaySettings) -> socket.socket:
    """Takes the port; who connects waits until the server is entered. Raises OSError where that fails."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    both = settings.host == "::" and socket.has_dualstack_ipv6()
    address = (settings.host, settings.port)
    listener = socket.create_server(address, family=family, backlog=BACKLOG, dualstack_ipv6=both)
    # Connections inherit these. They bound what a client can make the system and asyncio hold for it.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    return listener


class GatewayServer:
    """`async with GatewayServer(...)`: answers legacy clients, until left."""

    def __init__(self, listener: socket.socket, requester: Asks, settings: GatewaySettings) -> None:
        self.port: int = listener.getsockname()[1]
        self._listener = listener
        self._requester = requester
        self._settings = settings
        self._zone: tzinfo | None = ZoneInfo(settings.time_zone) if settings.time_zone else None
        self._resuming: asyncio.TimerHandle | None = None
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._per_address: Counter[str] = Counter()
        self._refusals = Refusals()

    async def __aenter__(self) -> Self:
        self._listener.setblocking(False)
        self._resume()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Accepts nobody any more, answers the requests in hand, and ends all connections."""
        self._pause()
        self._listener.close()
        for connection in self._connections.values():
            connection.stop()
        tasks = list(self._connections)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_TIMEOUT)
            for task in late:
                task.cancel()
            await asyncio.wait(tasks)

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
        """asyncio's own server makes a transport before it asks us, on which a flood would live."""
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                accepted, address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                log.error("no connection can be accepted, next try in %g s: %s", RETRY_AFTER, error)
                self._pause()
                self._resuming = asyncio.get_running_loop().call_later(RETRY_AFTER, self._resume)
                return
            self._admit(accepted, *address[:2])

    def _admit(self, accepted: socket.socket, host: str, port: int) -> None:
        accepted.setblocking(False)
        reason = self._reason_to_refuse(host)
        if reason is not None:
            self._refusals.tell(host, reason)
        if reason is not None or _is_over(accepted):
            accepted.close()
            return
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(
            peer=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            requester=self._requester,
            settings=self._settings,
            zone=self._zone,
        )
        task = asyncio.create_task(connection.serve(accepted), name=f"connection of {host}:{port}")
        self._connections[task] = connection
        self._per_address[host] += 1
        task.add_done_callback(lambda task: self._forget(task, host))

    def _forget(self, task: asyncio.Task[None], host: str) -> None:
        del self._connections[task]
        self._per_address[host] -= 1
        if not self._per_address[host]:
            del self._per_address[host]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a connection of %s failed", host, exc_info=error)

    def _reason_to_refuse(self, host: str) -> str | None:
        networks = self._settings.allowed_networks
        if networks and not any(_plain_address(host) in network for network in networks):
            return "not in an allowed network"
        if len(self._connections) >= self._settings.max_connections:
            return f"{self._settings.max_connections} connections already"
        if self._per_address[host] >= self._settings.max_connections_per_address:
            return f"{self._settings.max_connections_per_address} connections of this address already"
        return None


def _is_over(accepted: socket.socket) -> bool:
    """Whether the client has ended or cut the connection already, without a byte to read before."""
    try:
        return not accepted.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


class Refusals:
    """Logs refused connections, at most once a second: a flood must not fill the log."""

    def __init__(self) -> None:
        self._untold = 0
        self._next = 0.0

    def tell(self, host: str, reason: str) -> None:
        self._untold += 1
        now = asyncio.get_running_loop().time()
        if now >= self._next:
            log.warning(
                "connections refused", extra={"client": host, "reason": reason, "count": self._untold}
            )
            self._untold = 0
            self._next = now + _TELL_REFUSALS_EVERY


def _plain_address(host: str) -> IPv4Address | IPv6Address:
    """An IPv4 client of an IPv6 socket has its IPv4 address; a link-local one loses its interface."""
    address = ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address
