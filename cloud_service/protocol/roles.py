"""Roles, and how an account's name decides its role (docs/mqtt.md, Names)."""

import re
from functools import lru_cache
from typing import Final, Literal, TypeAlias, get_args

Role: TypeAlias = Literal[
    "charger", "vehicle", "monitor", "operator", "gateway", "ocpp-gateway", "service", "administrator"
]
"""What an account is. `service` is the cloud service itself; `administrator` manages the accounts."""

ROLES: Final[tuple[Role, ...]] = get_args(Role)

LONGEST_NAME: Final = 64
NAME_PATTERN: Final = f"[A-Za-z0-9_-]{{1,{LONGEST_NAME}}}"
"""What the name of an account consists of; it is the `{client}` in topics."""

SERVICE: Final = "cloud_service"
"""The account of the cloud service."""
ADMINISTRATOR: Final = "administrator"
"""The account of the administrator."""
OCPP_GATEWAY: Final = "ocpp-gateway"
"""The account of the first OCPP gateway. It owns nothing: the chargers that it speaks for do."""
GATEWAY: Final = "gateway"
"""The first gateway's account, and the owner of all stations that any gateway registers."""
_GATEWAYS: Final = f"{GATEWAY}-"
"""The beginning of the other gateways' names."""

DEVICES: Final[frozenset[Role]] = frozenset({"charger", "vehicle"})
"""The roles of an ordinary name: it owns the stations that it registers, and is the vehicle of that name."""

_BY_NAME: Final[dict[str, frozenset[Role]]] = {
    SERVICE: frozenset({"service"}),
    ADMINISTRATOR: frozenset({"administrator"}),
}
_BY_PREFIX: Final[dict[str, frozenset[Role]]] = {
    "gateway": frozenset({"gateway"}),
    "operator": frozenset({"operator"}),
    "monitor": frozenset({"monitor"}),
    "ocpp-gateway": frozenset({"ocpp-gateway"}),
}
"""The roles of names such as `operator` and `operator-import`."""
_reserved = re.compile(f"({'|'.join(_BY_PREFIX)})(?:-.*)?").fullmatch

_is_name = re.compile(NAME_PATTERN).fullmatch


def is_account_name(name: str) -> bool:
    """Whether an account can have this name."""
    return _is_name(name) is not None


@lru_cache(maxsize=10_000)
def roles_of(name: str) -> frozenset[Role]:
    """The roles that an account of this name can have: one, or for an ordinary name those of DEVICES."""
    if reserved := _reserved(name):
        return _BY_PREFIX[reserved[1]]
    return _BY_NAME.get(name, DEVICES)


def is_gateway(name: str) -> bool:
    """Whether an account of this name is a gateway: several times for each request, so in less time."""
    return name == GATEWAY or name.startswith(_GATEWAYS)


def owner_name(name: str) -> str:
    """The name under which an account owns stations: all gateways own theirs together."""
    return GATEWAY if is_gateway(name) else name
