"""Blocks of request records: a day's records, most of which nobody ever asks for again, in little memory."""

from typing import Final
from zlib import compress, decompress

import msgspec

from cloud_service.store.interface import StoredRequest

FULL: Final = 64
"""So many replies, which are much alike, pack into a fifth; in larger blocks hardly any smaller."""
_LEVEL: Final = 1
"""Of zlib: the highest takes more than twice as long for a seventh less."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[StoredRequest | None]).decode


class RequestBlock:
    """Requests in the order of their answers: as they are while it fills, and packed once it is full."""

    __slots__ = ("_first", "_forgotten", "_held", "_packed", "_requests", "remaining")

    def __init__(self) -> None:
        self.remaining = FULL
        """How many of its places are not forgotten. Those that are still to be taken count."""
        self._requests: list[StoredRequest | None] = []
        """While it is not packed. None for one that is forgotten."""
        self._first = 0
        """The requests before this place are forgotten."""
        self._packed: bytes | None = None
        self._held = 0
        """How many requests are packed."""
        self._forgotten = 0
        """A bit for each place of the packed ones that is forgotten."""

    def add(self, stored: StoredRequest) -> None:
        """Adds a request, the newest of all, at the next place. It takes FULL of them."""
        self._requests.append(stored)
        if len(self._requests) == FULL:
            self._pack()

    def at(self, place: int) -> StoredRequest:
        """A request that is remembered."""
        stored = (self._requests if self._packed is None else self._decoded())[place]
        assert stored is not None
        return stored

    def oldest(self) -> tuple[int, StoredRequest] | None:
        """The place of the oldest request that is remembered, and the request.

        It stays unpacked from now on, because the others are going to be forgotten one by one.
        """
        self._unpack()
        for place in range(self._first, len(self._requests)):
            if (stored := self._requests[place]) is not None:
                self._first = place
                return place, stored
        return None

    def forget(self, place: int) -> None:
        """Forgets a request. Its memory is freed, in a packed block once three quarters are forgotten."""
        self.remaining -= 1
        if self._packed is None:
            self._requests[place] = None
            return
        self._forgotten |= 1 << place
        if self.remaining <= self._held // 4:
            self._unpack()
            self._pack()

    def _pack(self) -> None:
        self._packed, self._requests = compress(_encode(self._requests), _LEVEL), []
        self._held = self.remaining

    def _unpack(self) -> None:
        if self._packed is not None:
            self._requests, self._packed = (
                [
                    None if self._forgotten >> place & 1 else each
                    for place, each in enumerate(self._decoded())
                ],
                None,
            )

    def _decoded(self) -> list[StoredRequest | None]:
        assert self._packed is not None
        return _decode(decompress(self._packed))
