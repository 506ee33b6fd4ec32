"""Days, as options of commands."""

from datetime import date
from typing import Final

from cloud_service.config.values import UnusableValue

_YEARS: Final = range(1971, 9999)
"""In these, every time zone has midnights that Python can compute with."""
LAST_DAY: Final = date(_YEARS[-1], 12, 31)


def read_day(text: str) -> date:
    """Reads a day such as 2026-03-31."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UnusableValue("{text!r} is not a day such as 2026-03-31", text=text) from None
    if day.year not in _YEARS:
        raise UnusableValue(
            "{text!r} is not in the years {first} to {last}", text=text, first=_YEARS[0], last=_YEARS[-1]
        )
    return day
