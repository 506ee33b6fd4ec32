"""Whether clients are online, of which each broker knows only its own.

A client whose broker fails moves to another one. What it has left behind may be wrong in both directions: its
last will comes after it has moved, and a broker that was killed still has it as online.
"""

from collections.abc import Hashable


class ClientPresence:
    """Where each client was heard last. Only there can it go offline."""

    def __init__(self) -> None:
        self._home: dict[str, Hashable] = {}

    def note(self, client: str, broker: Hashable, *, online: bool, retained: bool) -> bool | None:
        """Takes what a broker says of a client. Returns whether the client is online, or None for no news.

        What is `retained` was said some time ago, so it counts only of a client that was heard nowhere else.
        """
        home = self._home.get(client)
        if home not in (None, broker) and (retained or not online):
            return None
        if online:
            self._home[client] = broker
        else:
            self._home.pop(client, None)
        return online

    def forget(self, broker: Hashable) -> list[str]:
        """The broker is away for long. Returns the clients that were heard there, and are nowhere now."""
        gone = [client for client, home in self._home.items() if home is broker]
        for client in gone:
            del self._home[client]
        return gone
