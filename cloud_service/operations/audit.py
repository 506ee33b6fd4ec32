"""The audit log: one JSON object a line, appended and never changed. No secret is ever in it."""

import logging
import os
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

log = logging.getLogger(__name__)

AuditEvent: TypeAlias = Literal[
    "accountAdded",
    "accountRemoved",
    "passwordRotated",
    "rightsRefreshed",
    "certificateIssued",
    "stationsTransferred",
    "requestRefused",
    "requestsRefused",
    "serviceStarted",
    "serviceStopped",
]
"""`requestsRefused` counts, for one client, those of a minute that have no line of their own."""

_REFUSALS_PER_MINUTE: Final = 10
_MINUTE: Final = timedelta(minutes=1)


class AuditLog:
    """Appends to its file. Where that fails, the log tells what should be there, and the caller goes on."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def record(self, event: AuditEvent, at: datetime, **details: object) -> None:
        line = msgspec.json.encode({"at": at.isoformat(), "event": event, **details})
        try:
            # One write to a file opened for appending: lines of several processes do not mix.
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
            try:
                os.write(descriptor, line + b"\n")
            finally:
                os.close(descriptor)
        except OSError as error:
            log.error(
                "cannot write to the audit log %s: %s; lost: %s", self._file, error.strerror, line.decode()
            )


class RefusalAudit:
    """Refused requests in the audit log: of thousands in a minute a few have a line, the rest is counted."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit
        self._counts: Counter[str] = Counter()
        self._until: datetime | None = None

    def refused(self, at: datetime, client: str, action: str, code: str) -> None:
        """A request that this client had no right to, or that could not be read for what it claimed to be."""
        self.flush(at)
        self._counts[client] += 1
        if self._counts[client] <= _REFUSALS_PER_MINUTE:
            self._audit.record("requestRefused", at, client=client, action=action, code=code)

    def flush(self, at: datetime) -> None:
        """Ends the minute where it has passed: counts what had no line."""
        if self._until is not None and at < self._until:
            return
        for client, count in self._counts.items():
            if count > _REFUSALS_PER_MINUTE:
                more = count - _REFUSALS_PER_MINUTE
                self._audit.record("requestsRefused", at, client=client, more=more)
        self._counts.clear()
        self._until = at + _MINUTE
