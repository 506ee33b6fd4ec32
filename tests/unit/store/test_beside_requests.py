"""What a process does differently while a thread writes a checkpoint."""

import gc
import sys
from concurrent.futures import Future
from contextlib import ExitStack
from datetime import timedelta
from threading import Event as Flag
from threading import Thread

import pytest

from cloud_service.core.tables import Tables
from cloud_service.store.beside_requests import SWITCH_SECONDS, beside_requests, let_go
from cloud_service.store.checkpoint import Checkpoint
from cloud_service.store.checkpoint_writer import CheckpointWriter
from tests.kit.batches import Failing, checkpoint_input, open_store, registration, request
from tests.kit.records import NOW
from tests.kit.simulated_disk import SimulatedFolder
from tests.kit.waiting import DEADLINE
from tests.unit.store.test_checkpoint_writer import tail_of

USUAL_SECONDS = sys.getswitchinterval()


def is_beside_requests() -> bool:
    short = sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS)
    assert gc.isenabled() is not short, "one without the other"
    return short


def test_turns_are_short_and_nothing_is_collected_until_the_block_ends() -> None:
    assert not is_beside_requests()
    with beside_requests():
        assert is_beside_requests()
    assert not is_beside_requests()
    assert sys.getswitchinterval() == USUAL_SECONDS


def test_the_block_may_end_with_an_error_in_another_thread() -> None:
    block = ExitStack()
    block.enter_context(beside_requests())
    thread = Thread(target=block.close)
    thread.start()
    thread.join(DEADLINE)
    assert not is_beside_requests()


def test_blocks_may_overlap() -> None:
    """The thread begins before the loop has finished with the copy."""
    first, second = ExitStack(), ExitStack()
    first.enter_context(beside_requests())
    second.enter_context(beside_requests())
    first.close()
    assert is_beside_requests()
    second.close()
    assert not is_beside_requests()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with beside_requests():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_collections_are_emptied() -> None:
    table, rows = {1: "a", 2: "b"}, ["c", "d"]
    let_go(table, rows)
    assert (table, rows) == ({}, [])


def started(folder: SimulatedFolder) -> tuple[CheckpointWriter, Tables, "Future[None]"]:
    tables = Tables()
    tables.apply(registration())
    writer = CheckpointWriter(
        folder, tables, Checkpoint(sequence=1, segment=2), tail_of(1, registration()), 1
    )
    return writer, tables, writer.start()


def test_a_checkpoint_is_written_beside_requests_and_freed_there() -> None:
    reached, goes_on = Flag(), Flag()

    def hold(operation: str, name: str) -> None:
        if (operation, name) == ("create", "charging_stations.json.new"):
            reached.set()
            assert goes_on.wait(DEADLINE), "the test has looked"

    folder = SimulatedFolder(trouble=hold)
    writer, tables, future = started(folder)
    assert reached.wait(DEADLINE), "the checkpoint was begun"
    assert is_beside_requests()
    goes_on.set()
    future.result(DEADLINE)
    assert not is_beside_requests()
    assert writer.tail.requests == [], "they would be freed at once, in the loop's thread"
    assert not tables.stations
    assert not tables.points


def test_a_checkpoint_that_fails_leaves_the_process_as_it_was() -> None:
    folder = SimulatedFolder(trouble=Failing("rename", "checkpoint.json"))
    writer, _, future = started(folder)
    assert isinstance(future.exception(DEADLINE), OSError)
    assert not is_beside_requests()
    assert [row.request for row in writer.tail.requests] == [request("1")], "the next checkpoint needs it"


def test_the_last_checkpoint_is_written_without_ceremony() -> None:
    """Nobody waits for an answer any more, and the tables stay as they are: `recharge forget` reads them."""
    seen = []
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    store.append([registration()], [], 0, NOW)
    recovered.tables.apply(registration())
    folder.trouble = lambda operation, name: seen.append(is_beside_requests())
    store.close(checkpoint_input(recovered), NOW + timedelta(hours=1))
    assert seen
    assert not any(seen)
    assert recovered.tables.stations
