"""A legacy client over a plain socket: a connection a request, read until the bytes parse."""

import json
import socket
from datetime import UTC, datetime, tzinfo
from typing import Any

from tests.kit.refusals import NONE, Refused
from tests.kit.target import Target
from tests.kit.waiting import DEADLINE

LISTS = ("receiveAllChargingPoints", "receiveAllReservations")
_DATES = ("startDateTime", "finishDateTime")


class TcpClient:
    """Results are as on MQTT: a list with nothing in it for `None`, dates in UTC with their offset."""

    def __init__(self, target: Target, name: str) -> None:
        self.name = name
        self._target = target

    def close(self) -> None:
        """A connection ends with its request."""

    def ask(self, action: str, **values: Any) -> Any:
        """Raises Refused if the reply is `None`."""
        text = self.text({action: True, **values})
        if text == NONE:
            if action in LISTS:
                return []
            raise Refused(NONE)
        if text == "Sucesso":
            return text
        result = json.loads(text)
        if isinstance(result, list):
            assert result, "a list with nothing in it is `None`"
            return [in_utc(record, self._target.zone) for record in result]
        return in_utc(result, self._target.zone) if isinstance(result, dict) else result

    def text(self, request: bytes | dict[str, Any]) -> str:
        """The reply, unchanged."""
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        with self.connect() as connection:
            connection.sendall(body)
            received = b""
            while data := connection.recv(8192):
                received += data
                if _is_whole(received):
                    break
            return received.decode("ascii")

    def connect(self) -> socket.socket:
        return socket.create_connection((self._target.tcp_host, self._target.tcp_port), DEADLINE)


def in_utc(record: dict[str, Any], zone: tzinfo | None) -> dict[str, Any]:
    """The record with its dates as MQTT has them."""
    dates = {key: datetime.fromisoformat(record[key]) for key in _DATES if key in record}
    assert all(moment.tzinfo is None for moment in dates.values()), "dates on TCP have no offset"
    return record | {
        key: moment.replace(tzinfo=zone).astimezone(UTC).isoformat() for key, moment in dates.items()
    }


def _is_whole(received: bytes) -> bool:
    if received in (b"Sucesso", b"None"):
        return True
    try:
        json.loads(received)
    except ValueError:
        return False
    return True
