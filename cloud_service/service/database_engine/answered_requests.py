"""Which requests of a batch were answered before, by any service."""

from collections.abc import Sequence

from cloud_service.database.reading import Reader
from cloud_service.protocol.incoming import Incoming
from cloud_service.store.journal import RequestRecord


class AnsweredRequests:
    """The records of the requests that were answered before."""

    def __init__(self, reader: Reader, requests: Sequence[Incoming]) -> None:
        keys = [(each.client, each.identity) for each in requests if each.identity is not None]
        self._records = reader.answered(keys) if keys else {}

    def find(self, client: str, identity: str) -> RequestRecord | None:
        return self._records.get((client, identity))
