"""Batches for tests of the store."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from cloud_service.core.changes import Changes, Event
from cloud_service.core.network import Tables
from cloud_service.core.records import RESERVED
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.filesystem import Folder
from cloud_service.store.interface import CheckpointInput, Recovered
from cloud_service.store.journal import RequestRecord
from tests.kit.processes import wait_until
from tests.unit.core.samples import NOW, minutes, point, reservation, station

STATION = station(1, 2, 3.5, last_point_id=1)
POINT = point(1, 1, 22, 0.25)
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
    return Changes(
        removed_reservations=(BOOKING.key,),
        points=(RELEASED_POINT,),
        events=(Event("reservationCancelled", at, "vehicleCancelled", BOOKING, "owner"),),
    )


def request(identity: str, client: str = "ana") -> RequestRecord:
    return RequestRecord(client, f"text:{identity}", b"0123456789abcdef", "ok", '"ok":true,"result":1')


def checkpoint_input(
    recovered: Recovered, *, delivered: int = 0, oldest: int = 1, tables: Tables | None = None
) -> CheckpointInput:
    """What a service would hand over that has not changed anything since."""
    return CheckpointInput(tables or recovered.tables, delivered, recovered.pending_events, oldest)


def checkpoint(store: FileStore, state: CheckpointInput, now: datetime) -> None:
    """Has the store make the checkpoint that is due an hour later, and waits until it is made."""
    store.maintain(state, now + timedelta(hours=1))
    wait_until(lambda: not store.checkpointing, "the checkpoint is made")
    store.maintain(state, now + timedelta(hours=1))


def open_store(folder: Folder, now: datetime = NOW) -> tuple[FileStore, Recovered]:
    store = FileStore(folder, StoreOptions())
    return store, store.load(now)
