"""The calls to chargers, as each version of OCPP writes them. No network, no clock."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias, get_args

from msgspec import Struct

from cloud_service.ocpp.schemas import Version

CommandName: TypeAlias = Literal["start", "stop", "reset", "unlock", "enable", "disable", "trigger"]
COMMANDS: Final[tuple[str, ...]] = get_args(CommandName)
_WHOLE: Final = 0
"""The connector that is the whole charger."""


class Ask(Struct, frozen=True):
    """A call for a charger."""

    action: str
    payload: Mapping[str, Any]


class Wanted(Struct, frozen=True):
    """What an operator wants. Connector 0 is the whole charger."""

    connector: int = _WHOLE
    tag: str = ""
    transaction: str = ""
    hard: bool = False
    message: str = ""


def write_command(command: str, wanted: Wanted, version: Version) -> Ask | None:
    """The call for a command; None if there is no such command. Raises ValueError if the version cannot
    express it.

    A tag that is too long is not cut, because it would then be another vehicle's.
    """
    longest = _longest_tag(version)
    if command == "start" and len(wanted.tag) > longest:
        raise ValueError(f"a tag of OCPP {version} has {longest} characters at most")
    return _in_16(command, wanted) if version == "1.6" else _in_2(command, wanted)


def reserve(reservation: int, connector: int, tag: str, until: datetime, version: Version) -> Ask:
    """The call that reserves a connector for a tag."""
    if version == "1.6":
        payload = {
            "connectorId": connector,
            "expiryDate": until.isoformat(),
            "idTag": tag[: _longest_tag(version)],
            "reservationId": reservation,
        }
    else:
        payload = {
            "id": reservation,
            "expiryDateTime": until.isoformat(),
            "idToken": _token(tag[: _longest_tag(version)]),
            "evseId": connector,
        }
    return Ask("ReserveNow", payload)


def cancel(reservation: int) -> Ask:
    """The call that cancels a reservation."""
    return Ask("CancelReservation", {"reservationId": reservation})


def _in_16(command: str, wanted: Wanted) -> Ask | None:
    connector = {"connectorId": wanted.connector} if wanted.connector else {}
    match command:
        case "start":
            return Ask("RemoteStartTransaction", {"idTag": wanted.tag, **connector})
        case "stop":
            return Ask("RemoteStopTransaction", {"transactionId": int(wanted.transaction or 0)})
        case "reset":
            return Ask("Reset", {"type": "Hard" if wanted.hard else "Soft"})
        case "unlock":
            return Ask("UnlockConnector", {"connectorId": wanted.connector or 1})
        case "enable" | "disable":
            kind = "Operative" if command == "enable" else "Inoperative"
            return Ask("ChangeAvailability", {"connectorId": wanted.connector, "type": kind})
        case "trigger":
            return Ask("TriggerMessage", {"requestedMessage": wanted.message, **connector})
    return None


def _in_2(command: str, wanted: Wanted) -> Ask | None:
    evse = {"id": wanted.connector} if wanted.connector else None
    somewhere = {} if evse is None else {"evse": evse}
    match command:
        case "start":
            place = {} if evse is None else {"evseId": wanted.connector}
            return Ask(
                "RequestStartTransaction", {"idToken": _token(wanted.tag), "remoteStartId": 1, **place}
            )
        case "stop":
            return Ask("RequestStopTransaction", {"transactionId": wanted.transaction})
        case "reset":
            return Ask("Reset", {"type": "Immediate" if wanted.hard else "OnIdle"})
        case "unlock":
            return Ask("UnlockConnector", {"evseId": wanted.connector or 1, "connectorId": 1})
        case "enable" | "disable":
            status = "Operative" if command == "enable" else "Inoperative"
            return Ask("ChangeAvailability", {"operationalStatus": status, **somewhere})
        case "trigger":
            return Ask("TriggerMessage", {"requestedMessage": wanted.message, **somewhere})
    return None


def _token(tag: str) -> dict[str, str]:
    return {"idToken": tag, "type": "Central"}


def _longest_tag(version: Version) -> int:
    return 20 if version == "1.6" else 36
