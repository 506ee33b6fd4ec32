"""Every role against every topic, to write, to subscribe and to receive, at the running broker.

What is expected is read from docs/security.md: the table there is what the broker does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from paho.mqtt.client import MQTTMessage, topic_matches_sub

from cloud_service.accounts.rights import access_list, as_markdown
from cloud_service.protocol.actions import CLIENT_ACTIONS
from cloud_service.protocol.roles import ROLES, Role
from tests.kit.mqtt import VERSIONS, MqttConnection, Version
from tests.kit.secured import NAMES, SecuredBroker
from tests.kit.waiting import DEADLINE

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
VEHICLES = ("scheduleReservation", "findReservation", "deleteReservation", "quoteReservation")
CHARGERS = tuple(action for action in CLIENT_ACTIONS if action not in VEHICLES)


def _topics(client: str) -> list[str]:
    """A topic of each kind of the contract, for this client and for another, and some that nobody has."""
    found = []
    for name in (client, "somebody-else"):
        found += [f"recharge/v1/request/{action}/{name}" for action in CLIENT_ACTIONS]
        found += [
            f"recharge/v1/reply/{name}",
            f"recharge/v1/reply/{name}/below/it",
            f"recharge/v1/event/{name}/reservationScheduled",
            f"recharge/v1/presence/{name}",
            f"recharge/v1/service/{name}",
            f"recharge/v1/control/transferStations/{name}",
            f"recharge/v1/reply/somebody/{name}/token",
            f"recharge/v1/ocpp/place/{name}",
            f"recharge/v1/ocpp/charger/{name}",
            f"recharge/v1/ocpp/command/post/{name}",
            f"recharge/v1/ocpp/answer/{name}/post",
        ]
    return [
        *found,
        "recharge/v1/state/station/1",
        "recharge/v1/state/point/1/2",
        "recharge/v1/state/somethingElse",
        "homeassistant/device/recharge/1/config",
        "homeassistant/device/recharge/1/state",
        "homeassistant/device/other/1/config",
        "homeassistant/sensor/recharge/1/config",
        "homeassistant/status",
        "recharge/v1/service/cloud_service",
        "recharge/v1/request/newChargingStation",
        f"recharge/v1/request/newChargingStation/{client}/below",
        f"recharge/v1/request/unknownAction/{client}",
        f"recharge/v2/request/newChargingStation/{client}",
        f"Recharge/v1/presence/{client}",
        "somewhere/else",
        "/recharge/v1/state/station/1",
    ]


def _filters(client: str) -> list[str]:
    concrete = [*_topics(client), "$SYS/broker/version", "$CONTROL/dynamic-security/v1/response"]
    wild = [
        "#",
        "+/#",
        "$SYS/#",
        "$CONTROL/#",
        "$CONTROL/dynamic-security/#",
        "recharge/#",
        "recharge/v1/#",
        "recharge/+/state/#",
        "+/v1/state/station/1",
        "recharge/v1/request/#",
        "recharge/v1/request/+/+",
        "recharge/v1/request/newChargingStation/+",
        f"recharge/v1/request/+/{client}",
        "recharge/v1/reply/#",
        "recharge/v1/reply/+",
        f"recharge/v1/reply/{client}/#",
        f"recharge/v1/reply/{client}/+",
        "recharge/v1/event/#",
        "recharge/v1/event/+/+",
        f"recharge/v1/event/{client}/#",
        "recharge/v1/event/somebody-else/#",
        "recharge/v1/state/#",
        "recharge/v1/state/station/+",
        "recharge/v1/state/point/+/+",
        "recharge/v1/presence/+",
        "recharge/v1/service/#",
        "recharge/v1/control/#",
        "recharge/v1/control/+/+",
        "recharge/v1/ocpp/#",
        "recharge/v1/ocpp/place/+",
        "recharge/v1/ocpp/charger/+",
        "recharge/v1/ocpp/command/+/+",
        f"recharge/v1/ocpp/answer/{client}/+",
        f"recharge/v1/reply/+/{client}/+",
        "homeassistant/#",
        "homeassistant/+/+/config",
        "homeassistant/device/+/+/config",
        "homeassistant/device/recharge/+/+",
        "homeassistant/device/recharge/#",
    ]
    plain = [each for each in (*concrete, *wild) if each[0] != "$"]
    return [
        *concrete,
        *wild,
        *(f"$share/{group}/{each}" for group in ("recharge", "group") for each in plain),
    ]


def _table() -> dict[tuple[Role, str], set[str]]:
    """(role, topic) -> the letters in the document's table."""
    rows = [
        line
        for line in DOCUMENT.read_text().splitlines()
        if line.startswith(("| `recharge/", "| `home", "| `$"))
    ]
    found: dict[tuple[Role, str], set[str]] = {}
    for row in rows:
        topic, *cells = (cell.strip().strip("`") for cell in row.strip("|").split("|"))
        found.update({(role, topic): set(cell.split()) for role, cell in zip(ROLES, cells, strict=True)})
    return found


TABLE = _table()


def _allowed(role: Role, letter: str, client: str) -> Iterator[str]:
    for (listed, topic), letters in TABLE.items():
        if listed == role and letter in letters:
            yield topic.replace("{client}", client)


def _may(role: Role, letter: str, topic: str, client: str) -> bool:
    return any(topic_matches_sub(pattern, topic) for pattern in _allowed(role, letter, client))


def _may_subscribe(role: Role, wanted: str) -> bool:
    patterns = _allowed(role, "S", NAMES[role])
    return any(_covers(pattern.split("/"), wanted.split("/")) for pattern in patterns)


