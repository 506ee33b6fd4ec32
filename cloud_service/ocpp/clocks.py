"""Moments as chargers tell them: of clocks that show 1970, or local time as UTC, or have no zone at all.

A charger says with each status what time it is. If its clock differs from ours, all its moments are
corrected. But a status may also be told late, with the time since when it has been so: only when two that are
told some time apart are late by the same, the clock is behind.
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
_APART: Final = timedelta(seconds=10)
"""Statuses that were stored are told one right after the other."""
_SAME: Final = timedelta(seconds=3)
_NONE: Final = timedelta()


class ChargerClock:
    """The clock of one charger, as far as its messages tell."""

    def __init__(self, leniencies: Leniencies) -> None:
        self._leniencies = leniencies
        self._ahead = _NONE
        self._behind: tuple[timedelta, datetime] | None = None
        """By how much a status was behind, and when it was told first."""

    def compare(self, told: datetime | None, now: datetime) -> None:
        """Learns from a moment that should be now, and may be earlier."""
        if told is None:
            return
        ahead = told + self._ahead - now
        if abs(ahead) <= _ACCURACY:
            self._ahead, self._behind = _NONE, None
        elif ahead > _NONE:
            quarters = _in_quarters(ahead)
            if abs(ahead - quarters) <= _ACCURACY and quarters <= _FARTHEST_ZONE:
                self._correct(quarters)
        elif self._is_behind(ahead, now):
            self._correct(ahead)

    def _is_behind(self, ahead: timedelta, now: datetime) -> bool:
        """Whether an earlier status was behind by the same."""
        before = self._behind
        if before is None or abs(before[0] - ahead) > _SAME:
            self._behind = ahead, now
            return False
        return now - before[1] >= _APART

    def _correct(self, ahead: timedelta) -> None:
        is_zone = abs(ahead - _in_quarters(ahead)) <= _ACCURACY
        self._leniencies.note("its clock shows local time as UTC" if is_zone else "its clock is behind")
        self._ahead = ahead

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


def _in_quarters(ahead: timedelta) -> timedelta:
    return round(ahead / _QUARTER) * _QUARTER
