"""The network that the contract suite tests, and how its clients log in."""

from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct

Role: TypeAlias = Literal["charger", "vehicle", "monitor", "operator", "gateway"]


def open_to_all(name: str, role: Role) -> None:
    """On an open broker anybody may use any name, without a password."""


class Target(Struct, frozen=True):
    """A running network. TLS is used if there is a `ca_file`."""

    mqtt_host: str
    mqtt_port: int
    tcp_host: str
    tcp_port: int
    ca_file: Path | None = None
    zone: tzinfo | None = None
    """The time zone of dates on TCP; None is this machine's."""
    password: Callable[[str, Role], str | None] = open_to_all
    """Makes an account of this name and role, and returns its password; None if it needs no login.

    Asked once for each name. Charger's and vehicle's names are their client IDs too.
    """
