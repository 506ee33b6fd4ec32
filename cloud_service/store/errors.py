"""How the store fails."""

from typing import Final

from cloud_service.language.text import Text, TextError

RESTORE: Final = Text("Restore the folder from a backup, or ask for help and attach this file")


class StoreError(TextError):
    """The store could not do what it was asked."""


class WriteFailed(StoreError):
    """The write failed. Nothing was changed; the next write may succeed."""


class SyncFailed(StoreError):
    """The disk did not confirm a write. Only Store.load can find out what is on disk."""


class DamagedStore(StoreError):
    """A file is not what the service wrote, and guessing could lose data.

    The text names the file, the place in it, the problem, and what to do.
    """

    def __init__(self, where: str, offset: int | None, problem: Text, advice: Text) -> None:
        place = where if offset is None else Text("{file}, byte {offset}", file=where, offset=offset)
        super().__init__("{place}: {problem}. {advice}", place=place, problem=problem, advice=advice)
