"""The topics below `recharge/v1/` (docs/mqtt.md, Topics)."""

import re
from typing import Final

from cloud_service.protocol.roles import NAME_PATTERN

ROOT: Final = "recharge/v1"
SHARE: Final = "$share/recharge"
"""The group of the services, in MQTT's terms of shared subscriptions."""
REQUESTS: Final = f"{ROOT}/request/"
"""With this begins the topic of a request, unless only the administrator may send it."""
MAX_TOPIC_BYTES: Final = 65_535
MAX_TOPIC_SLASHES: Final = 200
"""Mosquitto disconnects a client that publishes to a topic with more."""

_REQUEST = re.compile(rf"{ROOT}/(?:request|control)/([A-Za-z]+)/({NAME_PATTERN})")
_ID = "([1-9][0-9]{0,30})"
_STATE = re.compile(rf"{ROOT}/state/(?:station/{_ID}|point/{_ID}/{_ID})")
_PRESENCE = re.compile(rf"{ROOT}/presence/({NAME_PATTERN})")
_SERVICE = re.compile(rf"{ROOT}/service/([^/]+)")


def request(action: str, client: str) -> str:
    return f"{ROOT}/request/{action}/{client}"


def control(action: str, client: str) -> str:
    """Where the administrator sends requests that only it may send."""
    return f"{ROOT}/control/{action}/{client}"


def shared(topic: str) -> str:
    """What each of several services subscribes to, so that a message on this topic goes to one of them."""
    return f"{SHARE}/{topic}"


def parse_request(topic: str) -> tuple[str, str] | None:
    """Returns the action and the client that a request topic names, or None for any other topic."""
    match = _REQUEST.fullmatch(topic)
    return (match[1], match[2]) if match else None


def reply(client: str) -> str:
    return f"{ROOT}/reply/{client}"


def may_reply_to(topic: str, client: str) -> bool:
    """Whether the topic is the client's reply topic or below it, and can be published to."""
    own = reply(client)
    return (
        (topic == own or topic.startswith(own + "/"))
        and "+" not in topic
        and "#" not in topic
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
    """Returns (station ID,) or (station ID, point ID) of a topic of retained state, or None for any other."""
    match = _STATE.fullmatch(topic)
    return tuple(int(number) for number in match.groups() if number) if match else None


def presence(client: str) -> str:
    return f"{ROOT}/presence/{client}"


def parse_presence(topic: str) -> str | None:
    """Returns the client of a presence topic, or None for any other."""
    match = _PRESENCE.fullmatch(topic)
    return match[1] if match else None


def service(name: str) -> str:
    return f"{ROOT}/service/{name}"


def parse_service(topic: str) -> str | None:
    """Returns the process of a topic on which processes say that they are online, or None for any other."""
    match = _SERVICE.fullmatch(topic)
    return match[1] if match else None
