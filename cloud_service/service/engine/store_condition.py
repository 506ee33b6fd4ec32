"""Whether the store takes writes, and when to try it again after it failed."""

from datetime import datetime
from typing import Final, Literal, Self, TypeAlias

from msgspec import Struct

from cloud_service.store.pause import Pause

REST_SECONDS: Final = 5.0
"""After a failed write, changes due only to the passing of time wait this long; a request triggers a retry at
once."""
LONGEST_LOAD_PAUSE_SECONDS: Final = 60.0
"""Between two attempts to recover the store."""

State: TypeAlias = Literal["writable", "resting", "read-only"]


class StoreCondition(Struct, frozen=True):
    """The condition of the store. Each method returns the one that follows.

    - `writable`: batches are written.
    - `resting`: the last write failed, and nothing was changed. The next request tries again, and so does the
      passing of time after a rest. A write that succeeds makes it `writable`.
    - `read-only`: a sync failed, so nobody knows what is on disk. Changes are refused until the store has
      been recovered, which is tried after pauses that grow. Then it is `writable`.
    """

    state: State = "writable"
    pause: Pause | None = None
    """The rest, or the pause before the next recovery."""
    failed_loads: int = 0
    """Since the sync failed."""

    @property
    def read_only(self) -> bool:
        """Whether changes have to be refused."""
        return self.state == "read-only"

    @property
    def until(self) -> datetime | None:
        """When the pause ends, if the clock is not set back."""
        return None if self.pause is None else self.pause.until

    def waits_to_retry(self, clock: datetime) -> bool:
        """Whether the pause after a failed write is not over. Until then, only a request triggers a write."""
        return self.state == "resting" and not self._pause_is_over(clock)

    def may_load(self, clock: datetime) -> bool:
        """Whether it is time to recover the store."""
        return self.read_only and self._pause_is_over(clock)

    def write_failed(self, clock: datetime) -> Self:
        """Nothing was changed."""
        return type(self)("resting", Pause.of(REST_SECONDS, clock))

    def sync_failed(self, clock: datetime) -> Self:
        """Nobody knows what is on disk."""
        return self._read_only(0, clock)

    def load_failed(self, clock: datetime) -> Self:
        """The store cannot be recovered yet."""
        return self._read_only(self.failed_loads + 1, clock)

    def _read_only(self, failed_loads: int, clock: datetime) -> Self:
        seconds = min(2.0**failed_loads, LONGEST_LOAD_PAUSE_SECONDS)
        return type(self)("read-only", Pause.of(seconds, clock), failed_loads)

    def _pause_is_over(self, clock: datetime) -> bool:
        return self.pause is None or self.pause.is_over(clock)


WRITABLE: Final = StoreCondition()
"""The condition at start, after a write that succeeded, and after a recovery."""
