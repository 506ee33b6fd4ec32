"""The screens of the client commands: lines, a battery, a table, a question."""

from datetime import datetime
from typing import Final, Self

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cloud_service.language.language import Language
from recharge.errors import OutcomeUnknown, RequestError
from recharge.simulator.car import Car
from recharge.simulator.observer import Activity, Booked, DriverQuits, Offered, Progress, Question, Report
from recharge.simulator.registration import RegisteredStation
from recharge.terminal import wording
from recharge.terminal.keyboard import Keyboard
from recharge.terminal.prompts import Prompts, Quit
from recharge.terminal.tables import booking_table, offers_table, station_line

BATTERY_STEP_PERCENT: Final = 10
"""Without a terminal, the battery is reported in steps of this size."""
MAX_BAR_WIDTH: Final = 40
MIN_BAR_WIDTH: Final = 8
TEXTS_WIDTH: Final = 50
"""Columns beside the bar."""


class Lines:
    """One line for each report: the time, the name of the participant if there are several, the text."""

    def __init__(self, console: Console, say: Language, name: str = "") -> None:
        self._console = console
        self._say = say
        self._name = name

    def tell(self, text: str) -> None:
        line = Text(f"{datetime.now().astimezone():%H:%M:%S}  ", style="dim", end="")
        line.append(f"{self._name}  " if self._name else "", style="not dim bold cyan")
        line.append(text, style="not dim")
        self._console.print(line, soft_wrap=not self._console.is_terminal)

    def report(self, report: Report) -> None:
        self.tell(wording.describe(report, self._say))

    def registered(self, station: RegisteredStation) -> None:
        self.tell(station_line(station, self._say))

    def failed(self, error: RequestError | OutcomeUnknown | ConnectionError) -> None:
        self.tell(wording.describe_failure(error, self._say))

    def progress(self, progress: Progress) -> None:
        """Shows nothing: only reports become lines."""

    async def agrees(self, question: Question, car: Car) -> bool:
        """Returns True: nobody is asked."""
        return True


class PlainScreen(Lines):
    """Lines for output that is not a terminal, with one line for each ten percent of the battery."""

    def __init__(self, console: Console, say: Language) -> None:
        super().__init__(console, say)
        self._shown: tuple[Activity, int] | None = None

    def progress(self, progress: Progress) -> None:
        now = progress.activity, int(progress.car.battery // BATTERY_STEP_PERCENT)
        if now != self._shown:
            self._shown = now
            activity = wording.describe_activity(progress.activity, self._say)
            battery = self._say.number(progress.car.battery, 0)
            self.tell(self._say("{activity}: battery at {battery}%", activity=activity, battery=battery))


class TerminalScreen(Lines):
    """`with TerminalScreen(...)`: lines above a battery that drains and fills. Asks if it has a keyboard."""

    def __init__(self, console: Console, say: Language, keyboard: Keyboard | None) -> None:
        super().__init__(console, say)
        self._prompts = None if keyboard is None else Prompts(keyboard, say, self._show)
        self._live = Live(console=console, transient=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def report(self, report: Report) -> None:
        if isinstance(report, Booked):
            self._console.print(booking_table(report, self._say))
        elif isinstance(report, Offered):
            self._console.print(offers_table(report.offers, self._say))
        else:
            super().report(report)

    def progress(self, progress: Progress) -> None:
        battery = progress.car.battery
        width = max(MIN_BAR_WIDTH, min(MAX_BAR_WIDTH, self._console.width - TEXTS_WIDTH))
        row = Table.grid(padding=(0, 1))
        row.add_column(min_width=22, no_wrap=True)
        row.add_row(
            wording.describe_activity(progress.activity, self._say),
            ProgressBar(total=100, completed=battery, width=width, complete_style=_colour(battery)),
            f"{self._say.number(battery, 0):>3}%",
            Text(wording.describe_rest(progress, self._say), style="dim", no_wrap=True),
        )
        self._live.update(row, refresh=True)

    async def agrees(self, question: Question, car: Car) -> bool:
        if self._prompts is None:
            return True
        self._live.update("", refresh=True)
        self._live.stop()
        try:
            return await self._prompts.agrees(wording.ask(question, car, self._say))
        except Quit:
            raise DriverQuits from None
        finally:
            self._live.start()

    def _show(self, text: str) -> None:
        self._console.print(text, style="dim")


def _colour(battery: float) -> str:
    if battery > 50:
        return "green"
    return "yellow" if battery > 25 else "red"
