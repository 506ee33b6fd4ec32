"""The suite must be able to fail: a fault is seeded into a piece of the product, and a test must fail.

Each control names the error that it must fail with.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from msgspec import Struct, field

from cloud_service.store.errors import DamagedStore
from tests.faults import seeded_faults as seeded
from tests.faults.checker import check_kept, check_run
from tests.faults.disk_faults import FailingFrom, check_faults, operations_by_kind
from tests.faults.histories import check_histories
from tests.faults.journal_damage import check_flipped_bits, check_prefixes, check_spoiled
from tests.faults.kept import kept_by
from tests.faults.lives import Lives, check_lives
from tests.faults.load import Load
from tests.faults.lost_events import VEHICLES, lose_what_is_sent
from tests.faults.mounted_disk import Disk
from tests.faults.ocpp_posts import OcppPosts, check_charges, kill_and_start
from tests.faults.power_loss import check_states, failing, filling, run
from tests.kit.ocpp import OcppGatewayProcess
from tests.kit.processes import Process, Stack
from tests.kit.relay import Relay, shared_stack_behind_relay
from tests.kit.shared_stack import SharedStack


def power_loss() -> None:
    for seed in range(2):
        random = Random(seed)
        check_states(run(random), random, of_each=1)


def power_loss_on_a_failing_disk() -> None:
    for seed in range(2):
        random = Random(seed)
        check_states(run(random, failing(random)), random, of_each=1)


def power_loss_on_a_full_disk() -> None:
    for seed in range(2):
        random = Random(seed)
        check_states(run(random, filling(random)), random, of_each=1)


def failing_disk() -> None:
    firsts = [number for numbers in operations_by_kind(3).values() for number in numbers]
    check_faults([FailingFrom(first, lasting=1) for first in firsts])


def prefixes() -> None:
    check_prefixes()


def missing_line() -> None:
    check_spoiled("a line is missing")


def redelivery() -> None:
    check_histories(1_000, shrink=False)  # it ends with the first one that shows the fault


def lives() -> None:
    check_lives(400, shrink=False)


def no_show() -> None:
    life = Lives()
    life.a_few_stations(powers=[[10]], booked=["a"], flexible=False, tells=True)
    for off in (-1, 0):
        life.until_something_is_due(which=0, off=off)
    life.teardown()


def flipped_bits() -> None:
    check_flipped_bits(97)


LOST = r"^batch \d+ instead of \d+$"
MISSING = r"(journal-\d+\.jsonl|\.json): missing: "

CONTROLS: list[tuple[Callable[[seeded.Patch], None], Callable[[], None], str]] = [
    (seeded.reply_before_sync, power_loss, LOST),
    (seeded.answered_before_written, power_loss, LOST),
    (seeded.no_sync_of_names, power_loss, rf"{LOST}|{MISSING}"),
    (seeded.rename_before_sync, power_loss, r"charging_stations\.json: not JSON"),
    (seeded.requests_not_journalled, power_loss, "remembered differs by"),
    (seeded.old_segments_removed_first, power_loss, rf"{LOST}|{MISSING}"),
    (seeded.history_not_synced, power_loss, "reservations that ended are missing"),
    (seeded.sync_tried_again, power_loss_on_a_failing_disk, LOST),
    (seeded.segment_trusted_at_start, power_loss_on_a_failing_disk, LOST),
    (seeded.short_write_not_cut, power_loss_on_a_full_disk, "this line is damaged, and a good one follows"),
    (seeded.answered_though_not_written, power_loss_on_a_full_disk, "answered, and not kept"),
    (seeded.answered_though_not_written, failing_disk, "answered, and not on disk"),
    (seeded.not_undone, failing_disk, "the network in memory is not that on disk"),
    (seeded.ids_not_kept, redelivery, "its ID (would be given again|was given twice)"),
    (seeded.requests_not_remembered, redelivery, "ID_REUSED|answered b.*, then b"),
    (seeded.no_five_minutes, redelivery, "are too close"),
    (seeded.no_show_a_second_early, no_show, "(but did not happen|in another order): .*reservationNoShow"),
    (seeded.no_five_minutes_for_moves, lives, "not told on .*(overrun|pointFailed)"),
    (seeded.two_into_one_gap, lives, "not told on .*movedUp"),
    (seeded.event_before_sync, lives, "told before it was on disk"),
    (seeded.events_in_another_order, lives, "told in another order"),
    (seeded.checksum_not_checked, flipped_bits, "DID NOT RAISE DamagedStore"),
    (seeded.chain_not_checked, missing_line, "DID NOT RAISE DamagedStore"),
    (seeded.torn_line_dropped, prefixes, "broken"),
]


class Tally(Struct):
    """The controls that this run has tried, and those that were found."""

    tried: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)

    @contextmanager
    def finding(self, fault: str, match: str) -> Iterator[None]:
        self.tried.add(fault)
        with pytest.raises((AssertionError, DamagedStore, pytest.fail.Exception), match=match):
            yield
        self.found.add(fault)


@pytest.fixture(scope="module")
def tally() -> Tally:
    return Tally()


@pytest.mark.parametrize(
    ("fault", "proof", "match"),
    CONTROLS,
    ids=[f"{fault.__name__}, {proof.__name__}".replace("_", " ") for fault, proof, _ in CONTROLS],
)
def test_a_seeded_fault_is_found(
    fault: Callable[[seeded.Patch], None],
    proof: Callable[[], None],
    match: str,
    monkeypatch: seeded.Patch,
    tally: Tally,
) -> None:
    fault(monkeypatch)
    with tally.finding(fault.__name__, match):
        proof()


ROOT = str(Path(__file__).parents[2])


def seeded_service(fault: str) -> list[str]:
    """The command line of a service that has a fault."""
    return [sys.executable, "-m", "tests.faults.seeded_service", fault]


def with_fault(stack: Stack, fault: str) -> Stack:
    """The network, but for its service, which has a fault."""
    environment = {**stack.environment, "PYTHONPATH": ROOT}
    stack.service = Process("service", seeded_service(fault), stack.folder / "service.log", environment)
    return stack


MOST_TROUBLES = 10
"""A kill may hit a moment at which the fault harms nobody."""
CHANGES_BETWEEN = 50


def live(stack: Stack, trouble: Callable[[], None]) -> None:
    """A load on a network that meets trouble until a client notices, or often; then the checker runs."""
    with stack:
        with Load(stack, pause=0.005) as load:
            for _ in range(MOST_TROUBLES):
                load.await_changes(CHANGES_BETWEEN)
                trouble()
                if load.violations:
                    break
        stack.service.kill()
        check_run(load, stack.data_dir)


BROKEN_PROMISE = (
    "result='NOT_FOUND'|: found .*, not |: listed .*, not |the files (do not|have)"
    "|asked twice, answered differently|is not as asked|Restore the (folder|file)|Correct the file"
)


def test_a_service_that_syncs_nothing_is_found(
    new_disk: Callable[[Path], Disk], tmp_path: Path, tally: Tally
) -> None:
    stack = with_fault(Stack(tmp_path), "nothing_synced")
    disk = new_disk(stack.data_dir)

    def lose_power() -> None:
        stack.service.kill()
        disk.lose_power()
        stack.start_service()

    with tally.finding("nothing_synced in a process", BROKEN_PROMISE):
        live(stack, lose_power)


@pytest.mark.parametrize(
    ("fault", "killed", "match"),
    [
        ("answered_before_written", True, BROKEN_PROMISE),
        ("requests_not_remembered", False, "^asked twice, answered differently"),
        ("no_five_minutes", False, "(?m)^overlap: {"),
    ],
    ids=["answered before written", "requests not remembered", "no five minutes"],
)
def test_a_service_with_a_fault_is_found(
    fault: str, killed: bool, match: str, tmp_path: Path, tally: Tally
) -> None:
    stack = with_fault(Stack(tmp_path), fault)

    def kill() -> None:
        if killed:
            stack.service.kill()
            stack.start_service()

    with tally.finding(f"{fault} in a process", match):
        live(stack, kill)


def test_an_ocpp_gateway_that_keeps_charges_in_memory_only_is_found(tmp_path: Path, tally: Tally) -> None:
    with Stack(tmp_path) as stack:
        gateway = OcppGatewayProcess(stack)
        gateway.run_instead([sys.executable, "-m", "tests.faults.seeded_ocpp_gateway"], PYTHONPATH=ROOT)
        with (
            tally.finding("charges in memory only, in a process", "is not in the history"),
            gateway,
            OcppPosts(stack, gateway) as posts,
        ):
            with posts.charging("meter", Random(0), held=True):
                kill_and_start("gateway", stack, gateway)
            check_charges(stack, posts)


def kill_all(stack: SharedStack, relay: Relay, load: Load) -> None:
    for service in stack.services:
        service.kill()
    stack.start_service()


def lose_events(stack: SharedStack, relay: Relay, load: Load) -> None:
    lose_what_is_sent(stack, relay, load, Random(0))


@pytest.mark.parametrize(
    ("fault", "trouble", "times", "match"),
    [
        ("reply_before_commit", kill_all, MOST_TROUBLES, BROKEN_PROMISE),
        ("events_in_memory_only", lose_events, 2, "never received reservation"),
    ],
    ids=["reply before commit", "events in memory only"],
)
def test_services_on_postgresql_with_a_fault_are_found(
    fault: str,
    trouble: Callable[[SharedStack, Relay, Load], None],
    times: int,
    match: str,
    tmp_path: Path,
    tally: Tally,
) -> None:
    with (
        tally.finding(f"{fault} in processes", match),
        shared_stack_behind_relay(tmp_path, seeded_service(fault), PYTHONPATH=ROOT) as (stack, relay),
    ):
        with Load(stack, vehicles=VEHICLES, legacy=1, pause=0.01) as load:
            for _ in range(times):
                load.await_changes(5)
                trouble(stack, relay, load)
                if load.violations:
                    break
        check_kept(load, kept_by(stack))


@pytest.mark.parametrize("proof", list(dict.fromkeys(proof for _, proof, _ in CONTROLS)))
def test_without_it_the_same_proof_holds(proof: Callable[[], None]) -> None:
    proof()


def test_the_list(tally: Tally, figure: Callable[[str], None]) -> None:
    """Runs last: it counts this run's controls."""
    assert tally.found == tally.tried
    figure(f"negative controls: {len(tally.tried)} seeded faults, {len(tally.found)} of them found")
