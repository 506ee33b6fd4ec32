"""Compares policies: exposes the network to the same people and breakdowns under each of them.

In virtual time, with the service's own rules; the network is not touched. docs/policies.md has results.
"""

import os
import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import psycopg
from msgspec import Struct

from cloud_service.cli import simulate_tables
from cloud_service.cli.client_options import whole
from cloud_service.cli.days import LAST_DAY, read_day
from cloud_service.cli.failure import complain, of_file
from cloud_service.cli.output_options import CannotDraw, OutputOptions
from cloud_service.cli.port_options import PortOptions, read_place_in_degrees
from cloud_service.cli.simulate_options import HabitOptions
from cloud_service.cli.simulate_stations import StationSource, read_places
from cloud_service.config.command_line import Argument
from cloud_service.config.shared import DataFolder, TimeZone
from cloud_service.config.values import read_count
from cloud_service.database.settings import StateLogin
from cloud_service.language.language import Language, language_of_environment
from cloud_service.language.text import Text, TextError
from cloud_service.simulation.estimates import Estimate, estimate
from cloud_service.simulation.figures import Figures
from cloud_service.simulation.generator import Generated, Rates, read_rates, usual_rates
from cloud_service.simulation.policies import DEFAULT_NAMES, Policy
from cloud_service.simulation.recording import Recorded, read_recording
from cloud_service.simulation.runs import Demand, Plan, Run, by_policy, run_all
from cloud_service.simulation.scenario import Place
from cloud_service.store.errors import DamagedStore
from recharge.station_import.afdc import InvalidLine, MissingColumns, TooManyRows
from recharge.station_import.lines import UnreadableText, opened_lines
from recharge.terminal.console import open_console
from recharge.terminal.progress import RunProgress

_FIRST_DAY: Final = date(2026, 1, 5)
"""A Monday. It is not today, so that the same command gives the same figures tomorrow."""
_DAYS: Final = 28
_A_DAY_PER_POINT: Final = 4.0


class Options(Struct, frozen=True, kw_only=True):
    policies: Annotated[
        list[str] | None,
        Argument(
            "--policy",
            nargs="+",
            metavar="POLICY",
            help="policies to compare: seed (nearest station, shortest queue), nearest, earliest, soonest "
            "or cheapest; each of the last four with any of -gaps, -noshows, -moves and +flexible, such as "
            "soonest-gaps+flexible (default: {})".format(" ".join(DEFAULT_NAMES)),
        ),
    ] = None
    stations: Annotated[
        Path | None,
        Argument(
            "--stations",
            metavar="FILE",
            type=Path,
            help="CSV export of stations, as `recharge import` takes it (default: the network's)",
        ),
    ] = None
    centre: Annotated[
        tuple[float, float] | None,
        Argument(
            "--centre",
            "--center",
            metavar="LAT,LON",
            type=read_place_in_degrees,
            help="latitude and longitude of 0, 0, in degrees (default: the middle of the file)",
        ),
    ] = None
    radius: Annotated[
        int | None,
        Argument(
            "--radius", metavar="KM", type=read_count, help="only stations within this distance of 0, 0"
        ),
    ] = None
    ports: PortOptions
    sessions: Annotated[
        Path | None,
        Argument(
            "--sessions",
            metavar="FILE",
            type=Path,
            help="CSV file of charging sessions: arrival, departure, announced_departure, requested_kWh or "
            "delivered_kWh, x_position, y_position (default: people come at random)",
        ),
    ] = None
    first: Annotated[
        date | None, Argument("--from", metavar="DAY", type=read_day, help="first day, such as 2026-03-01")
    ] = None
    days: Annotated[
        int | None,
        Argument(
            "--days", metavar="N", type=read_count, help=f"how many days (default: {_DAYS}, or all sessions)"
        ),
    ] = None
    habits: HabitOptions
    seeds: Annotated[
        int,
        Argument(
            "--seeds",
            metavar="N",
            type=read_count,
            help="how many runs of each policy (default: %(default)s)",
        ),
    ] = 5
    seed: Annotated[
        int,
        Argument(
            "--seed",
            metavar="N",
            type=whole,
            help="seed of the first run; the same seed gives the same run (default: %(default)s)",
        ),
    ] = 1
    processes: Annotated[
        int | None,
        Argument(
            "--processes", metavar="N", type=read_count, help="runs at once (default: one for each processor)"
        ),
    ] = None
    output: OutputOptions
    data: DataFolder
    state: StateLogin
    time_zone: TimeZone = None


