"""Pages of lists: `limit` and `offset` (contract, section 5)."""

from collections.abc import Sequence
from typing import TypeVar

from msgspec import UNSET

from cloud_service.protocol.requests import ReceiveAllChargingPoints, ReceiveAllReservations

Record = TypeVar("Record")


def page(
    records: Sequence[Record], request: ReceiveAllChargingPoints | ReceiveAllReservations
) -> Sequence[Record]:
    """Returns the part of a list that a request asks for; all of it without a limit and an offset."""
    first = 0 if request.offset is UNSET else request.offset
    return records[first:] if request.limit is UNSET else records[first : first + request.limit]
