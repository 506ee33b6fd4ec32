"""A line in the log for each request."""

import asyncio
import logging
from typing import Any, TypeAlias

log = logging.getLogger(__name__)

Line: TypeAlias = dict[str, Any]


class RequestLog:
    """Logs requests. Those that end in one turn of the loop have one record, which costs more than a line."""

    def __init__(self) -> None:
        self._ended: list[Line] = []

    def note(self, line: Line) -> None:
        """Logs how a request has ended, before the next turn of the loop."""
        if not self._ended:
            asyncio.get_running_loop().call_soon(self._write)
        self._ended.append(line)

    def _write(self) -> None:
        ended, self._ended = self._ended, []
        log.info("request", extra=ended[0] if len(ended) == 1 else {"each": ended})
