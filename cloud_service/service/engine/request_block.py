"""Blocks of request records: a day's records, most of which nobody ever asks for again, in little memory."""

from collections.abc import Callable
from typing import Final
from zlib import compress, decompress

import msgspec

from cloud_service.store.interface import StoredRequest
from cloud_service.store.journal import RequestRecord

FULL: Final = 64
"""So many replies, which are much alike, pack into a fifth; in larger blocks hardly any smaller."""
_LEVEL: Final = 3
"""Of zlib: higher ones take twice as long for a twentieth less."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[StoredRequest]).decode


class RequestBlock:
    """Requests in the order of their answers: as they are while it fills, and packed once it is full."""

    __slots__ = ("_held", "_packed", "_requests", "is_full", "remembered")

    def __init__(self) -> None:
        self.remembered = 0
        """How many of its requests are remembered. It may hold some of the others too."""
        self.is_full = False
        """Whether it takes no more."""
        self._requests: list[StoredRequest] = []
        self._packed: bytes | None = None
        self._held = 0

    def add(self, stored: StoredRequest) -> None:
        """Adds a request, the newest of all."""
        self._requests.append(stored)
        self.remembered += 1
        if len(self._requests) == FULL:
            self.is_full = True
            self._pack(self._requests)

    def requests(self) -> list[StoredRequest]:
        """Its requests, oldest first."""
        return self._requests if self._packed is None else _decode(decompress(self._packed))

    def unpack(self) -> list[StoredRequest]:
        """Stays unpacked from now on. To be called when its requests are going to be forgotten one by one."""
        self._requests, self._packed = self.requests(), None
        return self._requests

    def find(self, client: str, identity: str) -> RequestRecord | None:
        """The record of a request; the newest, if there are several."""
        for stored in reversed(self.requests()):
            if stored.request.identity == identity and stored.request.client == client:
                return stored.request
        return None

    def forget_one(self, remembers: Callable[[StoredRequest], bool]) -> None:
        """Notes that one of its requests is forgotten. Once three quarters are, their memory is freed."""
        self.remembered -= 1
        if self._packed is not None and self.remembered <= self._held // 4:
            self._pack(list(filter(remembers, self.requests())))

    def _pack(self, requests: list[StoredRequest]) -> None:
        self._packed, self._requests, self._held = compress(_encode(requests), _LEVEL), [], len(requests)
