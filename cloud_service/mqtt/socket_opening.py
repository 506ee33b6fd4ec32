"""Opens a socket to the broker in a thread: looking up a name, connecting and shaking hands block."""

import os
import socket
from concurrent.futures import Future
from threading import Thread

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.sockets import open_socket


class SocketOpening:
    """A socket that is being opened. The descriptor is readable once it is open, or cannot be opened.

    Either `take` or `abandon` has to be called, once. Raises OSError without a descriptor or thread for it.
    """

    def __init__(self, address: BrokerAddress) -> None:
        self.descriptor, writer = os.pipe()
        self._opened: Future[socket.socket] = Future()
        thread = Thread(target=self._open, args=(address, writer), name=f"opening {address}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            os.close(self.descriptor)
            os.close(writer)
            raise OSError(str(error)) from error

    @property
    def done(self) -> bool:
        """Whether `take` returns without waiting."""
        return self._opened.done()

    def take(self) -> socket.socket:
        """Waits for the socket and returns it. Raises what `open_socket` raises."""
        os.close(self.descriptor)
        return self._opened.result()

    def abandon(self) -> None:
        """Closes the socket as soon as it is open."""
        os.close(self.descriptor)
        self._opened.add_done_callback(_close)

    def _open(self, address: BrokerAddress, writer: int) -> None:
        try:
            self._opened.set_result(open_socket(address))
        except Exception as error:  # the loop's thread raises it, and knows what to do
            self._opened.set_exception(error)
        finally:
            os.close(writer)


def _close(opened: "Future[socket.socket]") -> None:
    if opened.exception() is None:
        opened.result().close()
