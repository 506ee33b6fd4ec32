"""How many events of a kind were seen recently. Pure."""

from collections import deque
from datetime import datetime, timedelta
from typing import Final

from cloud_service.overview.records import Event

OF_EVENTS: Final = {
    "bookingsAMinute": timedelta(minutes=1),
    "noShowsAnHour": timedelta(hours=1),
    "movesAnHour": timedelta(hours=1),
}
"""Figures that count events, and over which time."""


class RecentEvents:
    """Counts events from its start on."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[datetime]] = {name: deque() for name in OF_EVENTS}

    def note(self, event: Event, now: datetime) -> None:
        """An event has arrived now."""
        figure = _figure_of(event)
        if figure is not None:
            self._seen[figure].append(now)

    def figures(self, now: datetime) -> dict[str, int]:
        for name, span in OF_EVENTS.items():
            seen = self._seen[name]
            while seen and seen[0] <= now - span:
                seen.popleft()
        return {name: len(seen) for name, seen in self._seen.items()}


def _figure_of(event: Event) -> str | None:
    """The figure that counts such events, if there is one."""
    match event.type:
        case "reservationScheduled":
            return "bookingsAMinute"
        case "reservationNoShow":
            return "noShowsAnHour"
        case "reservationChanged" if event.before is not None:
            return "movesAnHour"
        case _:
            return None
