"""Promises on days that go wrong, over MQTT: nobody stands before a point that was promised to them.

People book, come late or not at all, and stay longer; points break; the service is restarted and killed. Each
vehicle goes to the point of which its own connection told it last.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloud_service.simulation.generator import Generated, usual_rates
from cloud_service.simulation.habits import Habits
from cloud_service.simulation.policies import Policy
from cloud_service.simulation.scenario import Breakdown, Conditions, Place, Port, Scenario, Trip
from cloud_service.simulation.world import simulate
from tests.kit.replay import Replay, Restart, replay, restarts_between

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
NOON = MONDAY + timedelta(hours=12)
PORT = Port(10, 1)
CONDITIONS = Conditions()


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def trip(booked: float, *, hours: float = 1, x: float = 0, comes: bool = True, overstay: float = 0) -> Trip:
    """A vehicle that books some minutes after noon. Ten kWh take an hour."""
    at = NOON + minutes(booked)
    return Trip(at, at, x, 0, 10 * hours, comes, overstay=minutes(overstay))


def day(places: list[Place], trips: list[Trip], *breakdowns: Breakdown) -> Scenario:
    return Scenario(tuple(places), NOON, NOON + timedelta(hours=6), tuple(trips), breakdowns)


def played(policy: str, what: Scenario, folder: Path, *restarts: Restart) -> Replay:
    return replay(what, Policy.named(policy), CONDITIONS, folder, restarts)


def busy_day() -> Scenario:
    """Six points of two powers, and 70 people. Half of them stay longer; a point breaks every six days."""
    places = tuple(Place(4 * number, 3 * (number % 2), (PORT, Port(22, 0.5))) for number in range(3))
    habits = Habits(no_shows=0.1, overstaying=0.5, failures=60, repair=timedelta(hours=2))
    return Generated(places, usual_rates(70), habits, MONDAY, 1).scenario(1)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Replay:
    """The busy day with all rules, and eight restarts."""
    what = busy_day()
    restarts = restarts_between(what.start, what.end, 8)
    return played("soonest+flexible", what, tmp_path_factory.mktemp("kept"), *restarts)


def test_nobody_stands_before_a_point_that_was_promised(kept: Replay, figure: Callable[[str], None]) -> None:
    assert kept.stood == ()
    assert kept.figures.served > 0.95
    assert kept.restarts == 8
    told = {reason for _, reason in kept.events}
    assert {"overrun", "movedUp", "noShow", "chargingFinished"} <= told
    figure(
        f"a day of {kept.figures.wanted} people at 6 points over MQTT, {kept.restarts} restarts: "
        f"{kept.events['reservationChanged', 'overrun']} moved for an overrun, nobody stood"
    )


def test_the_rule_of_the_first_server_is_worse_in_the_replay_and_in_the_simulation(
    kept: Replay, tmp_path: Path
) -> None:
    what = busy_day()
    seed = played("seed", what, tmp_path)
    simulated = [simulate(what, Policy.named(name), CONDITIONS) for name in ("seed", "soonest+flexible")]
    for worse, better in ((seed.figures, kept.figures), tuple(simulated)):
        assert worse.stood > better.stood == 0
        assert worse.waiting is not None
        assert better.waiting is not None
        assert worse.waiting > better.waiting
        assert worse.served <= better.served
    assert seed.figures.waiting == pytest.approx(simulated[0].waiting, rel=0.05)


def test_without_moves_somebody_stands(tmp_path: Path) -> None:
    """So the replay sees it when a promise is not kept."""
    what = day([Place(0, 0, (PORT,))], [trip(0, overstay=40), trip(1)])
    assert {stood.vehicle for stood in played("nearest-moves", what, tmp_path).stood} == {"v2"}


def test_a_chain_of_overruns(tmp_path: Path) -> None:
    """Everybody stays longer than the one before, and the service restarts while their sessions overrun."""
    places = [Place(0, 0, (PORT,)), Place(6, 0, (PORT,))]
    trips = [trip(number, overstay=20 + 10 * number) for number in range(6)]
    restarts = (Restart(NOON + minutes(64), "SIGKILL"), Restart(NOON + minutes(130), "SIGTERM"))
    outcome = played("nearest", day(places, trips), tmp_path, *restarts)
    assert outcome.stood == ()
    assert outcome.figures.served == 1
    assert outcome.events["reservationChanged", "overrun"] >= 3


@pytest.mark.parametrize("seconds", [-1, 0, 1])
def test_a_point_breaks_at_the_moment_of_a_no_show_with_flexible_ones_in_a_crowd(
    seconds: int, tmp_path: Path
) -> None:
    """Who does not come would have charged from 12:05 on. At 12:20 its time is free, and its point broken."""
    places = [Place(0, 0, (PORT, PORT)), Place(4, 0, (PORT,))]
    nobody = trip(0, hours=2, comes=False)
    crowd = [trip(1 + number / 10, hours=0.5, overstay=10 * (number % 2)) for number in range(10)]
    broken = Breakdown(1, 1, NOON + minutes(20 + seconds / 60), NOON + minutes(90))
    restart = Restart(NOON + minutes(21), "SIGKILL")
    outcome = played("nearest+flexible", day(places, [nobody, *crowd], broken), tmp_path, restart)
    assert outcome.stood == ()
    assert outcome.figures.served == 1
    assert outcome.events["reservationNoShow", "noShow"] == 1
    assert outcome.events["reservationChanged", "movedUp"] >= 1
