"""Decides requests again, in smaller and smaller portions, as long as other services are first."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from cloud_service.database.errors import Conflict, TookTooLong
from cloud_service.protocol.errors import Busy, InternalError
from cloud_service.protocol.incoming import Incoming
from cloud_service.protocol.replies import failed
from cloud_service.service.database_engine.committed import Committed
from cloud_service.service.database_engine.deciding import Deciding
from cloud_service.service.database_engine.moment import Moment
from cloud_service.service.database_engine.slow_clients import SlowClients
from cloud_service.service.engine.answers import BatchResult, answered, unanswered
from cloud_service.store.errors import StoreError

log = logging.getLogger(__name__)

WHOLE_ATTEMPTS: Final = 3
"""How often a batch that collides with the changes of others is decided as a whole before it is divided."""
LAST_ATTEMPTS: Final = 20
"""How often a single request is decided before it is refused with BUSY."""


class Settling:
    """Answers each request of a batch once. `committed` learns of each transaction."""

    def __init__(self, deciding: Deciding, committed: Callable[[Committed, BatchResult], None]) -> None:
        self._deciding = deciding
        self._committed = committed
        self._slow = SlowClients()

    def settle(self, requests: Sequence[Incoming], moment: Moment, result: BatchResult) -> None:
        """Decides requests. Raises WriteFailed or SyncFailed; what was answered by then is in the result."""
        for portion in self._slow.portions(requests, moment.clients_time):
            self._settle(portion, moment, result)

    def _settle(self, requests: Sequence[Incoming], moment: Moment, result: BatchResult) -> None:
        for _ in range(WHOLE_ATTEMPTS if len(requests) > 1 else LAST_ATTEMPTS):
            requests = unexpired(requests, moment.clients_time, result)
            if not requests:
                return
            try:
                made = self._deciding.attempt(requests, moment, patient=self._slow.concern(requests))
            except Conflict as conflict:
                log.debug("a batch of %d is decided again: %s", len(requests), conflict)
                moment.advance()
            except TookTooLong:
                self._slow.suspect(requests, moment.clients_time)
                raise
            except StoreError:
                raise
            except Exception as error:
                self._handle_fault(error, requests, moment, result)
                return
            else:
                self._commit(made, result)
                if len(made.batch.outcomes) < len(requests):
                    self._settle(requests[len(made.batch.outcomes) :], moment, result)
                return
        if len(requests) == 1:
            log.warning("a request was refused, because others were first %d times", LAST_ATTEMPTS)
            result.answers.append(answered(requests[0], failed(Busy())))
        else:
            self._divide(requests, moment, result)

    def _commit(self, made: Committed, result: BatchResult) -> None:
        self._committed(made, result)
        result.answers += [answered(incoming, outcome) for incoming, outcome in made.batch.outcomes]
        self._slow.acquit([incoming for incoming, _ in made.batch.outcomes])

    def _divide(self, requests: Sequence[Incoming], moment: Moment, result: BatchResult) -> None:
        half = len(requests) // 2
        self._settle(requests[:half], moment, result)
        self._settle(requests[half:], moment, result)

    def _handle_fault(
        self, error: Exception, requests: Sequence[Incoming], moment: Moment, result: BatchResult
    ) -> None:
        """One request causes the failure, whatever it is, and the others must not suffer from it."""
        moment.advance()
        if len(requests) > 1:
            self._divide(requests, moment, result)
            return
        (incoming,) = requests
        log.error("%s of %s could not be decided", incoming.action.name, incoming.client, exc_info=error)
        result.answers.append(answered(incoming, failed(InternalError())))


def unexpired(requests: Sequence[Incoming], now: datetime, result: BatchResult) -> list[Incoming]:
    """The requests that are not answered and have not expired. An expired one gets no reply."""
    done = {id(answer.incoming) for answer in result.answers}
    left = [incoming for incoming in requests if id(incoming) not in done]
    expired = [incoming for incoming in left if incoming.expired(now.timestamp())]
    result.answers += [unanswered(incoming, "expired") for incoming in expired]
    return [incoming for incoming in left if not incoming.expired(now.timestamp())]
