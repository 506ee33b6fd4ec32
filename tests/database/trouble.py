"""What may happen between a service and its database: a statement fails, or something comes between two."""

from collections.abc import Callable
from typing import Any

import psycopg
from msgspec import Struct

from cloud_service.database.connection import Database


class _Plan(Struct):
    """What happens at a statement that has these words in it."""

    words: str
    act: Callable[[], object]
    skipped: int
    after: bool


class Trouble:
    """Opens connections on which the planned things happen, each once."""

    def __init__(self, opened: Callable[..., Database]) -> None:
        self.opened = 0
        """How many connections were asked for."""
        self.statements: list[str] = []
        """All that were sent."""
        self._open = opened
        self._plans: list[_Plan] = []

    @property
    def planned(self) -> int:
        """How much has not happened yet."""
        return len(self._plans)

    def before(self, words: str, act: Callable[[], object], nth: int = 1) -> None:
        """Acts before the nth statement with these words. An exception takes the statement's place."""
        self._plans.append(_Plan(words, act, nth - 1, after=False))

    def after(self, words: str, act: Callable[[], object], nth: int = 1) -> None:
        """The same after it was carried out."""
        self._plans.append(_Plan(words, act, nth - 1, after=True))

    def end(self) -> None:
        """Nothing happens any more."""
        self._plans.clear()

    def connect(self, address: str, **values: Any) -> Any:
        self.opened += 1
        return _Watched(self._open(address, **values), self)

    def happen(self, statement: str, *, after: bool) -> None:
        for plan in list(self._plans):
            if plan.after != after or plan.words not in statement:
                continue
            if plan.skipped:
                plan.skipped -= 1
                continue
            self._plans.remove(plan)
            plan.act()


class _Watched:
    """A connection, as far as a service uses one."""

    def __init__(self, database: Database, trouble: Trouble) -> None:
        self._database = database
        self._trouble = trouble

    def execute(self, statement: Any, *parameters: Any, **options: Any) -> Any:
        text = str(statement)
        self._trouble.statements.append(text)
        self._trouble.happen(text, after=False)
        cursor = self._database.execute(statement, *parameters, **options)
        self._trouble.happen(text, after=True)
        return cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


def fails(error: type[psycopg.Error] = psycopg.OperationalError) -> Callable[[], None]:
    """Raises it where it happens."""

    def fail() -> None:
        raise error("as the test wants it")

    return fail
