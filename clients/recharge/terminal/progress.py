"""How far a long work is."""

from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from cloud_service.language.language import Language


class ProgressBar:
    """A bar on a terminal; elsewhere nothing. It has `more` columns; a `transient` one goes at the end."""

    def __init__(
        self, console: Console, title: str, total: int, *more: ProgressColumn, transient: bool = True
    ) -> None:
        self._progress = Progress(
            TextColumn(title),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            *more,
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=transient,
        )
        self._task = self._progress.add_task("", total=total, detail="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def advance(self, count: int = 1) -> None:
        """Shows that so many more are done."""
        self._progress.advance(self._task, count)

    def show(self, done: int, detail: str) -> None:
        """Shows that so many are done in all, and the detail in the columns that have one."""
        self._progress.update(self._task, completed=done, detail=detail)


class StationProgress(ProgressBar):
    """A bar on a terminal; elsewhere, a line for each tenth of the stations."""

    def __init__(self, console: Console, total: int, say: Language) -> None:
        detail = TextColumn("[dim]{task.fields[detail]}")
        super().__init__(console, say("Stations"), total, detail, transient=False)
        self._console = console
        self._total = total
        self._say = say

    def update(self, stations: int, detail: str = "") -> None:
        """Shows that so many stations are done; `detail` stands beside the bar."""
        self.show(stations, detail)
        if not self._console.is_terminal and stations % max(1, self._total // 10) == 0:
            number = self._say.number
            text = self._say(
                "{stations} of {total} stations", stations=number(stations, 0), total=number(self._total, 0)
            )
            self._console.print(text)


class RunProgress(ProgressBar):
    """A bar for runs of a simulation on a terminal; elsewhere nothing."""

    def __init__(self, console: Console, total: int, say: Language) -> None:
        super().__init__(console, say("Runs"), total)
