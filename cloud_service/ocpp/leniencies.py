"""In which ways a charger does not keep to its protocol. Each is accepted, and told once."""

from collections.abc import Iterable
from typing import Final

MOST: Final = 50
"""Leniencies of one charger that are kept: a hostile one must not fill the memory."""
_LONGEST: Final = 120


class Leniencies:
    """Those of one charger. `known` are those that were told before."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = dict.fromkeys(known)
        self._untold: list[str] = []

    def note(self, what: str) -> None:
        """Takes note of one, unless it is known."""
        shortened = what[:_LONGEST]
        if shortened not in self._known and len(self._known) < MOST:
            self._known[shortened] = None
            self._untold.append(shortened)

    def take_untold(self) -> list[str]:
        """Those that nobody has been told yet."""
        untold, self._untold = self._untold, []
        return untold

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(self._known)
