"""An index of the requests that are remembered, by hashes of their clients and IDs, in little memory."""

from struct import Struct
from typing import Final

_IN_A_BUCKET: Final = 16
"""So many, on average, when as many are remembered as may be."""
_MOST_BUCKETS: Final = 2**16
"""However many may be remembered: a limit that is never reached takes no memory."""
_ENTRY: Final = Struct("<qQ")
"""A key and a position."""
_KEY: Final = Struct("<q")


class RequestIndex:
    """Where requests are, by their keys. Several may have the same key, so whoever finds one compares.

    A dict would take an object for each key and three words of its table, and of a table twice as large while
    requests come and go. Here the entries of a bucket are bytes in a row, which are searched as fast as text.
    """

    def __init__(self, most: int) -> None:
        self._buckets = [bytearray() for _ in range(min(most // _IN_A_BUCKET + 1, _MOST_BUCKETS))]
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def positions(self, key: int) -> list[int]:
        """Where the requests with this key are, oldest first."""
        bucket, wanted = self._bucket(key), _KEY.pack(key)
        if wanted not in bucket:
            return []
        return [at for each, at in _ENTRY.iter_unpack(bucket) if each == key]

    def add(self, key: int, position: int) -> None:
        """Adds a request, whose position is the highest so far."""
        self._bucket(key).extend(_ENTRY.pack(key, position))
        self._count += 1

    def remove(self, key: int, position: int) -> None:
        """Removes a request that was added."""
        bucket, entry = self._bucket(key), _ENTRY.pack(key, position)
        at = bucket.index(entry)
        while at % _ENTRY.size:  # parts of two entries that look like one
            at = bucket.index(entry, at + 1)
        del bucket[at : at + _ENTRY.size]
        self._count -= 1

    def _bucket(self, key: int) -> bytearray:
        return self._buckets[key % len(self._buckets)]


def key_of(client: str, identity: str) -> int:
    """What stands for a request in memory. No client can choose it: hashes of text depend on a secret."""
    return hash((client, identity))
