"""What every Store does: in a folder on disk, in a simulated folder, and in memory."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from cloud_service.core.tables import Tables
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.filesystem import DiskFolder
from cloud_service.store.interface import Recovered, Store, StoredRequest
from tests.kit.batches import (
    BOOKED_POINT,
    BOOKING,
    STATION,
    booking,
    cancellation,
    checkpoint_input,
    registration,
    request,
)
from tests.kit.in_memory_store import InMemoryStore
from tests.kit.records import NOW, minutes
from tests.kit.simulated_disk import SimulatedFolder


class Reopening:
    """A store, and the same store as the next process opens it."""

    def __init__(self, make: Callable[[], Store], end: Callable[[Store], None]) -> None:
        self._make, self._end = make, end
        self.store = make()
        self.recovered = self.store.load(NOW)

    def crash(self) -> Recovered:
        """Opens the store after a crash."""
        self._end(self.store)
        self.store = self._make()
        return self.store.load(NOW)

    def stop(self, delivered: int = 0) -> Recovered:
        """Opens the store after a clean stop."""
        kept = self.store.load(NOW)
        self.store.close(checkpoint_input(kept, delivered=delivered, oldest=self.store.sequence + 1), NOW)
        return self.crash()


@pytest.fixture(params=["disk", "simulated folder", "memory"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reopening]:
    if request.param == "memory":
        only = InMemoryStore()
        yield Reopening(lambda: only, lambda store: None)
        return
    folder = DiskFolder(tmp_path / "data") if request.param == "disk" else SimulatedFolder()
    yield Reopening(lambda: FileStore(folder, StoreOptions()), lambda store: None)
    if isinstance(folder, DiskFolder):
        folder.close()


def test_is_empty_at_first(opened: Reopening) -> None:
    assert opened.recovered == Recovered()
    assert opened.store.sequence == 0


def test_numbers_the_batches(opened: Reopening) -> None:
    assert opened.store.append([registration()], [], 0, NOW) == 1
    assert opened.store.append([booking()], [], 0, NOW) == 2
    assert opened.store.sequence == 2


def test_has_after_a_crash_what_was_appended(opened: Reopening) -> None:
    opened.store.append([registration(), booking()], [], 0, NOW)
    opened.store.append([], [request("a")], 0, NOW)
    recovered = opened.crash()
    assert recovered.tables == Tables({1: STATION}, {(1, 1): BOOKED_POINT}, {(1, 1, 1): BOOKING}, 1)
    assert recovered.remembered == [StoredRequest(2, NOW, request("a"))]
    assert opened.store.sequence == 2


def test_continues_its_numbers_after_a_crash(opened: Reopening) -> None:
    opened.store.append([registration()], [], 0, NOW)
    opened.crash()
    assert opened.store.append([booking()], [], 0, NOW) == 2
    assert BOOKING.key in opened.crash().tables.reservations


def test_keeps_the_network_over_a_clean_stop(opened: Reopening) -> None:
    opened.store.append([registration(), booking()], [], 0, NOW)
    recovered = opened.stop()
    assert recovered.tables == Tables({1: STATION}, {(1, 1): BOOKED_POINT}, {(1, 1, 1): BOOKING}, 1)
    assert opened.store.append([cancellation()], [], 0, NOW) == 2


def test_keeps_what_the_three_files_lack_over_a_clean_stop(opened: Reopening) -> None:
    """Owners, the largest IDs given, request records."""
    opened.store.append([registration(), booking()], [request("a")], 0, NOW)
    opened.store.append([cancellation()], [], 0, NOW)
    kept = opened.store.load(NOW)
    opened.store.close(checkpoint_input(kept), NOW)
    recovered = opened.crash()
    assert recovered.tables.stations[1].owner == "ana"
    assert recovered.tables.stations[1].last_point_id == 1
    assert recovered.remembered == [StoredRequest(1, NOW, request("a"))]


def test_returns_events_that_the_broker_may_not_have_acknowledged(opened: Reopening) -> None:
    opened.store.append([registration(), booking()], [], 0, NOW)
    opened.store.append([cancellation()], [], 1, NOW)
    events = opened.crash().pending_events
    assert [(sequence, event.type) for sequence, event in events] == [(2, "reservationCancelled")]


def test_keeps_pending_events_over_a_clean_stop(opened: Reopening) -> None:
    opened.store.append([registration(), booking()], [], 0, NOW)
    assert [sequence for sequence, _ in opened.stop().pending_events] == [1]


def test_what_is_loaded_is_a_copy(opened: Reopening) -> None:
    recovered = opened.crash()
    recovered.tables.apply(registration())
    assert not opened.crash().tables.stations


def test_an_empty_batch_has_a_number(opened: Reopening) -> None:
    opened.store.append([], [], 0, NOW + minutes(1))
    assert opened.crash() == Recovered()
    assert opened.store.sequence == 1


def test_maintaining_leaves_everything_as_it_is(opened: Reopening) -> None:
    opened.store.append([registration(), booking()], [request("a")], 0, NOW)
    kept = opened.store.load(NOW)
    for hour in range(5):
        opened.store.maintain(checkpoint_input(kept), NOW + timedelta(hours=hour))
    assert opened.crash() == kept
