"""Demand: recordings, rates, policies by name, estimates, and runs in several processes."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from cloud_service.simulation.estimates import Estimate, estimate
from cloud_service.simulation.generator import Generated, UnusableRates, read_rates, usual_rates
from cloud_service.simulation.habits import Habits
from cloud_service.simulation.policies import DEFAULT_NAMES, Policy, UnknownPolicy
from cloud_service.simulation.recording import Recorded, UnusableRecording, read_recording
from cloud_service.simulation.runs import Plan, by_policy, run_all
from cloud_service.simulation.scenario import Conditions, Place, Port

START = datetime(2026, 3, 2, tzinfo=UTC)
PLACES = (Place(0, 0, (Port(22, 1),)), Place(5, 0, (Port(22, 1),) * 3))
HEADER = "arrival,departure,announced_departure,requested_kWh,delivered_kWh,x_position,y_position\n"
ROWS = [
    HEADER,
    "2026-03-03 09:00:00-07:00,2026-03-03 12:30:00-07:00,2026-03-03 12:00:00-07:00,20,18,,\n",
    "2026-03-02T08:00:00,,,,7.5,3,-4\n",
    "2026-03-02T09:00:00,,,,0.01,,\n",
]


def test_a_recording_says_what_its_columns_say() -> None:
    first, second = read_recording(ROWS, UTC)
    assert first.arrival == START + timedelta(hours=8)
    assert (first.energy, first.overstay, first.place) == (7.5, None, (3, -4))
    assert (second.energy, second.overstay, second.place) == (20, timedelta(minutes=30), None)


def test_who_announced_nothing_stays_as_the_others_did() -> None:
    recorded = Recorded.between(PLACES, read_recording(ROWS, UTC), Habits(no_shows=0), None, None)
    trips = recorded.scenario(1).trips
    assert [trip.overstay for trip in trips] == [timedelta(minutes=30)] * 2
    assert (trips[0].x, trips[0].y) == (3, -4)
    assert recorded.scenario(1) == recorded.scenario(1)
    assert (
        Recorded.between(PLACES, read_recording(ROWS, UTC), Habits(), None, 1).sessions
        == recorded.sessions[:1]
    )


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["site,energy\n", "a,3\n"], "site, energy"),
        ([HEADER, "yesterday,,,1,1,,\n"], "line 2"),
        ([HEADER, "2026-03-02T08:00:00,,,inf,1,,\n"], "line 2"),
        ([HEADER], "no sessions"),
    ],
)
def test_what_is_wrong_with_a_recording_is_named(lines: list[str], named: str) -> None:
    with pytest.raises(UnusableRecording, match=named):
        read_recording(lines, UTC)


def test_days_without_sessions_are_named() -> None:
    with pytest.raises(UnusableRecording, match="2026-04-01"):
        Recorded.between(PLACES, read_recording(ROWS, UTC), Habits(), date(2026, 4, 1), 2)


def test_people_come_by_the_rates_of_the_hour_and_the_weekday() -> None:
    rates = read_rates(["weekday,hour,rate\n", "1,9,200\n", "7,20,100\n"])
    trips = Generated(PLACES, rates, Habits(), START, 7).scenario(1).trips
    hours = Counter((trip.wanted.isoweekday(), trip.wanted.hour) for trip in trips)
    assert set(hours) == {(1, 9), (7, 20)}
    assert hours[1, 9] == pytest.approx(200, rel=0.3)
    assert hours[7, 20] == pytest.approx(100, rel=0.4)


def test_the_usual_week_has_as_many_people_a_day_as_asked_for() -> None:
    assert sum(map(sum, usual_rates(50))) == pytest.approx(350)


@pytest.mark.parametrize("lines", [["hour,rate\n"], ["weekday,hour,rate\n", "8,0,1\n"]])
def test_unusable_rates_are_refused(lines: list[str]) -> None:
    with pytest.raises(UnusableRates):
        read_rates(lines)


@pytest.mark.parametrize("name", ["fastest", "seed-gaps", "soonest+gaps", "soonest-flexible", "soonest-", ""])
def test_a_policy_of_another_name_is_refused(name: str) -> None:
    with pytest.raises(UnknownPolicy):
        Policy.named(name)


def test_parts_of_a_policy_can_be_combined() -> None:
    policy = Policy.named("cheapest-gaps-noshows+flexible")
    assert policy == Policy(policy.name, "cheapest", gaps=False, no_shows=False, flexible=True)
    assert len({Policy.named(name) for name in DEFAULT_NAMES}) == len(DEFAULT_NAMES)


def test_an_estimate_has_the_interval_of_student() -> None:
    of_three = estimate([1, 2, 3])
    assert of_three is not None
    assert [of_three.mean, of_three.half_width] == pytest.approx([2, 4.303 / 3**0.5])
    assert estimate([4, None]) == Estimate(4)
    assert estimate([None]) is None


def test_several_processes_give_what_one_gives() -> None:
    demand = Generated(PLACES, usual_rates(30), Habits(), START, 1)
    plan = Plan(demand, (Policy.named("seed"), Policy.named("soonest")), (1, 2), Conditions())
    done: list[int] = []
    alone = run_all(plan, 1, lambda: done.append(1))
    assert run_all(plan, 2, lambda: done.append(1)) == alone
    assert len(done) == 8
    assert [(run.policy, run.seed) for run in alone] == [
        ("seed", 1),
        ("seed", 2),
        ("soonest", 1),
        ("soonest", 2),
    ]
    assert list(by_policy(alone)) == ["seed", "soonest"]
