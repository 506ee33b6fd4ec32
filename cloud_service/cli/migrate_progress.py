"""How far `recharge migrate` is."""

from rich.console import Console

from cloud_service.language.language import Language
from recharge.terminal.progress import ProgressBar


class RecordProgress(ProgressBar):
    """A bar for records that are copied and compared on a terminal; elsewhere, a line for each tenth."""

    def __init__(self, console: Console, total: int, say: Language) -> None:
        super().__init__(console, say("Copying and comparing"), total)
        self._console = console
        self._total = total
        self._say = say
        self._done = 0

    def advance(self, count: int = 1) -> None:
        """Shows that so many more were copied or compared."""
        tenths = self._tenths()
        self._done += count
        super().advance(count)
        if not self._console.is_terminal and self._tenths() > tenths:
            number = self._say.number
            text = self._say(
                "{done} of {total} steps", done=number(self._done, 0), total=number(self._total, 0)
            )
            self._console.print(text)

    def _tenths(self) -> int:
        return self._done * 10 // max(1, self._total)
