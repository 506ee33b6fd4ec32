"""Checks the arguments of Charger and Vehicle, so that a mistake is named at once and not after a timeout."""

import math
import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final, TypeGuard

from cloud_service.language.text import TextError
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.protocol.roles import is_account_name

_HOST_NAME: Final = re.compile(r"[^\s/'\"\[\]@:,;]+")
_VEHICLE_ID: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,128}")


class InvalidArgument(TextError, ValueError):
    """An argument has a value that cannot be used. The text names the argument and what it may be."""


def check_choice(argument: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise InvalidArgument(
            "{argument} must be one of {choices}, not {value!r}",
            argument=argument,
            choices=", ".join(choices),
            value=value,
        )


def check_account(name: object) -> None:
    if not isinstance(name, str) or not is_account_name(name):
        raise InvalidArgument(
            "not an account name: {name!r} (1 to 64 characters: A-Z, a-z, 0-9, _ and -)", name=name
        )


def check_vehicle_id(argument: str, value: object) -> None:
    integer = _is_integer(value) and len(str(value)) <= 128
    if not integer and not (isinstance(value, str) and _VEHICLE_ID.fullmatch(value)):
        raise InvalidArgument(
            "{argument} must be an integer or a text of 1 to 128 characters without control characters,"
            " not {value!r:.60}",
            argument=argument,
            value=value,
        )


def check_broker(broker: object) -> None:
    if not isinstance(broker, BrokerAddress):
        raise InvalidArgument(
            "broker must be a BrokerAddress, such as BrokerAddress('host', 1883), not {broker!r}",
            broker=broker,
        )
    check_address("broker", broker.host, broker.port)


def check_address(argument: str, host: object, port: object) -> None:
    if not isinstance(host, str) or not (_HOST_NAME.fullmatch(host) or _is_address(host)):
        raise InvalidArgument(
            "the host of {argument} must be a host name or an address, such as broker.example.org,"
            " 192.0.2.1 or ::1, not {host!r}",
            argument=argument,
            host=host,
        )
    if not _is_integer(port) or not 1 <= port <= 65_535:
        raise InvalidArgument(
            "the port of {argument} must be an integer from 1 to 65535, not {port!r}",
            argument=argument,
            port=port,
        )


def check_seconds(argument: str, value: object) -> None:
    if not (isinstance(value, float) or _is_integer(value)) or not 0 < value < math.inf:
        raise InvalidArgument(
            "{argument} must be a number of seconds above 0, not {value!r}", argument=argument, value=value
        )


def check_count(argument: str, value: object) -> None:
    if not _is_integer(value) or value < 1:
        raise InvalidArgument(
            "{argument} must be an integer from 1, not {value!r}", argument=argument, value=value
        )


def check_client_id(value: object) -> None:
    if value is not None and (not isinstance(value, str) or not value):
        raise InvalidArgument(
            "client_id must be a text that is not empty, or None, not {value!r}", value=value
        )


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
