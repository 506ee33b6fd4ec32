"""The events that an operator receives, compared with what clients and files know.

The contract delivers each booking and each ending at least once, to the vehicle's account and to the
station's owner; accounts of the gateway get none. So the service keeps sending an event until the broker has
acknowledged it, across crashes and lost connections, and never sends what is not on disk. An acknowledged
event is lost with the broker's memory, so runs that kill the broker do not require that each is received.
"""

from collections.abc import Container, Iterable, Iterator
from typing import Any, TypeAlias

import msgspec

from cloud_service.core.changes import ENDING
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.service.engine.outbox import recipients
from cloud_service.store.checkpoint import read_checkpoint
from cloud_service.store.filesystem import Folder
from cloud_service.store.recovery import read_segments
from tests.faults.bookings import Booking, public

Name: TypeAlias = tuple[int, int, int]
"""Station, point and reservation."""
OutgoingEvent: TypeAlias = tuple[str, str, Name]
"""An account, the type of an event, and its reservation."""

_SCHEDULED, _CANCELLED = "reservationScheduled", "reservationCancelled"
_KEPT_SECONDS = 7 * 24 * 3600


class Listener:
    """Receives all events, also those sent while it was away: `async with listener.connection(...)`."""

    def __init__(self) -> None:
        self.heard: dict[OutgoingEvent, dict[str, Any]] = {}
        """The reservation as it was last received."""
        self._told: dict[bytes, dict[str, Any]] = {}
        """Each event once, in the order in which they first came."""

    @property
    def told(self) -> list[dict[str, Any]]:
        """The bodies of all events, each once, in the order in which they first came."""
        return list(self._told.values())

    def connection(self, broker: BrokerAddress) -> AsyncConnection:
        return AsyncConnection(
            broker,
            "operator-listener",
            subscriptions=[topics.event("+", "+")],
            on_message=self._receive,
            session_expiry=_KEPT_SECONDS,
        )

    def _receive(self, message: Message) -> None:
        account, kind = message.topic.split("/")[-2:]
        body = msgspec.json.decode(message.payload)
        self._told.setdefault(message.payload, body)
        row = body["reservation"]
        name = Booking(row, 0).name
        self.heard[account, kind if kind == body["type"] else f"{body['type']} on {kind}", name] = row

    def unheard(self, expected: Iterable[OutgoingEvent]) -> list[str]:
        return [f"{account} never received {kind} {name}" for account, kind, name in self._missing(expected)]

    def _missing(self, expected: Iterable[OutgoingEvent]) -> list[OutgoingEvent]:
        return sorted(set(expected) - self.heard.keys())

    def untrue(self, booked: Iterable[Booking], stations: Container[int]) -> list[str]:
        """What was received of a reservation that no client ever had, or that differs from the one it had.

        For these stations, at which reservations stay as they were booked.
        """
        rows = {booking.name: public(booking.row) for booking in booked}
        return [
            f"{account} received {kind} {row}, which clients know as {rows.get(name)}"
            for (account, kind, name), row in self.heard.items()
            if name[0] in stations and public(row) != rows.get(name)
        ]


def expected_by_clients(
    booked: Iterable[Booking], kept: Iterable[dict[str, Any]], owners: dict[int, str]
) -> set[OutgoingEvent]:
    """Each booking, and the end of each that is not among those `kept`; owners are by station."""
    still = {Booking(row, 0).name for row in kept}
    expected = set()
    for booking in booked:
        vehicle = booking.row["vehicleID"]
        accounts = [owners[booking.name[0]], *([vehicle] if isinstance(vehicle, str) else [])]
        for account in accounts:
            expected.add((account, _SCHEDULED, booking.name))
            if booking.name not in still:
                expected.add((account, _CANCELLED, booking.name))
    return expected


def expected_by_files(folder: Folder) -> Iterator[OutgoingEvent]:
    """What must be received according to the journal, and the endings in the history."""
    checkpoint = read_checkpoint(folder)
    for _, _, reader in read_segments(folder, checkpoint):
        for batch in reader.batches():
            for changes in batch.changes:
                for event in changes.events:
                    for account in recipients(event):
                        yield account, event.type, event.reservation.key
    for name, size in checkpoint.sizes.items():
        yield from expected_by_history(map(msgspec.json.decode, folder.read(name)[:size].splitlines()))


def expected_by_history(rows: Iterable[dict[str, Any]]) -> Iterator[OutgoingEvent]:
    """What must be received of reservations that have ended."""
    for row in rows:
        assert row["type"] in ENDING, row
        reservation = row["reservation"]
        key = Booking(reservation, 0).name
        yield row["owner"], row["type"], key
        if not row["legacy"]:
            yield str(reservation["vehicleID"]), row["type"], key