def main(options: Options) -> int:
    say = language_of_environment()
    options.output.require_one_format()
    try:
        options.output.require_drawable()
        plan = _plan(options)
    except OSError as error:
        return complain("simulate", of_file(error))
    except (UnreadableText, MissingColumns, InvalidLine, TooManyRows, DamagedStore, TextError) as error:
        return complain("simulate", error)
    except psycopg.Error as error:
        return complain("simulate", Text("the database failed: {error}", error=error))
    runs = _run(plan, options, say)
    options.output.show(
        tables=lambda: simulate_tables.show(runs, say),
        json=lambda: msgspec.json.format(msgspec.json.encode(_as_json(runs)), indent=4).decode(),
        rows=lambda: _rows(runs),
    )
    try:
        options.output.draw(partial(_draw, runs, say))
    except CannotDraw as error:
        return complain("simulate", error)
    return 0


def _plan(options: Options) -> Plan:
    """Raises OSError, UnreadableText or TextError for what cannot be read."""
    policies = tuple(Policy.named(name) for name in dict.fromkeys(options.policies or DEFAULT_NAMES))
    source = StationSource(
        options.stations, options.state, options.data.data_dir, options.centre, options.radius, options.ports
    )
    places = read_places(source, options.time_zone)
    seeds = tuple(range(options.seed, options.seed + options.seeds))
    return Plan(_demand(options, places), policies, seeds, options.habits.conditions(options.time_zone))


def _demand(options: Options, places: tuple[Place, ...]) -> Demand:
    habits = options.habits.habits()
    if options.sessions is not None:
        with opened_lines(options.sessions) as lines:
            sessions = read_recording(lines, options.time_zone)
        return Recorded.between(places, sessions, habits, options.first, options.days)
    first, days = options.first or _FIRST_DAY, options.days or _DAYS
    if first.toordinal() + days > LAST_DAY.toordinal():
        raise TextError("--days {days}: the last day would be after {last}", days=days, last=LAST_DAY)
    start = datetime.combine(first, time(), options.time_zone)
    if options.time_zone is None:
        start = start.astimezone()
    return Generated(places, _rates(options, places), habits, start, days)


def _rates(options: Options, places: tuple[Place, ...]) -> Rates:
    if options.habits.rates is not None:
        with opened_lines(options.habits.rates) as lines:
            return read_rates(lines)
    points = sum(len(place.points) for place in places)
    return usual_rates(options.habits.per_day or _A_DAY_PER_POINT * points)


def _run(plan: Plan, options: Options, say: Language) -> list[Run]:
    total = len(plan.policies) * len(plan.seeds)
    processes = options.processes or os.cpu_count() or 1
    with RunProgress(open_console(sys.stderr), total, say) as progress:
        return run_all(plan, processes, progress.advance)


def _draw(runs: list[Run], say: Language, file: Path) -> None:
    from cloud_service.cli import simulate_plot

    simulate_plot.draw(runs, file, say)


def _as_json(runs: list[Run]) -> list[dict[str, Any]]:
    """For each policy the means of its figures, and each run."""
    return [
        {
            "policy": name,
            "figures": {key: _estimate(theirs, key) for key in FIGURE_NAMES},
            "runs": [{"seed": run.seed, **msgspec.to_builtins(run.figures)} for run in theirs],
        }
        for name, theirs in by_policy(runs).items()
    ]


def _estimate(runs: list[Run], key: str) -> Estimate | None:
    return estimate([msgspec.to_builtins(run.figures)[key] for run in runs])


def _rows(runs: list[Run]) -> Iterator[list[object]]:
    """A row for each run."""
    yield ["policy", "seed", *FIGURE_NAMES]
    for run in runs:
        yield [run.policy, run.seed, *msgspec.structs.astuple(run.figures)]


FIGURE_NAMES: Final = tuple(field.encode_name for field in msgspec.structs.fields(Figures))
