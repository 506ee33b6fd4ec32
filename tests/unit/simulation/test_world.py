"""A run of the simulation: small worlds whose outcome can be worked out by hand, and what holds in all."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_service.core.queue import MARGIN
from cloud_service.simulation.generator import Generated, usual_rates
from cloud_service.simulation.habits import Habits
from cloud_service.simulation.policies import DEFAULT_NAMES, Policy
from cloud_service.simulation.scenario import Breakdown, Conditions, Place, Port, Scenario, Trip
from cloud_service.simulation.service_in_memory import ServiceInMemory
from cloud_service.simulation.world import World, simulate

START = datetime(2026, 3, 2, tzinfo=UTC)
NOON = START + timedelta(hours=12)
PORT = Port(10, 1)


def trip(minute: float, *, x: float = 0, energy: float = 10, comes: bool = True, overstay: float = 0) -> Trip:
    """A vehicle that books some minutes after noon; ten kWh take an hour."""
    at = NOON + timedelta(minutes=minute)
    return Trip(at, at, x, 0, energy, comes, timedelta(), timedelta(minutes=overstay))


def scenario(places: list[Place], trips: list[Trip], *breakdowns: Breakdown) -> Scenario:
    return Scenario(tuple(places), START, START + timedelta(days=1), tuple(trips), breakdowns)


def run(name: str, what: Scenario, **conditions: timedelta) -> dict[str, float]:
    figures = simulate(what, Policy.named(name), Conditions(**conditions))  # type: ignore[arg-type]
    return {key: getattr(figures, key) for key in figures.__struct_fields__}


def test_one_vehicle_starts_five_minutes_after_its_booking() -> None:
    figures = run("nearest", scenario([Place(0, 0, (PORT,))], [trip(0)]))
    assert figures["served"] == 1
    assert figures["waiting"] == pytest.approx(5)
    assert figures["until_finished"] == pytest.approx(65 / 60)
    assert figures["utilisation"] == pytest.approx(1 / 24)
    assert figures["energy"] == pytest.approx(10)
    assert figures["distance"] == 0


def test_the_seed_queues_at_the_nearest_station_where_another_would_be_free() -> None:
    places = [Place(0, 0, (PORT,)), Place(10, 0, (PORT,))]
    rush = scenario(places, [trip(0), trip(1), trip(2)])
    seed, soonest = run("seed", rush, patience=timedelta(hours=9)), run("soonest", rush)
    assert seed["distance"] == 0
    assert soonest["distance"] == pytest.approx(10 / 3)
    assert soonest["until_finished"] < seed["until_finished"]


def test_the_seed_chooses_the_shortest_queue_and_not_the_earliest_start() -> None:
    # The first holds point 1 for two hours, the second point 2 for one: both queues have one reservation.
    trips = [trip(0, energy=20), trip(1), trip(2)]
    rush = scenario([Place(0, 0, (PORT, PORT))], trips)
    seed, nearest = run("seed", rush), run("nearest", rush)
    assert seed["worst"] == pytest.approx((125 + 65 - 2) / 60)
    assert nearest["worst"] == pytest.approx((66 + 65 - 2) / 60)


def test_what_overruns_moves_the_next_one_and_nobody_stands() -> None:
    places = [Place(0, 0, (PORT, PORT))]
    # The third booking is behind the first, which stays ten minutes longer than its charge takes.
    trips = [trip(0, overstay=10), trip(1, energy=20), trip(2)]
    kept, left = run("nearest", scenario(places, trips)), run("nearest-moves", scenario(places, trips))
    assert [kept["stood"], kept["moved"]] == pytest.approx([0, 100 / 3])
    assert [left["stood"], left["moved"]] == pytest.approx([1 / 3, 0])


def test_the_time_of_a_no_show_is_released_to_a_flexible_one() -> None:
    # The first never comes; the second would start after it, and moves up fifteen minutes later.
    rush = scenario([Place(0, 0, (PORT,))], [trip(0, energy=30, comes=False), trip(1)])
    released, kept = run("nearest+flexible", rush), run("nearest-noshows+flexible", rush)
    assert released["moved"] == 100
    assert kept["moved"] == 0
    assert released["waiting"] < 30 < 180 < kept["waiting"]


def test_a_gap_is_used() -> None:
    ahead = Trip(NOON, NOON + timedelta(hours=3), 0, 0, 10)
    soon = trip(1)
    places = [Place(0, 0, (PORT,))]
    used, left = (run(name, scenario(places, [ahead, soon])) for name in ("nearest", "nearest-gaps"))
    assert used["worst"] < 1.2 < 4 < left["worst"]


def test_nobody_is_sent_to_a_point_that_is_known_to_be_broken() -> None:
    broken = Breakdown(1, 1, NOON - timedelta(hours=1), NOON + timedelta(hours=8))
    places = [Place(0, 0, (PORT,)), Place(10, 0, (PORT,))]
    assert run("nearest", scenario(places, [trip(0)], broken))["stood"] == 0
    seed = run("seed", scenario(places, [trip(0)], broken))
    assert (seed["stood"], seed["served"]) == (1, 0)


def test_who_charges_when_a_point_breaks_is_not_served() -> None:
    broken = Breakdown(1, 1, NOON + timedelta(minutes=35), NOON + timedelta(hours=8))
    figures = run("nearest", scenario([Place(0, 0, (PORT,))], [trip(0)], broken))
    assert figures["served"] == 0
    assert figures["utilisation"] == pytest.approx(0.5 / 24)
    assert figures["energy"] == pytest.approx(5)


def test_who_would_wait_too_long_goes_elsewhere() -> None:
    rush = scenario([Place(0, 0, (PORT,))], [trip(0, energy=200), trip(1)])
    assert run("nearest", rush, horizon=timedelta(hours=2))["served"] == pytest.approx(1 / 2)


PLACES = tuple(Place(4 * number, 3 * (number % 2), (PORT, Port(22, 0.5))) for number in range(4))


def busy(seed: int, days: int = 2, per_day: float = 90) -> Scenario:
    habits = Habits(no_shows=0.1, failures=60, repair=timedelta(hours=3))
    return Generated(PLACES, usual_rates(per_day), habits, START, days).scenario(seed)


@pytest.mark.parametrize("name", DEFAULT_NAMES)
def test_the_same_seed_gives_the_same_figures(name: str) -> None:
    policy = Policy.named(name)
    first, again = (simulate(busy(1), policy, Conditions()) for _ in range(2))
    assert first == again
    assert first != simulate(busy(2), policy, Conditions())


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), name=st.sampled_from(DEFAULT_NAMES), per_day=st.floats(10, 200))
def test_promises_do_not_overlap_and_time_does_not_run_backwards(
    seed: int, name: str, per_day: float
) -> None:
    day = busy(seed, 1, per_day)
    service = ServiceInMemory(day.places, Policy.named(name), Conditions())
    world = World(day, service, Conditions())
    moments = [datetime.min.replace(tzinfo=UTC)]

    def watch(now: datetime) -> None:
        assert now >= moments[-1]
        moments.append(now)
        network = service.network
        for key in network.tables.points:
            for earlier, later in pairwise(network.queue(key)):
                assert earlier.finish + MARGIN <= later.start

    figures = world.run(watch)
    assert not world.charging
    assert 0 <= figures.served <= 1
    assert 0 <= figures.utilisation <= 1
    assert figures.waiting is None or figures.waiting >= -1e-6


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), name=st.sampled_from(["nearest", "soonest", "soonest+flexible"]))
def test_people_come_and_chargers_break_whatever_the_policy_is(seed: int, name: str) -> None:
    wanted = simulate(busy(seed, 1), Policy.named("seed"), Conditions()).wanted
    assert simulate(busy(seed, 1), Policy.named(name), Conditions()).wanted == wanted
