"""Pauses between attempts that grow."""

import random


class Backoff:
    """Each pause is twice as long as the one before, from `first` to `longest` seconds.

    With `jitter`, a pause is shortened at random by up to half, so that clients that lost the same broker do
    not all return at once.
    """

    def __init__(self, first: float, longest: float, *, jitter: bool = False) -> None:
        self._first = first
        self._longest = longest
        self._jitter = jitter
        self._pause = first

    def next_pause(self) -> float:
        """Returns how many seconds to wait before the next attempt."""
        pause = self._pause
        self._pause = min(pause * 2, self._longest)
        return pause * random.uniform(0.5, 1) if self._jitter else pause

    def reset(self) -> None:
        """Starts again from the first pause."""
        self._pause = self._first
