"""The reservations of a run, as its clients know them."""

from datetime import UTC, datetime
from math import inf
from typing import Any

from msgspec import Struct

from tests.faults.recorder import Record


def public(row: dict[str, Any]) -> dict[str, Any]:
    """The ten keys that never change, with moments for dates: legacy clients have them without an offset."""
    lasting = {key: value for key, value in row.items() if key not in ("state", "connector")}
    return {key: moment(value) if key.endswith("DateTime") else value for key, value in lasting.items()}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


class Booking(Struct):
    """A reservation while it was there for certain: from its answer until its cancellation was asked for."""

    row: dict[str, Any]
    begun: float
    ended: float = inf

    @property
    def start(self) -> datetime:
        return moment(self.row["startDateTime"])

    @property
    def finish(self) -> datetime:
        return moment(self.row["finishDateTime"])

    @property
    def name(self) -> tuple[int, int, int]:
        """Station, point and reservation: unique for ever."""
        return self.row["chargingStationID"], self.row["chargingPointID"], self.row["reservationID"]


def bookings(record: Record) -> list[Booking]:
    """All reservations, as its clients know them."""
    open_by_client: dict[str, Booking] = {}
    found = []
    for call in record.calls:
        if call.action in ("scheduleReservation", "findReservation") and call.outcome == "answered":
            had = open_by_client.get(call.client)
            if had is None or had.name != Booking(call.result, 0).name:
                open_by_client[call.client] = Booking(call.result, call.finished)
                found.append(open_by_client[call.client])
        elif call.action == "deleteReservation" and call.client in open_by_client:
            open_by_client.pop(call.client).ended = call.invoked
    return found
