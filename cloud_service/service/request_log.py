"""A line in the log for each request."""

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from cloud_service.protocol.incoming import Incoming
from cloud_service.service.engine.answers import Answer

log = logging.getLogger(__name__)


def log_answers(answers: Iterable[Answer], now: datetime) -> None:
    """Logs how requests ended, and how long they took until now. Ignored messages were logged on arrival.

    One record has all the lines: making a record costs several times what a line does.
    """
    if not log.isEnabledFor(logging.INFO):
        return
    timestamp = now.timestamp()
    each = [_line(answer.incoming, answer.outcome, timestamp) for answer in answers if answer.incoming]
    if each:
        log.info("request", extra={"each": each})


def _line(incoming: Incoming, outcome: str, now: float) -> dict[str, Any]:
    line = {
        "action": incoming.action.name,
        "client": incoming.client,
        "request_id": incoming.envelope.request_id,
        "outcome": outcome,
        "milliseconds": round((now - incoming.arrival) * 1000, 1),
    }
    if incoming.traceparent is not None:
        line["traceparent"] = incoming.traceparent
    return line
