"""Corrects the times that chargers send: their clocks may show 1970, or local time as UTC, or no zone at all.

Each status carries the charger's time. If its clock differs from ours, all its times are corrected. But a
status may also be sent late, with the time of the change: only if two statuses that are sent some time apart
are late by the same amount is the clock behind.
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
"""Stored statuses are sent one right after the other."""
_SAME: Final = timedelta(seconds=3)
_NONE: Final = timedelta()


class ChargerClock:
    """The clock of one charger, as far as its messages tell."""

    def __init__(self, leniencies: Leniencies) -> None:
        self._leniencies = leniencies
        self._ahead = _NONE
        self._behind: tuple[timedelta, datetime] | None = None
        """By how much a status was behind, and when such a status first arrived."""

    def compare(self, told: datetime | None, now: datetime) -> None:
        """Learns from a time that should be now, but may be earlier."""
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
        """Whether an earlier status was behind by the same amount."""
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
        """The time in a payload, corrected to our clock; None if there is none or it is not possible."""
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
