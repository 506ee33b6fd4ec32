"""What viewers are sent: first the whole network, then what changed since each viewer's last number.

Viewers that are at the same number share one text.
"""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from cloud_service.overview.overview import Overview
from cloud_service.overview.records import Event, Reservation

FIRST_EVENTS: Final = 50

_encode = msgspec.json.Encoder().encode


def describe_event(event: Event, *, names: bool) -> dict[str, Any]:
    """An event as viewers get it; with the vehicle's name only if `names` is set."""
    described = {
        "type": event.type,
        "at": event.at,
        "reason": event.reason,
        "reservation": _describe_reservation(event.reservation, names=names),
    }
    if event.before is not None:
        described["before"] = _describe_reservation(event.before, names=names)
    return described


def _describe_reservation(reservation: Reservation, *, names: bool) -> dict[str, Any]:
    described = {
        "chargingStationID": reservation.station,
        "chargingPointID": reservation.point,
        "startDateTime": reservation.start,
        "finishDateTime": reservation.finish,
        "state": reservation.state,
    }
    return {**described, "vehicleID": reservation.vehicle} if names else described


class Feed:
    """The texts for all viewers of an overview."""

    def __init__(self, overview: Overview, *, names: bool) -> None:
        self._overview = overview
        self._names = names
        self._texts: dict[int | None, str] = {}
        self._texts_at = -1

    @property
    def number(self) -> int:
        return self._overview.number

    def text_since(self, number: int | None) -> str:
        """The message for a viewer that has seen `number`; None if it has seen nothing."""
        if self._texts_at != self.number:
            self._texts.clear()
            self._texts_at = self.number
        text = self._texts.get(number)
        if text is None:
            text = self._texts[number] = _encode(self._message_since(number)).decode()
        return text

    def _message_since(self, number: int | None) -> dict[str, Any]:
        changes = None if number is None else self._overview.changes_since(number)
        if number is None or changes is None:
            return self._whole()
        changed, gone = changes
        return {
            "whole": False,
            "since": number,
            "stations": [station.row for station in changed],
            "gone": gone,
            "events": self._events(self._overview.events_since(number)),
            **self._common(),
        }

    def _whole(self) -> dict[str, Any]:
        overview = self._overview
        return {
            "whole": True,
            "stations": [station.row for station in overview.known_stations()],
            "history": {name: list(values) for name, values in overview.history.items()},
            "events": self._events([event for _, event in overview.events][-FIRST_EVENTS:]),
            **self._common(),
        }

    def _common(self) -> dict[str, Any]:
        overview = self._overview
        return {
            "number": overview.number,
            "figures": overview.all_figures(datetime.now(UTC)),
            "services": sorted(overview.services.values(), key=lambda service: service.name),
            "broker": overview.broker,
        }

    def _events(self, events: list[Event]) -> list[dict[str, Any]]:
        return [describe_event(event, names=self._names) for event in events]
