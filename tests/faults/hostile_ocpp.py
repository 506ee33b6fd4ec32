"""What a hostile charger sends over OCPP: broken, deep, huge, of wrong types, and in the wrong order."""

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

from cloud_service.ocpp.schemas import Version

_CALL: Final = 2
_TIME: Final = "2026-03-01T12:00:00Z"
_ENERGY: Final = [{"timestamp": _TIME, "sampledValue": [{"value": "1500", "unit": "Wh"}]}]
_V16: Final[Mapping[str, Mapping[str, Any]]] = {
    "BootNotification": {"chargePointVendor": "Maker", "chargePointModel": "One"},
    "Heartbeat": {},
    "StatusNotification": {"connectorId": 1, "status": "Available", "errorCode": "NoError"},
    "Authorize": {"idTag": "tag"},
    "StartTransaction": {"connectorId": 1, "idTag": "tag", "meterStart": 0, "timestamp": _TIME},
    "MeterValues": {"connectorId": 1, "transactionId": 1, "meterValue": _ENERGY},
    "StopTransaction": {"transactionId": 1, "meterStop": 2000, "timestamp": _TIME},
    "DataTransfer": {"vendorId": "Maker", "data": "x"},
    "FirmwareStatusNotification": {"status": "Idle"},
}
_V2: Final[Mapping[str, Mapping[str, Any]]] = {
    "BootNotification": {"chargingStation": {"vendorName": "Maker", "model": "One"}, "reason": "PowerUp"},
    "Heartbeat": {},
    "StatusNotification": {
        "timestamp": _TIME,
        "connectorStatus": "Available",
        "evseId": 1,
        "connectorId": 1,
    },
    "Authorize": {"idToken": {"idToken": "tag", "type": "Central"}},
    "TransactionEvent": {
        "eventType": "Started",
        "timestamp": _TIME,
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "one"},
        "evse": {"id": 1},
        "idToken": {"idToken": "tag", "type": "Central"},
        "meterValue": [{"timestamp": _TIME, "sampledValue": [{"value": 1500}]}],
    },
    "MeterValues": {"evseId": 1, "meterValue": _ENERGY},
    "NotifyEvent": {
        "generatedAt": _TIME,
        "seqNo": 0,
        "eventData": [{"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "x"}}],
    },
    "ReservationStatusUpdate": {"reservationId": 1, "reservationUpdateStatus": "Expired"},
}
_KINDS: Final = ("Started", "Updated", "Ended")
_ODD: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    0,
    2**63 - 1,
    -(2**63),
    1e300,
    "",
    "x" * 5_000,
    "\u0000\u202e",
    "12",
    [],
    {},
    [[[]]],
    {"value": {}},
    [None, 1, "x"],
)
_NUMBERS: Final = ("1e400", "NaN", "-Infinity", "9" * 5_000, "0x10", "01", "1e-400")


class HostileFrames:
    """Frames of one charger. A random generator of the same seed makes the same ones."""

    def __init__(self, random: Random, version: Version) -> None:
        self._random = random
        self._sound = _V16 if version == "1.6" else _V2
        self._kinds: tuple[Callable[[], str | bytes], ...] = (
            self._call,
            self._call,
            self._wrong_types,
            self._wrong_types,
            self._broken,
            self._deep,
            self._huge,
            self._odd_number,
            self._out_of_order,
        )

    def next(self) -> str | bytes:
        """One message."""
        return self._random.choice(self._kinds)()

    def _call(self) -> str:
        """As the schema has it; the events of a transaction come in any order."""
        action, payload = self._payload()
        return self._framed(action, payload)

    def _wrong_types(self) -> str:
        action, payload = self._payload()
        for _ in range(self._random.randint(1, 3)):
            payload = self._spoilt(payload)
        return self._framed(action, payload)

    def _broken(self) -> str | bytes:
        text = self._call()
        begin, end = sorted(self._random.randrange(len(text) + 1) for _ in range(2))
        cut = self._random.choice((text[:end], text[begin:], text[:begin] + text[end:], text + text, ""))
        return self._random.choice((cut, cut.encode() + b"\xff", bytes(self._random.randbytes(40))))

    def _deep(self) -> str:
        """Deeper than a reader may go, or nearly as deep."""
        depth = self._random.choice((50, 300, 900, 990, 1_100, 30_000))
        opening, closing = self._random.choice((("[", "]"), ('{"x":', "}")))
        value = opening * depth + "1" + closing * depth
        if self._random.random() < 0.5:
            return value
        action, _ = self._payload()
        return f'[{_CALL},"{self._id()}","{action}",{{"data":{value}}}]'

    def _huge(self) -> str:
        """Nearly as large as a message may be; now and then larger, which ends the connection."""
        action, payload = self._payload()
        size = 200_000 if self._random.random() < 0.1 else 100_000
        if self._random.random() < 0.5:
            return self._framed(action, {**payload, "data": "x" * size})
        return self._framed(action, {**payload, **{f"key{number}": number for number in range(size // 20)}})

    def _odd_number(self) -> str:
        action, payload = self._payload()
        key = self._random.choice([*payload, "data"])
        members = {**payload, key: "@"}
        return self._framed(action, members).replace('"@"', self._random.choice(_NUMBERS))

    def _out_of_order(self) -> str:
        """Answers to what nobody has asked, types that there are not, IDs that are none or used again."""
        name: Any = self._random.choice((self._id(), "the same", "", 7, 10**18, None, [], {}))
        kind: Any = self._random.choice((2, 3, 4, 5, -1, "2", None, [], 2.0))
        action: Any = self._random.choice((*self._sound, "Dance", "../../x", "", "x" * 300, None, 5))
        rest: list[Any] = [action, self._random.choice(({}, [], None, {"status": "Accepted"}))]
        return json.dumps([kind, name, *rest][: self._random.randint(0, 4)])

    def _payload(self) -> tuple[str, dict[str, Any]]:
        action = self._random.choice(list(self._sound))
        payload = dict(self._sound[action])
        if action == "TransactionEvent":
            payload["eventType"] = self._random.choice(_KINDS)
        if "transactionId" in payload:
            payload["transactionId"] = self._random.choice((1, -1, 0, 2**31))
        return action, payload

    def _spoilt(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """With one member that is wrong, missing or too many, at any depth."""
        keys = [*payload, "extra"]
        key = self._random.choice(keys)
        value = payload.get(key)
        if isinstance(value, dict) and self._random.random() < 0.7:
            return {**payload, key: self._spoilt(value)}
        if isinstance(value, list) and value and isinstance(value[0], dict) and self._random.random() < 0.7:
            return {**payload, key: [self._spoilt(value[0])] * self._random.choice((1, 2, 300))}
        if self._random.random() < 0.2:
            return {name: each for name, each in payload.items() if name != key}
        return {**payload, key: self._random.choice(_ODD)}

    def _framed(self, action: str, payload: Mapping[str, Any]) -> str:
        return json.dumps([_CALL, self._id(), action, payload])

    def _id(self) -> str:
        return f"id-{self._random.randrange(1_000)}"
