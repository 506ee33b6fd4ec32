"""Questions to a person at a terminal. An answer that is not understood is asked for again."""

import math
import re
from collections.abc import Callable
from typing import Final, TypeVar

from cloud_service.language.language import Language
from recharge.records import Number
from recharge.terminal.keyboard import Keyboard

QUIT: Final = "q"
MAX_EXACT_INTEGER: Final = 2**53

Answer = TypeVar("Answer")

_NUMBER: Final = re.compile(r"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)


class Quit(Exception):
    """The person wants to end: `q`, or the end of the input."""


class Prompts:
    """Asks on the terminal. `show` prints what would have been understood."""

    def __init__(self, keyboard: Keyboard, say: Language, show: Callable[[str], None]) -> None:
        self._keyboard = keyboard
        self._say = say
        self._show = show

    async def ask(self, question: str, read: Callable[[str], Answer | None], accepted: str) -> Answer:
        """Asks until `read` returns the answer; it returns None for one that it does not understand.

        Raises Quit when the person wants to end.
        """
        while True:
            typed = await self._keyboard.ask(question)
            if typed is None or typed.lower() == QUIT:
                raise Quit
            if (answer := read(typed)) is not None:
                return answer
            self._show(accepted)

    async def agrees(self, question: str) -> bool:
        """Asks for yes or no; an empty answer is yes. Raises Quit."""
        yes, no = self._say("y yes").split(), self._say("n no").split()

        def read(typed: str) -> bool | None:
            word = typed.lower()
            return True if word in ("", *yes) else False if word in no else None

        accepted = self._say("Please answer y or n; q quits")
        return await self.ask(f"{question} {self._say('[Y/n]')} ", read, accepted)

    async def kilometres(self, question: str) -> Number:
        """Asks for a coordinate. Raises Quit."""
        return await self.ask(
            question, read_number, self._say("Please enter a number of kilometres, such as 4.5; q quits")
        )

    async def price(self, question: str) -> Number:
        """Asks for a price. Raises Quit."""

        def read(typed: str) -> Number | None:
            number = read_number(typed)
            return number if number is not None and number >= 0 else None

        return await self.ask(
            question, read, self._say("Please enter a price of 0 or more, such as 0.25; q quits")
        )


def read_number(typed: str) -> Number | None:
    """Reads a finite number, with a decimal point or comma. Returns None for anything else."""
    if not _NUMBER.fullmatch(typed):
        return None
    number = float(typed.replace(",", "."))
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) <= MAX_EXACT_INTEGER else number
