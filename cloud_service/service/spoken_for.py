"""Clients for whom a process speaks, as an OCPP gateway does for its chargers: they have no last will.

Once such a process has been away for some time, nobody says any more whether they are online. Then the
service does.
"""

from collections.abc import Hashable
from typing import Final

AWAY_SECONDS: Final = 30.0
"""How long a process may be away, such as for a restart, before its clients are offline."""


_MOST_PROCESSES: Final = 1_000
"""That are remembered as away: on an open broker, anybody can make up names."""


class SpokenFor:
    """Who speaks for whom, as each broker tells. Pure: time is passed in."""

    def __init__(self) -> None:
        self._speakers: dict[tuple[Hashable, str], str] = {}
        """Of the clients that are online by the word of a process, by broker and client."""
        self._away: dict[tuple[Hashable, str], float] = {}
        """The processes that are away, by broker, and since when."""

    def note_client(self, broker: Hashable, client: str, speaker: str | None) -> None:
        """A client is online by the word of this process; None: by its own, or it is not online."""
        if speaker is None:
            self._speakers.pop((broker, client), None)
        else:
            self._speakers[broker, client] = speaker

    def note_process(self, broker: Hashable, name: str, now: float, *, online: bool) -> None:
        """What a process says of itself, or its last will does."""
        if online:
            self._away.pop((broker, name), None)
        elif len(self._away) < _MOST_PROCESSES:
            self._away.setdefault((broker, name), now)

    def connected(self, broker: Hashable) -> None:
        """The broker tells everything again."""
        self._speakers = {key: name for key, name in self._speakers.items() if key[0] is not broker}
        self._away = {key: since for key, since in self._away.items() if key[0] is not broker}

    def take_left(self, broker: Hashable, now: float) -> list[str]:
        """The clients at this broker whose processes have been away for long: each once."""
        long_away = {
            name
            for (where, name), since in self._away.items()
            if where is broker and now - since >= AWAY_SECONDS
        }
        if not long_away:
            return []
        left = [
            client
            for (where, client), name in self._speakers.items()
            if where is broker and name in long_away
        ]
        for client in left:
            del self._speakers[broker, client]
        return left
