"""Who owns which station, and whether the owners are online. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

ABSENT_AFTER: Final = timedelta(minutes=5)
"""An owner that is offline for so long is absent: the points of its stations count as out of order."""


class Owners:
    """The presence of each account that has one, and the stations of each owner."""

    def __init__(self) -> None:
        self._owners: dict[int, str] = {}
        self._owned: dict[str, set[int]] = {}
        self._presence: dict[str, tuple[bool, datetime]] = {}
        self._waiting: dict[str, datetime] = {}
        """Those that are offline and not absent yet, by when they are seen to be, the earliest first."""
        self._absent: set[str] = set()

    @property
    def clients(self) -> Mapping[str, tuple[bool, datetime]]:
        """Of each account with a presence topic: whether it is online, and since when it is seen to be."""
        return self._presence

    def presence_of(self, station: int) -> tuple[bool, datetime] | None:
        """Whether the station's owner is online, and since when. None: its owner or presence is not known."""
        owner = self._owners.get(station)
        return None if owner is None else self._presence.get(owner)

    def is_offline(self, station: int) -> bool:
        presence = self.presence_of(station)
        return presence is not None and not presence[0]

    def is_absent(self, station: int) -> bool:
        return self._owners.get(station) in self._absent

    def set_owner(self, station: int, owner: str | None) -> None:
        """Notes whose a station is; None if nobody's that has a presence, or the station is gone."""
        before = self._owners.pop(station, None)
        if before is not None:
            self._owned[before].discard(station)
            if not self._owned[before]:
                del self._owned[before]
        if owner is not None:
            self._owners[station] = owner
            self._owned.setdefault(owner, set()).add(station)

    def receive(self, client: str, online: bool | None, now: datetime) -> Iterable[int]:
        """Takes what a presence topic says, None where it was cleared. Returns the client's stations."""
        known = self._presence.get(client)
        if known is not None and known[0] == online:
            return ()
        self._waiting.pop(client, None)
        self._absent.discard(client)
        if online is None:
            self._presence.pop(client, None)
        else:
            self._presence[client] = (online, now)
            if not online:
                self._waiting[client] = now
        return self._owned.get(client, ())

    def become_absent(self, now: datetime, speed: float) -> Iterator[int]:
        """The stations whose owners become absent by now. The network's time passes `speed` times as fast."""
        while self._waiting:
            client, since = next(iter(self._waiting.items()))
            if (now - since) * speed < ABSENT_AFTER:
                return
            del self._waiting[client]
            self._absent.add(client)
            yield from self._owned.get(client, ())
