"""The topics below `recharge/v1/`, and the names of those who use them."""

import re
from typing import Final

ROOT: Final = "recharge/v1"
MAX_TOPIC_BYTES: Final = 65_535
MAX_TOPIC_SLASHES: Final = 200
"""Mosquitto cuts off whoever publishes to a topic with more."""

_CLIENT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REQUEST = re.compile(rf"{ROOT}/(?:request|control)/([A-Za-z]+)/([A-Za-z0-9_-]{{1,64}})")
_ID = "([1-9][0-9]{0,30})"
_STATE = re.compile(rf"{ROOT}/state/(?:station/{_ID}|point/{_ID}/{_ID})")


def is_client(name: str) -> bool:
    """Whether an account can have this name."""
    return _CLIENT.fullmatch(name) is not None


def request(action: str, client: str) -> str:
    return f"{ROOT}/request/{action}/{client}"


def control(action: str, client: str) -> str:
    """Where the administrator asks for what is no action of the contract."""
    return f"{ROOT}/control/{action}/{client}"


def parse_request(topic: str) -> tuple[str, str] | None:
    """The action and the client that a request topic names; None for any other topic."""
    match = _REQUEST.fullmatch(topic)
    return (match[1], match[2]) if match else None


def reply(client: str) -> str:
    return f"{ROOT}/reply/{client}"


def may_reply_to(topic: str, client: str) -> bool:
    """Whether the topic is the client's reply topic or lies below it, and can be published to."""
    own = reply(client)
    return (
        (topic == own or topic.startswith(own + "/"))
        and not any(character in topic for character in "+#\0")
        and topic.isprintable()
        and topic.count("/") <= MAX_TOPIC_SLASHES
        and len(topic.encode()) <= MAX_TOPIC_BYTES
    )


def event(client: str, event_type: str) -> str:
    return f"{ROOT}/event/{client}/{event_type}"


def station_state(station_id: int | str) -> str:
    return f"{ROOT}/state/station/{station_id}"


def point_state(station_id: int | str, point_id: int | str) -> str:
    return f"{ROOT}/state/point/{station_id}/{point_id}"


def parse_state(topic: str) -> tuple[int, ...] | None:
    """(station ID,) or (station ID, point ID) of a topic of retained state; None for any other topic."""
    match = _STATE.fullmatch(topic)
    return tuple(int(number) for number in match.groups() if number) if match else None


def presence(client: str) -> str:
    return f"{ROOT}/presence/{client}"


def service(name: str) -> str:
    return f"{ROOT}/service/{name}"
