"""How far `recharge migrate` is."""

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cloud_service.language.language import Language


class RecordProgress:
    """A bar for records that are copied and compared on a terminal; elsewhere, a line for each tenth."""

    def __init__(self, console: Console, total: int, say: Language) -> None:
        self._console = console
        self._total = total
        self._say = say
        self._done = 0
        self._progress = Progress(
            TextColumn(say("Copying and comparing")),
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

    def advance(self, count: int) -> None:
        """Shows that so many more were copied or compared."""
        tenths = self._tenths()
        self._done += count
        self._progress.advance(self._task, count)
        if not self._console.is_terminal and self._tenths() > tenths:
            number = self._say.number
            text = self._say(
                "{done} of {total} steps", done=number(self._done, 0), total=number(self._total, 0)
            )
            self._console.print(text)

    def _tenths(self) -> int:
        return self._done * 10 // max(1, self._total)
