"""A line in the log for each request."""

import logging
from datetime import datetime

from cloud_service.service.engine.answers import Answer

log = logging.getLogger(__name__)


def log_answer(answer: Answer, now: datetime) -> None:
    """Logs how a request ended, and how long it took until now. Ignored messages were logged on arrival."""
    incoming = answer.incoming
    if incoming is None:
        return
    fields = {
        "action": incoming.action.name,
        "client": incoming.client,
        "request_id": incoming.envelope.request_id,
        "outcome": answer.outcome,
        "milliseconds": round((now.timestamp() - incoming.arrival) * 1000, 1),
    }
    if incoming.traceparent is not None:
        fields["traceparent"] = incoming.traceparent
    log.info("request", extra=fields)
