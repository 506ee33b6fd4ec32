"""Logs what is refused, at most one line a second with the count: a flood must not fill the log."""

import asyncio
import logging
from typing import Final

log = logging.getLogger(__name__)

LOG_SECONDS: Final = 1.0


class Refusals:
    """Refusals of one kind. The first one has its line at once; those that follow are counted in the next."""

    def __init__(self, message: str) -> None:
        self._message = message
        self._unlogged = 0
        self._client = self._reason = ""
        self._later: asyncio.TimerHandle | None = None

    def note(self, client: str, reason: str) -> None:
        """Takes note of a refusal. A line names the latest client, and the reason that it was given."""
        self._unlogged += 1
        self._client, self._reason = client, reason
        if self._later is None:
            self._log()

    def close(self) -> None:
        """Logs what was not logged yet."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._unlogged:
            self._write()

    def _log(self) -> None:
        self._later = None
        if self._unlogged:
            self._write()
            self._later = asyncio.get_running_loop().call_later(LOG_SECONDS, self._log)

    def _write(self) -> None:
        log.warning(
            self._message,
            extra={"client": self._client, "reason": self._reason, "count": self._unlogged},
        )
        self._unlogged = 0
