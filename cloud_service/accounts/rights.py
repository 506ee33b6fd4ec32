"""Which role may write and read which topic: the one table from which the broker's access control is made.

Everything that no row names is refused: other shared subscriptions, wildcards that reach further. An OCPP
gateway may also do what each charger that it speaks for may do: those chargers' roles are in its group.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from cloud_service.protocol import home_assistant, ocpp
from cloud_service.protocol.actions import ACTIONS, Actions, client_actions
from cloud_service.protocol.roles import ROLES, Role
from cloud_service.protocol.topics import ROOT, shared

CONTROL: Final = "$CONTROL/dynamic-security/v1"
"""Where Mosquitto's dynamic-security plugin takes its commands."""

_NOBODY: Final[frozenset[Role]] = frozenset()
_SERVICE: Final[frozenset[Role]] = frozenset({"service"})
_ADMINISTRATOR: Final[frozenset[Role]] = frozenset({"administrator"})
_WATCHERS: Final[frozenset[Role]] = frozenset({"monitor", "operator"})
_CLIENTS: Final[frozenset[Role]] = frozenset({"charger", "vehicle", "monitor", "operator", "gateway"})
_OPERATOR: Final[frozenset[Role]] = frozenset({"operator"})
_OCPP: Final[frozenset[Role]] = frozenset({"ocpp-gateway"})
_PROCESSES: Final[frozenset[Role]] = frozenset({"service", "gateway", "ocpp-gateway"})
_NETWORK: Final[frozenset[Role]] = _CLIENTS | _OCPP | _SERVICE


class Right(Struct, frozen=True):
    """A row: the roles that may publish to a topic, and those that may subscribe to it and receive from it.

    `{client}` in the topic stands for the account's own name.
    """

    topic: str
    write: frozenset[Role] = _NOBODY
    read: frozenset[Role] = _NOBODY


def rights(actions: Actions = ACTIONS) -> tuple[Right, ...]:
    """The table for these actions."""
    return (
        *_request_rights(actions),
        Right(f"{ROOT}/reply/{{client}}/#", read=_NETWORK | _ADMINISTRATOR),
        Right(f"{ROOT}/reply/#", write=_SERVICE),
        Right(f"{ROOT}/reply/+/{{client}}/+", read=_OCPP),
        Right(f"{ROOT}/event/{{client}}/#", read=_CLIENTS),
        Right(f"{ROOT}/event/+/+", write=_SERVICE),
        Right(f"{ROOT}/event/#", read=_WATCHERS),
        Right(f"{ROOT}/state/station/+", write=_SERVICE),
        Right(f"{ROOT}/state/point/+/+", write=_SERVICE),
        Right(f"{ROOT}/state/#", read=_NETWORK),
        Right(f"{ROOT}/presence/{{client}}", write=_CLIENTS),
        Right(f"{ROOT}/presence/+", write=_ADMINISTRATOR | _SERVICE),
        Right(f"{ROOT}/presence/#", read=_NETWORK),
        Right(f"{ROOT}/service/{{client}}", write=_PROCESSES),
        Right(f"{ROOT}/service/#", read=_NETWORK),
        Right(f"{ROOT}/control/+/{{client}}", write=_ADMINISTRATOR),
        Right(f"{ROOT}/control/+/+", read=_SERVICE),
        Right(ocpp.place("+"), write=_OPERATOR, read=_WATCHERS | _OCPP),
        Right(ocpp.charger("+"), write=_OCPP, read=_WATCHERS | _OCPP),
        Right(ocpp.command("+", "{client}"), write=_OPERATOR),
        Right(ocpp.command("+", "+"), read=_OCPP),
        Right(ocpp.answer("{client}", "+"), read=_OPERATOR),
        Right(ocpp.answer("+", "+"), write=_OCPP),
        Right(home_assistant.OWN_TOPICS, write=_SERVICE, read=_SERVICE),
        Right(f"{home_assistant.ROOT}/#", read=_WATCHERS),
        Right("$SYS/broker/#", read=_WATCHERS | _SERVICE),
        Right(CONTROL, write=_ADMINISTRATOR),
        Right(f"{CONTROL}/response", read=_ADMINISTRATOR),
    )


def _request_rights(actions: Actions) -> Iterator[Right]:
    for action in client_actions(actions).values():
        yield Right(action.topic("{client}"), write=action.roles)
        yield Right(action.topic("+"), read=_SERVICE)
    for kind in ("request", "control"):
        yield Right(shared(f"{ROOT}/{kind}/+/+"), read=_SERVICE)


RIGHTS: Final = rights()


def access_list(role: Role, client: str, table: tuple[Right, ...] = RIGHTS) -> list[dict[str, object]]:
    """The rights of an account in the plugin's terms.

    The account's name is written out: Mosquitto knows `%u` only from version 2.1 on.
    """
    entries: list[dict[str, object]] = []
    for right in table:
        kinds = []
        if role in right.write:
            kinds.append("publishClientSend")
        if role in right.read:
            kinds += ["subscribePattern", "publishClientReceive"]
        topic = right.topic.replace("{client}", client)
        entries += [{"acltype": kind, "topic": topic, "priority": 0, "allow": True} for kind in kinds]
    return entries


def as_markdown() -> str:
    """The table as docs/security.md shows it: W for write, S for subscribe, R for receive."""
    lines = ["| topic | " + " | ".join(ROLES) + " |", "| --- |" + " --- |" * len(ROLES)]
    for right in RIGHTS:
        cells = []
        for role in ROLES:
            letters = ["W"] * (role in right.write) + ["S", "R"] * (role in right.read)
            cells.append(" ".join(letters))
        lines.append(f"| `{right.topic}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
