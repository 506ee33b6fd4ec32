"""What the administrator asks of the service, beside the contract's actions: below `recharge/v1/control/`.

A body and its reply are those of a request. The broker lets the administrator's account alone write there.
"""

from typing import Annotated, Final, TypeAlias

from msgspec import Meta, field

from cloud_service.protocol.requests import Request
from cloud_service.protocol.topics import ROOT

Owner: TypeAlias = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]


class CountStations(Request, frozen=True):
    """How many stations an account owns."""

    action = "countStations"
    changes = False

    owner: Owner


class TransferStations(Request, frozen=True):
    """Hands all stations of one owner to another. The result is their number."""

    action = "transferStations"

    old: Owner = field(name="from")
    new: Owner = field(name="to")


CONTROL_REQUESTS: Final[dict[str, type[Request]]] = {
    request.action: request for request in (CountStations, TransferStations)
}
"""The request class of each action of the administrator's."""


def topic(action: str, client: str) -> str:
    return f"{ROOT}/control/{action}/{client}"
