"""The versions of MQTT that clients speak."""

from typing import Literal, TypeAlias

Protocol: TypeAlias = Literal["mqtt5", "mqtt311"]
