"""Reservations that ended: the history files, and what the journal adds to them with the next checkpoint."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct, field

from cloud_service.core.changes import EventType
from cloud_service.core.numbers import Number
from cloud_service.core.records import ReservationKey, State
from cloud_service.language.text import Text
from cloud_service.store.errors import RESTORE, DamagedStore
from cloud_service.store.frozen_folder import FrozenFolder
from cloud_service.store.recovery import FolderContents


class EndedReservation(Struct, frozen=True, gc=False):
    """A reservation as it was when it ended, without its vehicle, whose name may be forgotten."""

    reservation_id: int = field(name="reservationID")
    station_id: int = field(name="chargingStationID")
    point_id: int = field(name="chargingPointID")
    power: Number = field(name="chargingPointPower")
    start: datetime = field(name="startDateTime")
    finish: datetime = field(name="finishDateTime")
    duration: Number
    price: Number
    state: State | None = None
    """None: an older version has written it."""

    @property
    def key(self) -> ReservationKey:
        return self.station_id, self.point_id, self.reservation_id


class Ended(Struct, frozen=True, gc=False):
    """How and when a reservation ended. `energy` is what was charged, in kWh, where the charger has told."""

    type: EventType
    at: datetime
    reservation: EndedReservation
    energy: Number | None = None


decode_ended: Final = msgspec.json.Decoder(Ended).decode
_KEYS: Final = tuple(row.name for row in msgspec.structs.fields(EndedReservation))


def read_ended(folder: FrozenFolder, contents: FolderContents, first_month: str = "") -> Iterator[Ended]:
    """All that ended in `first_month` ("2026-03") or later. The history is read a piece at a time.

    `contents` are those of the folder. Raises DamagedStore.
    """
    sizes = contents.checkpoint.sizes
    yield from read_history(
        folder, {name: size for name, size in sizes.items() if name >= f"history-{first_month}"}
    )
    for _, event in contents.tail.endings:
        reservation = EndedReservation(*(getattr(event.reservation, name) for name in _KEYS))
        yield Ended(event.type, event.at, reservation, event.energy)


def read_history(folder: FrozenFolder, sizes: Mapping[str, int]) -> Iterator[Ended]:
    """The lines of the history files, as far as the checkpoint counts them. Raises DamagedStore."""
    for _, ended in history_lines(folder, sizes):
        yield ended


def history_lines(folder: FrozenFolder, sizes: Mapping[str, int]) -> Iterator[tuple[bytes, Ended]]:
    """The same lines as they are written, each with what it says. Raises DamagedStore."""
    for name in sorted(sizes.keys() & set(folder.names())):
        for number, line in enumerate(folder.lines(name, sizes[name]), 1):
            try:
                yield line, decode_ended(line)
            except (msgspec.MsgspecError, ValueError) as error:
                problem = Text(
                    "line {number} is not what the service wrote: {error}", number=number, error=error
                )
                raise DamagedStore(folder.where(name), None, problem, RESTORE) from None
