"""Whether clients are online, of which each broker knows only its own.

A client whose broker fails moves to another one. What it has left behind may be wrong in both directions: its
last will comes after it has moved, and a broker that was killed still has it as online.
"""

from collections.abc import Hashable

from msgspec import Struct


class _Home(Struct, frozen=True):
    """The broker where a client is online. `heard` unless only a retained message there says so."""

    broker: Hashable
    heard: bool


class ClientPresence:
    """Where each client was heard last. Only there can it go offline."""

    def __init__(self) -> None:
        self._homes: dict[str, _Home] = {}

    def note(self, client: str, broker: Hashable, *, online: bool, retained: bool) -> bool | None:
        """Takes what a broker says of a client. Returns whether the client is online, or None for no news.

        What is `retained` was said some time ago, so it counts only of a client that is at home nowhere else,
        and only until it is heard elsewhere: after a start, nobody knows which broker was killed meanwhile.
        """
        home = self._homes.get(client)
        if home is not None and home.broker != broker and (retained or (home.heard and not online)):
            return None
        if online:
            self._homes[client] = _Home(broker, heard=not retained)
        else:
            self._homes.pop(client, None)
        return online

    def clear(self, client: str, broker: Hashable) -> bool:
        """A broker has no presence of the client any more. Returns whether nobody else says where it is."""
        home = self._homes.get(client)
        if home is None or home.broker != broker:
            return home is None
        del self._homes[client]
        return True

    def forget(self, broker: Hashable) -> list[str]:
        """The broker is away for long. Returns the clients that were heard there, and are nowhere now."""
        gone = [client for client, home in self._homes.items() if home.broker is broker]
        for client in gone:
            del self._homes[client]
        return gone
