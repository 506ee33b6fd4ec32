"""What presence topics say, until a batch has made it known to the network."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from cloud_service.core.changes import Changes
from cloud_service.core.sessions import Absence
from cloud_service.core.view import NetworkView

MOST_STRANGERS: Final = 100_000
"""Accounts without a station that are remembered as offline: on an open broker, anybody can make up names."""
MOST_CHANGED: Final = 1_000_000
"""Accounts of which the network is still to be told. While it cannot be written, nobody looks them up."""


class PresenceNotes:
    """Which accounts are offline, and since when.

    Of an account that owns stations, the network knows it. Another one may register its first station, or be
    given one, while its topic still says offline.
    """

    def __init__(self) -> None:
        self._offline: dict[str, datetime] = {}
        """Accounts of which the network does not know that they are offline."""
        self._changed: dict[str, None] = {}
        """Accounts whose presence has to be compared with what the network knows."""

    def __len__(self) -> int:
        """How many accounts have to be compared with what the network knows."""
        return len(self._changed)

    def note(self, client: str, online: bool, now: datetime) -> None:
        """Notes what an account's topic says."""
        if online:
            self._offline.pop(client, None)
        else:
            self._offline.setdefault(client, now)
        self._changed[client] = None
        if len(self._offline) > MOST_STRANGERS:
            forgotten = next(iter(self._offline))
            del self._offline[forgotten]
            self._changed.pop(forgotten, None)  # or it would count as online
        if len(self._changed) > MOST_CHANGED:
            del self._changed[next(iter(self._changed))]

    @property
    def unsettled(self) -> list[str]:
        """Accounts that have to be compared with what the network knows."""
        return list(self._changed)

    def settle(self, known: Mapping[str, tuple[bool, bool]]) -> None:
        """Notes of which accounts the network knows as much, or need not know: `known` says whether it has
        them as offline, and whether they own stations.
        """
        for client, (absent, owns_stations) in known.items():
            offline = client in self._offline
            if offline == absent or (offline and not owns_stations):
                self._changed.pop(client, None)

    def look_again(self, owners: Iterable[str]) -> None:
        """Notes that these accounts may have their first station now."""
        self._changed.update(dict.fromkeys(filter(self._offline.__contains__, owners)))

    def look_at_all(self) -> None:
        """Notes that from now on this service tells the network, and not another one."""
        self.look_again(list(self._offline))

    def changes(self, network: NetworkView, clients: Iterable[str] | None = None) -> Iterator[Changes]:
        """Yields what the network does not know yet, of these clients or of all."""
        for client in self._changed if clients is None else clients:
            since, absence = self._offline.get(client), network.absence(client)
            if since is not None and absence is None and network.owns_stations(client):
                yield Changes(absences=(Absence(client, since),))
            elif since is None and absence is not None:
                yield Changes(removed_absences=(client,))

    def written(
        self, network: NetworkView, changes: Iterable[Changes], clients: Iterable[str] | None = None
    ) -> None:
        """Notes that a batch with these changes is on disk, which tells of these clients or of all."""
        for client in self.unsettled if clients is None else clients:
            if network.absence(client) is not None:
                self._offline.pop(client, None)
            self._changed.pop(client, None)
        self.look_again(station.owner for each in changes for station in each.stations)
