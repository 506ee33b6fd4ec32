"""Bodies that nobody should send: broken, deep, huge, ambiguous, in other encodings, and almost right."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from cloud_service.gateway.translation import read_request
from cloud_service.protocol import topics
from cloud_service.protocol.actions import CLIENT_ACTIONS
from cloud_service.protocol.errors import RequestError

OTHERS_STATION, OWN_STATION, OWN_POINT = 1, 2, 1
_SOUND: dict[str, Any] = {
    "limit": 100,
    "offset": 0,
    "x_position": 1,
    "y_position": 2.5,
    "chargingStationID": OWN_STATION,
    "chargingPointID": OWN_POINT,
    "reservationID": 1,
    "power": 22,
    "kWhPrice": 1,
    "availability": "livre",
    "vid": "fuzzer",
    "vehicleID": "fuzzer",
    "x": 0,
    "y": 0,
    "actualBatteryPercentage": 50,
    "batteryCapacity": 40,
    "name": "Town hall",
    "address": "1 Main Street",
    "connector": "IEC_62196_T2",
    "operational": True,
    "tariff": [{"kWhPrice": 0.5, "start_time": "22:00", "end_time": "06:00", "day_of_week": ["MONDAY"]}],
    "hours": 1,
    "energy": 7.5,
    "startDateTime": "2026-03-01T12:00:00Z",
    "finishDateTime": "2026-03-01T13:00:00Z",
    "objective": "nearest",
    "speed": 60,
    "range": 1000,
    "maxDistance": 1000,
    "minPower": 1,
    "maxPrice": 10,
    "notBefore": "2026-03-01T12:00:00Z",
    "flexible": False,
    "offers": 3,
}
_HARMLESS: dict[str, dict[str, Any]] = {
    "newChargingPoint": {"chargingStationID": OTHERS_STATION},
    "deleteChargingStation": {"chargingStationID": OTHERS_STATION},
    "deleteChargingPoint": {"chargingPointID": OWN_POINT + 1},
}
"""Requests that would delete or bloat the fuzzer's own station name another's instead."""
_NUMBERS = (
    b"1e999", b"-1e999", b"NaN", b"Infinity", b"-Infinity", b"1e308", b"-0", b"-0.0", b"5e-324", b"1" * 400,
    b"9" * 5000, b"0x10", b"01", b"1.", b".5", b"1e", b"--1", b"9007199254740993", b"18446744073709551616",
)  # fmt: skip
_TEXTS = (
    b'"\\ud800"', b'"\\udfff\\ud800"', b'"\\u0000"', b'"\x00"', b'"\xff\xfe"', b'"\xc0\x80"',
    b'"\xed\xa0\x80"', b'"' + b"x" * 129 + b'"',
    b'""', b'"\\x41"', b'"\n"', b'"\xf4\x90\x80\x80"', b'"+"', b'"#"', b'"../.."',
)  # fmt: skip
_OTHERS = (b"null", b"true", b"[]", b"{}", b"[[[[]]]]", b'{"a":{"b":{}}}', b"")


class Hostile:
    """Makes one body after the other, the same for the same seed.

    `named` is for raw TCP: the body names its action.
    """

    def __init__(self, random: Random, *, named: bool = False) -> None:
        self._random = random
        self._named = named
        self._kinds: list[Callable[[str], bytes]] = [
            self._strange_value,
            self._strange_value,
            self._mutated,
            self._mutated,
            self._duplicate,
            self._deep,
            self._missing,
            self._encoded,
            self._noise,
            self._envelope,
            self._large,
        ]

    def action(self) -> str:
        return self._random.choice(list(CLIENT_ACTIONS))

    def body(self, action: str) -> bytes:
        return self._random.choice(self._kinds)(action)

    def sound_body(self, action: str) -> bytes:
        """One that is as it should be."""
        return self._object(self._values(action))

    def topic(self, action: str, client: str) -> str:
        """A request's topic; now and then one that is none of ours."""
        if self._random.random() < 0.9:
            return topics.request(action, client)
        strange = (
            f"{topics.ROOT}/request/{action}",
            f"{topics.ROOT}/request/{action}/{client}/more",
            f"{topics.ROOT}/request/{action.upper()}/{client}",
            f"{topics.ROOT}/request/{action}/{'x' * 65}",
            f"{topics.ROOT}/request/{action}/ção",
            f"{topics.ROOT}/request//{client}",
            f"{topics.ROOT}/reply/cloud_service/nothing",
            f"{topics.ROOT}/nothing",
        )
        return self._random.choice(strange)

    def _values(self, action: str) -> dict[str, bytes]:
        sound = _SOUND | _HARMLESS.get(action, {})
        name = {action: b"true"} if self._named else {}
        return name | {key: json.dumps(sound[key]).encode() for key in CLIENT_ACTIONS[action].keys}

    def _object(self, values: dict[str, bytes]) -> bytes:
        return b"{" + b",".join(b'"%s":%s' % (key.encode(), value) for key, value in values.items()) + b"}"

    def _strange_value(self, action: str) -> bytes:
        values = self._values(action)
        strange = self._random.choice((_NUMBERS, _TEXTS, _OTHERS))
        values[self._random.choice(list(values))] = self._random.choice(strange)
        return self._object(values)

    def _mutated(self, action: str) -> bytes:
        body = bytearray(self._object(self._values(action)))
        for _ in range(self._random.randint(1, 4)):
            at = self._random.randrange(len(body))
            choice = self._random.randrange(3)
            if choice == 0:
                body[at] = self._random.randrange(256)
            elif choice == 1:
                del body[at : at + self._random.randint(1, 8)]
            else:
                body[at:at] = self._random.randbytes(self._random.randint(1, 8))
            if not body:
                break
        return bytes(body)

    def _duplicate(self, action: str) -> bytes:
        values = self._values(action)
        key = self._random.choice(list(values))
        return self._object(values)[:-1] + b',"%s":%s}' % (key.encode(), values[key])

    def _deep(self, action: str) -> bytes:
        depth = self._random.choice((31, 32, 33, 100, 1_000, 30_000))
        opening, closing = self._random.choice(((b"[", b"]"), (b'{"a":', b"}")))
        value = opening * depth + b"1" + (closing * depth if self._random.random() < 0.8 else b"")
        return self._object({**self._values(action), "extra": value})

    def _missing(self, action: str) -> bytes:
        values = self._values(action)
        values.pop(self._random.choice(list(values)))
        return self._object(values)

    def _encoded(self, action: str) -> bytes:
        text = self._object(self._values(action)).decode()
        return text.encode(
            self._random.choice(("utf-16", "utf-32", "utf-7", "utf-8-sig", "utf-16-le", "cp037"))
        )

    def _noise(self, action: str) -> bytes:
        return self._random.randbytes(self._random.randint(0, 200))

    def _envelope(self, action: str) -> bytes:
        key = self._random.choice(("requestID", "replyTo", "expiresAt"))
        value = self._random.choice(_NUMBERS + _TEXTS + _OTHERS)
        return self._object({**self._values(action), key: value})

    def _large(self, action: str) -> bytes:
        if self._random.random() < 0.9:
            return self._missing(action)
        size = self._random.choice((65_000, 65_536, 65_537, 100_000))
        return self._object({**self._values(action), "extra": b'"' + b"x" * size + b'"'})


def is_request(body: bytes) -> bool:
    """Whether the gateway would hand it on to the service."""
    try:
        read_request(body)
    except RequestError:
        return False
    return True