def _covers(pattern: list[str], wanted: list[str]) -> bool:
    """Whether all topics of one filter are topics of the other."""
    if pattern == ["#"]:
        return True
    if not pattern or not wanted:
        return not pattern and not wanted
    return (pattern[0] == wanted[0] or (pattern[0] == "+" and wanted[0] != "#")) and _covers(
        pattern[1:], wanted[1:]
    )


def _connect(
    broker: SecuredBroker, role: Role, passwords: dict[Role, str], version: Version
) -> MqttConnection:
    return MqttConnection(broker.port, NAMES[role], NAMES[role], passwords[role], version=version)


def topics_of(messages: list[MQTTMessage]) -> set[str]:
    """Of those that were not retained."""
    return {message.topic for message in messages if not message.retain}


class Watcher:
    """Sees and writes everything, with an account that the product never makes."""

    def __init__(self, client: MqttConnection) -> None:
        self.client = client

    @contextmanager
    def sees(self, expected: set[str]) -> Iterator[None]:
        """Checks on which topics the broker delivered what was written meanwhile."""
        self.client.publish("watcher/begin")
        self.client.take_until("watcher/begin")
        yield
        self.client.publish("watcher/end")
        assert topics_of(self.client.take_until("watcher/end")) == expected


@pytest.fixture(scope="module")
def watcher(broker: SecuredBroker) -> Iterator[Watcher]:
    everything = [
        {"acltype": kind, "topic": topic, "allow": True}
        for kind in ("publishClientSend", "publishClientReceive", "subscribePattern")
        for topic in ("#", "$CONTROL/#", "$SYS/#")
    ]
    broker.command("createRole", rolename="everything", acls=everything)
    broker.command(
        "createClient", username="watcher", password="for this test", roles=[{"rolename": "everything"}]
    )
    with MqttConnection(broker.port, "watcher", "watcher", "for this test") as client:
        assert client.subscribe("#") == [True]
        yield Watcher(client)


def test_the_document_has_the_table_of_the_code() -> None:
    assert as_markdown() in DOCUMENT.read_text()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("role", ROLES)
def test_write(
    broker: SecuredBroker, watcher: Watcher, passwords: dict[Role, str], role: Role, version: Version
) -> None:
    topics = _topics(NAMES[role])
    expected = {topic for topic in topics if _may(role, "W", topic, NAMES[role])}
    with watcher.sees(expected), _connect(broker, role, passwords, version) as client:
        answers = client.publish_all(topics)
    if version == "mqtt5":
        assert {topic for topic, granted in zip(topics, answers, strict=True) if granted} == expected


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("role", ROLES)
def test_subscribe(broker: SecuredBroker, passwords: dict[Role, str], role: Role, version: Version) -> None:
    filters = _filters(NAMES[role])
    with _connect(broker, role, passwords, version) as client:
        granted = client.subscribe(*filters)
    assert {each for each, yes in zip(filters, granted, strict=True) if yes} == {
        each for each in filters if _may_subscribe(role, each)
    }


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("role", ROLES)
def test_receive(broker: SecuredBroker, watcher: Watcher, role: Role, version: Version) -> None:
    """Where it can subscribe to everything, as no account can, it still receives only what its role may."""
    name = f"receiver-{role}-{version}"
    topics = _topics(name)
    entries = [
        *access_list(role, name),
        {"acltype": "subscribePattern", "topic": "#", "allow": True},
        {"acltype": "publishClientReceive", "topic": f"end/{name}", "allow": True},
    ]
    broker.command("createRole", rolename=name, acls=entries)
    broker.command("createClient", username=name, password="for this test", roles=[{"rolename": name}])
    with MqttConnection(broker.port, name, name, "for this test", version=version) as client:
        assert client.subscribe("#") == [True]
        watcher.client.publish_all([*topics, f"end/{name}"])
        arrived = topics_of(client.take_until(f"end/{name}"))
    assert arrived == {topic for topic in topics if _may(role, "R", topic, name)}


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("charger", CHARGERS, VEHICLES),
        ("vehicle", VEHICLES, CHARGERS),
        (
            "monitor",
            ("receiveAllChargingPoints", "receiveAllReservations", "findReservation"),
            ("newChargingStation", "deleteReservation", "scheduleReservation"),
        ),
        ("operator", CLIENT_ACTIONS, ()),
        ("gateway", CLIENT_ACTIONS, ()),
        ("ocpp-gateway", (), CLIENT_ACTIONS),
        ("service", (), CLIENT_ACTIONS),
        ("administrator", (), CLIENT_ACTIONS),
    ],
)
def test_actions_of_the_contract(
    broker: SecuredBroker,
    passwords: dict[Role, str],
    role: Role,
    may: tuple[str, ...],
    may_not: tuple[str, ...],
) -> None:
    topic = f"recharge/v1/request/{{}}/{NAMES[role]}"
    with _connect(broker, role, passwords, "mqtt5") as client:
        assert all(client.publish_all([topic.format(action) for action in may]))
        assert not any(client.publish_all([topic.format(action) for action in may_not]))


@pytest.mark.parametrize(
    ("topic", "delivered"),
    [("recharge/v1/presence/charger-1", True), ("recharge/v1/presence/vehicle-1", False)],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_last_will_needs_the_right_to_write(
    broker: SecuredBroker,
    watcher: Watcher,
    passwords: dict[Role, str],
    version: Version,
    topic: str,
    delivered: bool,
) -> None:
    def connect(will: str | None) -> MqttConnection:
        return MqttConnection(
            broker.port, "charger-1", "charger-1", passwords["charger"], version=version, will=will
        )

    with watcher.sees({topic} if delivered else set()), connect(topic) as first, connect(None):
        # The broker sends the first one's will before it answers the second, of the same client ID.
        assert first.disconnected.wait(DEADLINE)
