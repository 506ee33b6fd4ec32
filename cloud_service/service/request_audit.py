"""What requests leave in the audit log: changes of ownership, and refusals."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from cloud_service.accounts.audit_log import AuditLog
from cloud_service.protocol import topics
from cloud_service.protocol.errors import Forbidden
from cloud_service.protocol.replies import decode_reply
from cloud_service.protocol.requests import TransferStations
from cloud_service.service.engine.answers import Answer

_REFUSALS_PER_MINUTE: Final = 10
_MINUTE: Final = timedelta(minutes=1)


class RequestAudit:
    """Writes to the audit log.

    In each minute, the first refusals of a client have a line each and the others are counted, so that no
    client can fill the disk.
    """

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit
        self._counts: Counter[str] = Counter()
        self._until: datetime | None = None

    def note(self, answer: Answer, at: datetime) -> None:
        """Takes an answer that was given at this time."""
        incoming = answer.incoming
        if incoming is None:
            action, client = topics.parse_request(answer.topic) or ("", answer.topic[:200])
            self._refuse(at, client, action, "ignored")
        elif answer.outcome == Forbidden.code:
            self._refuse(at, incoming.client, incoming.action.name, answer.outcome)
        elif isinstance(request := incoming.request, TransferStations) and answer.reply:
            details = {"by": incoming.client, "from": request.old, "to": request.new}
            count = decode_reply(answer.reply.payload).result
            self._audit.record("stationsTransferred", at, **details, outcome=answer.outcome, count=count)

    def flush(self, at: datetime) -> None:
        """Writes the counts, if the minute has passed."""
        if self._until is None or at >= self._until:
            self.close(at)
            self._until = at + _MINUTE

    def close(self, at: datetime) -> None:
        """Writes the counts of refusals that have no line."""
        for client, count in self._counts.items():
            if count > _REFUSALS_PER_MINUTE:
                more = count - _REFUSALS_PER_MINUTE
                self._audit.record("requestsRefused", at, client=client, more=more)
        self._counts.clear()

    def _refuse(self, at: datetime, client: str, action: str, code: str) -> None:
        self.flush(at)
        self._counts[client] += 1
        if self._counts[client] <= _REFUSALS_PER_MINUTE:
            self._audit.record("requestRefused", at, client=client, action=action, code=code)
