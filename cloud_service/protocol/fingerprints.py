"""Fingerprints: hashes by which deduplication distinguishes a repeated request from a different one.

Request records keep them on disk: the same request must have the same fingerprint in every version.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from typing import Any, Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from cloud_service.protocol.actions import Action
from cloud_service.protocol.requests import Request
from cloud_service.protocol.roles import DEVICES, roles_of

_VEHICLE_KEYS: Final = ("vid", "vehicleID")
_SIZE_BYTES: Final = 16

_encode = msgspec.json.Encoder().encode


def fingerprint(action: Action, values: Mapping[str, Any]) -> bytes:
    """Hashes the action and the values of its keys. Other keys do not count, and 5 and 5.0 are the same."""
    return _of_known(action, {key: values[key] for key in action.keys if key in values})


def fingerprint_of_request(action: Action, request: Request, client: str) -> bytes:
    """The fingerprint of a valid request, with its vehicle as a text if the action has one.

    It is that of the request's values `with_vehicle`, in half of the time.
    """
    vehicle = getattr(request, "vehicle_id", None)
    if vehicle is UNSET and _is_the_vehicle(action, client):
        request = replace(request, vehicle_id=client)
    elif isinstance(vehicle, int):
        request = replace(request, vehicle_id=str(vehicle))
    return _of_known(action, msgspec.to_builtins(request))


def with_vehicle(action: Action, values: Mapping[str, Any], client: str) -> Mapping[str, Any]:
    """Returns the values with the vehicle as a text, if the action has one.

    7 and "7" are the same vehicle, and an ordinary account that names none is itself the vehicle.
    """
    key = _vehicle_key(action.keys)
    if key is None or (key not in values and not _is_the_vehicle(action, client)):
        return values
    vehicle = _plain(values.get(key, client))
    is_number = isinstance(vehicle, int) and not isinstance(vehicle, bool)
    return {**values, key: str(vehicle) if is_number else vehicle}


def _is_the_vehicle(action: Action, client: str) -> bool:
    """Whether a request of this client that names no vehicle is about the client itself."""
    return "vehicle" in action.roles and roles_of(client) == DEVICES


@cache
def _vehicle_key(keys: tuple[str, ...]) -> str | None:
    return next((key for key in _VEHICLE_KEYS if key in keys), None)


def fingerprint_of_bytes(action: Action, body: bytes) -> bytes:
    """Hashes a body that is not a JSON object, and so has no keys to compare."""
    return _hash(action.name.encode() + b"\n" + body)


def _of_known(action: Action, values: Mapping[str, Any]) -> bytes:
    """Hashes the action and these values, which are in the order of its keys."""
    return _hash(_encode((action.name, [(key, _plain(value)) for key, value in values.items()])))


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _hash(data: bytes) -> bytes:
    return blake2b(data, digest_size=_SIZE_BYTES).digest()
