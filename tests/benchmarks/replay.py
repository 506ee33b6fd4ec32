"""A comparison of policies over MQTT: python -m tests.benchmarks.replay --sessions FILE --from 2019-10-07

The sessions of some days come to a network of 50 points: broker and service are real processes, every vehicle
and every charger has a connection of its own, and the service is restarted and killed in between. Each replay
is compared with the simulation of the same people.
"""

import csv
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from cloud_service.cli.simulate_tables import show
from cloud_service.config.values import TIME_ZONE
from cloud_service.language.language import language_of_environment
from cloud_service.simulation.habits import Habits
from cloud_service.simulation.policies import Policy
from cloud_service.simulation.recording import Recorded, read_recording
from cloud_service.simulation.runs import Run
from cloud_service.simulation.scenario import Conditions, Place, Port, Scenario
from cloud_service.simulation.world import simulate
from tests.kit.replay import Replay, replay, restarts_between

SPACING = 3.0
"""Kilometres from a station to the next."""


def main(words: list[str] | None = None) -> int:
    options = _parser().parse_args(words)
    scenario = _scenario(options)
    runs, kept = [], True
    for name in options.policy:
        policy = Policy.named(name)
        figures = simulate(scenario, policy, Conditions())
        runs.append(Run(f"{name}, simulated", options.seed, figures))
        begun = time.monotonic()
        restarts = restarts_between(scenario.start, scenario.end, options.restarts)
        with tempfile.TemporaryDirectory(prefix="replay-") as folder:
            outcome = replay(scenario, policy, Conditions(), Path(folder), restarts)
        runs.append(Run(f"{name}, replayed", options.seed, outcome.figures))
        print("\n".join(_describe(name, outcome, time.monotonic() - begun)), file=sys.stderr)
        kept &= policy.moves is False or not outcome.stood
    show(runs, language_of_environment())
    return 0 if kept else 1


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m tests.benchmarks.replay", description=__doc__)
    parser.add_argument("--sessions", type=Path, required=True, help="as of recharge simulate")
    parser.add_argument("--site", help="only the rows that have this in their column `site`")
    parser.add_argument(
        "--time-zone", type=TIME_ZONE.read, help="of times without an offset; by default, the machine's"
    )
    parser.add_argument("--from", dest="first", type=date.fromisoformat, help="first day")
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--stations", type=int, default=10, help="in two rows")
    parser.add_argument("--points", type=int, default=5, help="of each station")
    parser.add_argument("--power", type=float, default=6.6, help="kW")
    parser.add_argument("--failures", type=float, default=26, help="how often a point breaks in a year")
    parser.add_argument("--policy", nargs="+", default=["seed", "nearest", "soonest", "soonest+flexible"])
    parser.add_argument("--restarts", type=int, default=28, help="every second one with SIGKILL")
    parser.add_argument("--seed", type=int, default=1)
    return parser


def _scenario(options: Namespace) -> Scenario:
    with options.sessions.open() as file:
        rows = list(_rows_of_site(file, options.site))
    places = tuple(
        Place(SPACING * (number // 2), SPACING * (number % 2), (Port(options.power, 0.4),) * options.points)
        for number in range(options.stations)
    )
    habits = Habits(failures=options.failures)
    sessions = read_recording(rows, zone=options.time_zone)
    return Recorded.between(places, sessions, habits, options.first, options.days).scenario(options.seed)


def _rows_of_site(lines: Iterator[str], site: str | None) -> Iterator[str]:
    header = next(lines)
    yield header
    column = next(csv.reader([header])).index("site") if site else 0
    yield from (line for line in lines if not site or next(csv.reader([line]))[column] == site)


def _describe(name: str, outcome: Replay, seconds: float) -> Iterator[str]:
    yield f"{name}: {outcome.restarts} restarts, {len(outcome.stood)} stood; {seconds:.0f} s"
    told = (f"{kind} ({reason}) {number}" for (kind, reason), number in sorted(outcome.events.items()))
    yield "  told: " + ", ".join(told)
    for stood in outcome.stood if Policy.named(name).moves else ():
        yield f"  {stood.vehicle} stood at {stood.at}: {stood.reservation}"


if __name__ == "__main__":
    sys.exit(main())
