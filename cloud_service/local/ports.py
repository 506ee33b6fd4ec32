"""Free and taken TCP ports of this machine."""

import asyncio
import errno
import random
import socket
from typing import Final

from cloud_service.language.text import Reason
from cloud_service.local.errors import CannotStart, UnknownHost

_RETRY_SECONDS: Final = 0.05
_FREE_PORTS: Final = range(20_000, 32_768)
"""Below those that Linux gives to outgoing connections."""
_ATTEMPTS: Final = 20


def listen(host: str, port: int, flag: str, *, fixed: bool) -> socket.socket:
    """Listens on this port, or on a free one if it is 0, or if it is taken and not `fixed`.

    Raises CannotStart if a fixed port is taken; the text names the flag that sets it. Raises UnknownHost.
    """
    try:
        return _listen(host, port) if port else _listen_anywhere(host)
    except socket.gaierror as error:
        raise UnknownHost(
            "the host {host}, on which port {port} should listen, is unknown: {reason}",
            host=host,
            port=port,
            reason=Reason(error),
        ) from None
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise CannotStart(
                "cannot listen on {host}, port {port}: {reason}", host=host, port=port, reason=Reason(error)
            ) from None
    if fixed:
        raise CannotStart(
            "port {port} on {host} is taken; stop the program that listens there, or choose another port"
            " with {flag} (0 picks a free port)",
            port=port,
            host=host,
            flag=flag,
        )
    return _listen_anywhere(host)


def is_free(host: str, port: int) -> bool:
    """Whether a process could listen there now. Raises OSError if the address is not this machine's."""
    try:
        _listen(host, port).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise
    return True


def _listen_anywhere(host: str) -> socket.socket:
    """Listens on a port that no outgoing connection gets: a process of ours may bind it a moment later."""
    for port in random.sample(_FREE_PORTS, _ATTEMPTS):
        try:
            return _listen(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    return _listen(host, 0)


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except BaseException:
        listener.close()
        raise
    return listener


async def accepting(host: str, port: int) -> None:
    """Waits until a process accepts connections there."""
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            writer.close()
            await writer.wait_closed()
            return


async def answering(host: str, port: int) -> None:
    """Waits until a process answers HTTP there, whatever it says. One that only listens does not count."""
    while True:
        try:
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
                if await reader.read(1):
                    return
            finally:
                writer.close()
        except OSError:
            pass
        await asyncio.sleep(_RETRY_SECONDS)
