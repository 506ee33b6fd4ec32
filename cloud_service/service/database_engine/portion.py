"""How much is taken at a time: less after a failure, until the one item is found that causes it."""


class Portion:
    """At most `most`."""

    def __init__(self, most: int) -> None:
        self.size = most
        self._most = most

    def failed(self, tried: int) -> bool:
        """Notes that this many failed together. Returns whether fewer can be tried."""
        self.size = max(1, min(tried, self.size) // 2)
        return tried > 1

    def succeeded(self) -> None:
        """Takes more items again."""
        self.size = min(self._most, 2 * self.size)
