"""Topics of Home Assistant's MQTT discovery that tell of stations (docs/guests.md).

To Home Assistant, `recharge` is the name of a node, which means nothing to it. What is below is our own.
"""

import re
from typing import Final, Literal, NamedTuple, TypeAlias

ROOT: Final = "homeassistant"
"""Where Home Assistant looks for devices, unless its own settings name another prefix."""
_NODE: Final = f"{ROOT}/device/recharge"
OWN_TOPICS: Final = f"{_NODE}/+/+"

Kind: TypeAlias = Literal["station", "point", "free"]

_ID: Final = "([1-9][0-9]{0,30})"
_OWN: Final = re.compile(rf"{_NODE}/{_ID}(?:_{_ID})?/(config|state)")


class Subject(NamedTuple):
    """What a message is about: a station, one of its points, or how many of its points are free."""

    kind: Kind
    station_id: int
    point_id: int = 0


def topic_of(subject: Subject) -> str:
    kind, station_id, point_id = subject
    if kind == "point":
        return f"{_NODE}/{station_id}_{point_id}/config"
    return f"{_NODE}/{station_id}/{'config' if kind == 'station' else 'state'}"


def parse(topic: str) -> Subject | None:
    """Returns what a topic of the service's own is about, or None for any other topic."""
    match = _OWN.fullmatch(topic)
    if match is None:
        return None
    station, point, last = match.groups()
    if point is not None:
        return Subject("point", int(station), int(point)) if last == "config" else None
    return Subject("station" if last == "config" else "free", int(station))
