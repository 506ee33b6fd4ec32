"""How much is taken at a time: after a failure less, until the one thing is found that makes it fail."""


class Portion:
    """At most `most`."""

    def __init__(self, most: int) -> None:
        self.size = most
        self._most = most

    def failed(self, tried: int) -> bool:
        """Notes that so much has failed. Returns whether less can be tried."""
        self.size = max(1, min(tried, self.size) // 2)
        return tried > 1

    def succeeded(self) -> None:
        """Takes more again."""
        self.size = min(self._most, 2 * self.size)
