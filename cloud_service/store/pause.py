"""A pause that ends by the wall clock, which may be set back."""

from datetime import datetime, timedelta
from typing import Self

from msgspec import Struct


class Pause(Struct, frozen=True):
    """The time until something is due. Setting the clock back ends it, or it would last that much longer."""

    begun: datetime
    until: datetime

    @classmethod
    def of(cls, seconds: float, now: datetime) -> Self:
        """A pause that begins now."""
        return cls(now, now + timedelta(seconds=seconds))

    def is_over(self, now: datetime) -> bool:
        return not self.begun <= now < self.until
