"""What people do in a simulation, as options of `recharge simulate`."""

from datetime import timedelta, tzinfo
from pathlib import Path
from typing import Annotated

from msgspec import Struct

from cloud_service.cli.client_options import not_negative, percent, positive
from cloud_service.config.command_line import Argument
from cloud_service.simulation.habits import Habits
from cloud_service.simulation.scenario import Conditions
from recharge.records import Number


class HabitOptions(Struct, frozen=True, kw_only=True):
    per_day: Annotated[
        Number | None,
        Argument(
            "--per-day",
            metavar="N",
            type=positive,
            help="people who come in a day (default: 4 for each point)",
        ),
    ] = None
    rates: Annotated[
        Path | None,
        Argument(
            "--rates",
            metavar="FILE",
            type=Path,
            help="CSV file of how many people come in an hour: weekday (1 is Monday), hour, rate",
        ),
    ] = None
    energy: Annotated[
        Number,
        Argument(
            "--energy", metavar="KWH", type=positive, help="mean energy of a charge (default: %(default)g)"
        ),
    ] = 20
    spread: Annotated[
        Number,
        Argument(
            "--spread",
            metavar="KM",
            type=positive,
            help="how far from a station people start, as a standard deviation (default: %(default)g)",
        ),
    ] = 5
    ahead: Annotated[
        Number,
        Argument(
            "--ahead",
            metavar="PERCENT",
            type=percent,
            help="share of people who book ahead (default: %(default)g)",
        ),
    ] = 30
    ahead_hours: Annotated[
        Number,
        Argument(
            "--ahead-hours",
            metavar="H",
            type=positive,
            help="how long ahead, on average (default: %(default)g)",
        ),
    ] = 3
    no_shows: Annotated[
        Number,
        Argument(
            "--no-shows",
            metavar="PERCENT",
            type=percent,
            help="share of people who do not come (default: %(default)g)",
        ),
    ] = 5
    late: Annotated[
        Number,
        Argument(
            "--late",
            metavar="PERCENT",
            type=percent,
            help="share of people who come late (default: %(default)g)",
        ),
    ] = 20
    late_minutes: Annotated[
        Number,
        Argument(
            "--late-minutes",
            metavar="MIN",
            type=positive,
            help="how late they come, on average (default: %(default)g)",
        ),
    ] = 10
    overstaying: Annotated[
        Number,
        Argument(
            "--overstaying",
            metavar="PERCENT",
            type=percent,
            help="share of people who stay longer than their charge, unless --sessions says it"
            " (default: %(default)g)",
        ),
    ] = 30
    overstay_minutes: Annotated[
        Number,
        Argument(
            "--overstay-minutes",
            metavar="MIN",
            type=positive,
            help="how much longer, on average (default: %(default)g)",
        ),
    ] = 45
    failures: Annotated[
        Number,
        Argument(
            "--failures",
            metavar="N",
            type=not_negative,
            help="how often a point breaks down in a year (default: %(default)g)",
        ),
    ] = 4
    repair_hours: Annotated[
        Number,
        Argument(
            "--repair-hours",
            metavar="H",
            type=positive,
            help="how long a repair takes, on average (default: %(default)g)",
        ),
    ] = 12
    speed: Annotated[
        Number,
        Argument("--speed", metavar="KMH", type=positive, help="speed of vehicles (default: %(default)g)"),
    ] = 40
    patience_minutes: Annotated[
        Number,
        Argument(
            "--patience-minutes",
            metavar="MIN",
            type=positive,
            help="how long people wait at a taken point (default: %(default)g)",
        ),
    ] = 30
    longest_wait_hours: Annotated[
        Number,
        Argument(
            "--longest-wait-hours",
            metavar="H",
            type=positive,
            help="people who would have to wait longer for a charge go elsewhere (default: %(default)g)",
        ),
    ] = 24

    def habits(self) -> Habits:
        return Habits(
            no_shows=self.no_shows / 100,
            late=self.late / 100,
            late_by=timedelta(minutes=self.late_minutes),
            overstaying=self.overstaying / 100,
            overstay=timedelta(minutes=self.overstay_minutes),
            failures=self.failures,
            repair=timedelta(hours=self.repair_hours),
            spread=self.spread,
            ahead=self.ahead / 100,
            ahead_by=timedelta(hours=self.ahead_hours),
            energy=self.energy,
        )

    def conditions(self, zone: tzinfo | None) -> Conditions:
        return Conditions(
            self.speed,
            timedelta(minutes=self.patience_minutes),
            timedelta(hours=self.longest_wait_hours),
            zone,
        )
