"""Who owns which station, and whether the owners are online. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from operator import itemgetter

from cloud_service.protocol.presence import OUT_OF_ORDER_AFTER


class Owners:
    """The presence of each account that has one, and the stations of each owner.

    An owner that is offline for long enough is absent: the points of its stations count as out of order.
    """

    def __init__(self) -> None:
        self._owners: dict[int, str] = {}
        self._owned: dict[str, set[int]] = {}
        self._presence: dict[str, tuple[bool, datetime]] = {}
        self._waiting: dict[str, datetime] = {}
        """Owners that are offline but not absent yet, and since when, the earliest first."""
        self._absent: set[str] = set()
        self._absent_after = OUT_OF_ORDER_AFTER

    @property
    def clients(self) -> Mapping[str, tuple[bool, datetime]]:
        """For each account with a presence topic: whether it is online, and since when that is known."""
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
        """Notes the owner of a station; None if the owner can have no presence, or the station is gone."""
        before = self._owners.pop(station, None)
        if before is not None:
            self._owned[before].discard(station)
            if not self._owned[before]:
                del self._owned[before]
        if owner is not None:
            self._owners[station] = owner
            self._owned.setdefault(owner, set()).add(station)

    def receive(self, client: str, online: bool | None, now: datetime) -> Iterable[int]:
        """Takes a message of a presence topic; None if it was cleared. Returns the client's stations."""
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

    def count_absent_after(self, time: timedelta) -> Iterable[int]:
        """Sets after which time offline owners are absent; 0: never. Returns the absent ones' stations."""
        if time == self._absent_after:
            return ()
        self._absent_after = time
        offline = ((client, since) for client, (online, since) in self._presence.items() if not online)
        self._waiting = dict(sorted(offline, key=itemgetter(1)))
        absent, self._absent = self._absent, set()
        return [station for client in absent for station in self._owned.get(client, ())]

    def become_absent(self, now: datetime, speed: float) -> Iterator[int]:
        """The stations whose owners become absent by now. The network's time passes `speed` times as fast."""
        while self._waiting and self._absent_after:
            client, since = next(iter(self._waiting.items()))
            if (now - since) * speed < self._absent_after:
                return
            del self._waiting[client]
            self._absent.add(client)
            yield from self._owned.get(client, ())
