"""The audit log: one JSON object per line. Lines are only appended, and never contain a secret."""

import logging
import os
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

log = logging.getLogger(__name__)

AuditEvent: TypeAlias = Literal[
    "accountAdded",
    "accountRemoved",
    "accountSpeaksOcpp",
    "passwordRotated",
    "rightsRefreshed",
    "certificateIssued",
    "stationsTransferred",
    "requestRefused",
    "requestsRefused",
    "serviceStarted",
    "serviceStopped",
]
"""`requestsRefused` counts the refusals of one client and minute that have no line of their own."""


class AuditLog:
    """Appends lines to a file. If that fails, it logs the lost line and does not raise."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def record(self, event: AuditEvent, at: datetime, **details: object) -> None:
        """Appends a line with the time, the event and its details, which must be JSON values."""
        line = msgspec.json.encode({"at": at.isoformat(), "event": event, **details})
        try:
            # One write in append mode: lines of several processes do not mix.
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
            try:
                os.write(descriptor, line + b"\n")
            finally:
                os.close(descriptor)
        except OSError as error:
            log.error(
                "cannot write to the audit log %s: %s; lost: %s", self._file, error.strerror, line.decode()
            )
