"""Free and taken TCP ports of this machine."""

import asyncio
import errno
import socket
from typing import Final

from cloud_service.local.errors import CannotStart, UnknownHost

_RETRY_SECONDS: Final = 0.05


def choose_port(host: str, port: int, flag: str, *, fixed: bool) -> int:
    """Returns this port, or a free one if it is 0, or if it is taken and not `fixed`.

    Raises CannotStart if a fixed port is taken; the text names the flag that sets it. Raises UnknownHost.
    """
    try:
        if port == 0:
            return free_port(host)
        if is_free(host, port):
            return port
    except socket.gaierror as error:
        raise UnknownHost(f"{host}, where port {port} is to listen, is not known: {error.strerror}") from None
    except OSError as error:
        raise CannotStart(f"cannot listen on {host}, port {port}: {error.strerror}") from None
    if fixed:
        raise CannotStart(
            f"port {port} on {host} is taken; stop the program that listens there, or choose another port"
            f" with {flag} (0 picks a free port)"
        )
    return free_port(host)


def is_free(host: str, port: int) -> bool:
    """Whether a process could listen there now. Raises OSError if the address is not this machine's."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        return True


def free_port(host: str) -> int:
    """A port that is free now."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as listener:
        listener.bind(address)
        return int(listener.getsockname()[1])


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
