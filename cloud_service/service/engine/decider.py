"""Decides requests, one after the other, within a batch."""

import logging
from datetime import datetime

from cloud_service.core.changes import NOTHING
from cloud_service.core.network import Network
from cloud_service.core.view import NetworkUnreadable
from cloud_service.protocol.errors import InternalError, RequestError, StorageFailed, TooLarge
from cloud_service.protocol.incoming import Incoming
from cloud_service.protocol.replies import Outcome, failed, succeeded
from cloud_service.service.engine.batch import Batch
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.deduplication import KnownRequests, repeat, to_record
from cloud_service.service.engine.dispatch import dispatch
from cloud_service.service.engine.handlers import Handlers

log = logging.getLogger(__name__)


class Decider:
    """Has handlers decide on a network, unless deduplication knows the request."""

    def __init__(
        self, network: Network, deduplication: KnownRequests, handlers: Handlers, max_result_bytes: int
    ) -> None:
        self._network = network
        self._deduplication = deduplication
        self._handlers = handlers
        self._max_result_bytes = max_result_bytes

    def decide(self, incoming: Incoming, batch: Batch, now: datetime, may_change: bool) -> Outcome:
        """Decides a request, and adds its changes and its record to the batch.

        Unless `may_change`, requests that would change something are refused with STORAGE.
        """
        action, identity = incoming.action, incoming.identity
        key = None if identity is None else (incoming.client, identity)
        if key is not None:
            known = batch.records.get(key) or self._deduplication.find(*key)
            if known is not None:
                return repeat(known, incoming)
        if action.changes and not may_change:
            return failed(StorageFailed())
        outcome, retryable = self._ask_handler(incoming, batch, now)
        if action.is_remembered and key is not None and not retryable:
            batch.records[key] = to_record(*key, incoming.fingerprint(), outcome)
        return outcome

    def _ask_handler(self, incoming: Incoming, batch: Batch, now: datetime) -> tuple[Outcome, bool]:
        """Returns the outcome, and whether a retry may give a different one."""
        savepoint = batch.savepoint
        try:
            if incoming.error is not None:
                raise incoming.error
            assert incoming.request is not None
            caller = Caller(incoming.client)
            decision = dispatch(incoming.action, self._handlers, self._network, incoming.request, caller, now)
            outcome = succeeded(decision.result)
            if len(outcome.body) > self._max_result_bytes:
                raise TooLarge(f"the result has more than {self._max_result_bytes} bytes")
            if decision.changes is not NOTHING:
                batch.apply(decision.changes)
        except RequestError as error:
            return failed(error), error.retryable
        except NetworkUnreadable:
            raise
        except Exception:
            log.exception("%s of %s could not be decided", incoming.action.name, incoming.client)
            batch.undo_to(savepoint)
            return failed(InternalError()), True
        return outcome, False
