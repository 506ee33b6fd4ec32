"""The ways in which a charger departs from its protocol. Each is accepted, and reported once."""

from collections.abc import Iterable
from typing import Final

MOST: Final = 50
"""How many leniencies of one charger are kept: a hostile charger must not fill the memory."""
_LONGEST: Final = 120


class Leniencies:
    """The leniencies of one charger. `known` are those that were reported before."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = dict.fromkeys(known)
        self._untold: list[str] = []

    def note(self, what: str) -> None:
        """Notes one, unless it is known."""
        shortened = what[:_LONGEST]
        if shortened not in self._known and len(self._known) < MOST:
            self._known[shortened] = None
            self._untold.append(shortened)

    def take_untold(self) -> list[str]:
        """Those that have not been reported yet."""
        untold, self._untold = self._untold, []
        return untold

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(self._known)
