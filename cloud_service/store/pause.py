"""Leaving something alone for a while, by a clock that may be set back."""

from datetime import datetime, timedelta
from typing import Self

from msgspec import Struct


class Pause(Struct, frozen=True):
    """A clock that is set back ends it: else it would last as long as the step."""

    begun: datetime
    until: datetime

    @classmethod
    def of(cls, seconds: float, now: datetime) -> Self:
        return cls(now, now + timedelta(seconds=seconds))

    def is_over(self, now: datetime) -> bool:
        return not self.begun <= now < self.until
