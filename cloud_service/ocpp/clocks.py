"""Moments as chargers tell them: of clocks that show 1970, or local time as UTC, or have no zone at all.

A charger says with each status what time it is. If that differs from our clock by quarters of an hour, it is
in a time zone of its own, and all its moments are corrected.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cloud_service.ocpp.leniencies import Leniencies

_FIRST_YEAR: Final = 2020
"""A clock that shows an earlier year was never set."""
_QUARTER: Final = timedelta(minutes=15)
_ACCURACY: Final = timedelta(minutes=2)
_FARTHEST_ZONE: Final = timedelta(hours=14)


class ChargerClock:
    """The clock of one charger, as far as its messages tell."""

    def __init__(self, leniencies: Leniencies) -> None:
        self._leniencies = leniencies
        self._ahead = timedelta()

    def compare(self, told: datetime | None, now: datetime) -> None:
        """Learns from a moment that should be now."""
        if told is None:
            return
        ahead = told + self._ahead - now
        quarters = round(ahead / _QUARTER) * _QUARTER
        is_zone = quarters and abs(ahead - quarters) <= _ACCURACY and abs(quarters) <= _FARTHEST_ZONE
        if is_zone:
            self._leniencies.note("its clock shows local time as UTC")
        self._ahead = quarters if is_zone else timedelta()

    def moment(self, payload: Mapping[str, Any], key: str = "timestamp") -> datetime | None:
        """The moment that a payload tells, by our clock; None if there is none, or it cannot be."""
        value = payload.get(key)
        if not isinstance(value, str):
            return None
        try:
            told = datetime.fromisoformat(value[:40].strip().upper().replace("Z", "+00:00"))
        except ValueError:
            self._leniencies.note(f"{key}: not a date")
            return None
        if told.tzinfo is None:
            self._leniencies.note(f"{key}: no time zone, read as UTC")
            told = told.replace(tzinfo=UTC)
        if told.year < _FIRST_YEAR:
            self._leniencies.note("its clock is not set")
            return None
        try:
            return told.astimezone(UTC) - self._ahead
        except OverflowError:
            return None
