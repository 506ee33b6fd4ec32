"""Batches for tests of the store."""

import errno
import json
from datetime import datetime, timedelta

from msgspec.structs import replace

from cloud_service.core.changes import Changes, Event
from cloud_service.core.records import RESERVED
from cloud_service.core.tables import Tables
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.filesystem import Folder
from cloud_service.store.interface import CheckpointInput, Recovered
from cloud_service.store.journal import RequestRecord
from tests.kit.records import NOW, minutes, point, reservation, station
from tests.kit.simulated_disk import SimulatedFolder
from tests.kit.waiting import wait_until

STATION = replace(station(1, 2, 3.5, last_point_id=1), name="Town hall", address="Main Street 1")
POINT = replace(point(1, 1, 22, 0.25), connector="IEC_62196_T2")
BOOKED_POINT = replace(POINT, last_reservation_id=1, availability=RESERVED)
RELEASED_POINT = replace(POINT, availability="reservado", last_reservation_id=1)
BOOKING = reservation(1, NOW + minutes(5), NOW + minutes(65), "ana")


def registration() -> Changes:
    return Changes(stations=(STATION,), points=(POINT,), last_station_id=1)


def booking() -> Changes:
    return Changes(
        points=(BOOKED_POINT,),
        reservations=(BOOKING,),
        events=(Event("reservationScheduled", NOW, "requested", BOOKING, "owner"),),
    )


def cancellation(at: datetime = NOW) -> Changes:
    cancelled = replace(BOOKING, state="cancelled")
    return Changes(
        removed_reservations=(BOOKING.key,),
        points=(RELEASED_POINT,),
        events=(Event("reservationCancelled", at, "vehicleCancelled", cancelled, "owner"),),
    )


def book(number: int, start: int, vehicle: str) -> Changes:
    """A booking of half an hour that starts `start` minutes after NOW."""
    row = reservation(number, NOW + minutes(start), NOW + minutes(start + 30), vehicle)
    return Changes(
        points=(replace(BOOKED_POINT, last_reservation_id=number),),
        reservations=(row,),
        events=(Event("reservationScheduled", NOW, "requested", row, "owner"),),
    )


def cancel(booked: Changes) -> Changes:
    """The cancellation of this booking."""
    (row,) = booked.reservations
    cancelled = replace(row, state="cancelled")
    return Changes(
        removed_reservations=(row.key,),
        points=(replace(POINT, last_reservation_id=row.reservation_id),),
        events=(Event("reservationCancelled", NOW, "vehicleCancelled", cancelled, "owner"),),
    )


def request(identity: str, client: str = "ana") -> RequestRecord:
    return RequestRecord(client, f"text:{identity}", b"0123456789abcdef", "ok", '"ok":true,"result":1')


def checkpoint_input(
    recovered: Recovered, *, delivered: int = 0, oldest: int = 1, tables: Tables | None = None
) -> CheckpointInput:
    """What a service would pass that has changed nothing since it was started."""
    return CheckpointInput(tables or recovered.tables, delivered, recovered.pending_events, oldest)


def checkpoint(store: FileStore, state: CheckpointInput, now: datetime) -> None:
    """Makes the checkpoint that is due an hour later, and waits for it."""
    store.maintain(state, now + timedelta(hours=1))
    wait_until(lambda: not store.checkpointing, "the checkpoint is made")
    store.maintain(state, now + timedelta(hours=1))


def open_store(folder: Folder, now: datetime = NOW) -> tuple[FileStore, Recovered]:
    store = FileStore(folder, StoreOptions())
    return store, store.load(now)


class Failing:
    """Makes one kind of operation fail a number of times, on files whose names begin with `name`."""

    def __init__(self, operation: str, name: str, times: int = 1, number: int = errno.EIO) -> None:
        self.operation, self.name, self.times, self.number = operation, name, times, number

    def __call__(self, operation: str, name: str) -> OSError | None:
        if operation != self.operation or not name.startswith(self.name) or not self.times:
            return None
        self.times -= 1
        return OSError(self.number, "as the test wants it")


def history_of(folder: SimulatedFolder, month: str) -> list[tuple[int, str]]:
    """The batch and the type of each event in the history of a month."""
    lines = folder.files()[f"history-{month}.jsonl"].splitlines()
    return [(row["sequence"], row["type"]) for row in map(json.loads, lines)]
