"""How the store fails."""


class StoreError(Exception):
    """The store could not do what it was asked."""


class WriteFailed(StoreError):
    """The disk took no write. Nothing was changed; the next one may succeed."""


class SyncFailed(StoreError):
    """The disk did not confirm a write. Only reading it anew tells what is there."""


class DamagedStore(StoreError):
    """A file is not what the service wrote, and guessing would be worse than stopping."""

    def __init__(self, where: str, offset: int | None, problem: str, advice: str) -> None:
        place = where if offset is None else f"{where}, byte {offset}"
        super().__init__(f"{place}: {problem}. {advice}")
