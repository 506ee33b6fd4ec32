"""How far a long work on stations is."""

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cloud_service.language.language import Language


class StationProgress:
    """A bar on a terminal; elsewhere, a line for each tenth of the stations."""

    def __init__(self, console: Console, total: int, say: Language) -> None:
        self._console = console
        self._total = total
        self._say = say
        self._progress = Progress(
            TextColumn(say("Stations")),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("[dim]{task.fields[detail]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=total, detail="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, stations: int, detail: str = "") -> None:
        """Shows that so many stations are done; `detail` stands beside the bar."""
        self._progress.update(self._task, completed=stations, detail=detail)
        if not self._console.is_terminal and stations % max(1, self._total // 10) == 0:
            number = self._say.number
            text = self._say(
                "{stations} of {total} stations", stations=number(stations, 0), total=number(self._total, 0)
            )
            self._console.print(text)


class RunProgress:
    """A bar for runs of a simulation on a terminal; elsewhere nothing."""

    def __init__(self, console: Console, total: int, say: Language) -> None:
        self._progress = Progress(
            TextColumn(say("Runs")),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def advance(self) -> None:
        """Shows that one more run is done."""
        self._progress.advance(self._task)
