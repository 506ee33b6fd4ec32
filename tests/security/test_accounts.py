"""Accounts at the running broker: made, listed, rotated, removed, and what an account is bound to."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud_service.accounts.broker_accounts import Account, AccountRole, AccountsError
from cloud_service.accounts.first_accounts import FIRST_ACCOUNTS, new_password
from cloud_service.accounts.secure_broker import BrokerFolders, prepare
from tests.kit.mqtt import VERSIONS, MqttConnection, NotAccepted, Version
from tests.kit.secured import SecuredBroker
from tests.kit.waiting import DEADLINE


def _refused(
    broker: SecuredBroker, client_id: str, user: str | None, password: str | None, version: Version
) -> bool:
    try:
        with MqttConnection(broker.port, client_id, user, password, version=version):
            return False
    except NotAccepted:
        return True


def _presence(broker: SecuredBroker, name: str) -> bytes | None:
    """What is retained as the presence of this account."""
    with broker.connection("gateway") as client:
        assert client.subscribe(f"recharge/v1/presence/{name}", "recharge/v1/reply/gateway") == [True, True]
        with broker.connection("cloud_service") as service:
            service.publish("recharge/v1/reply/gateway")
        message = client.next()
        return bytes(message.payload) if message.topic.startswith("recharge/v1/presence/") else None


def test_first_accounts(broker: SecuredBroker) -> None:
    listed = broker.accounts(lambda accounts: accounts.all())
    for name, role in FIRST_ACCOUNTS:
        assert Account(name, role) in listed
        with broker.connection(name):
            pass


def test_only_those_who_need_them_can_read_the_first_passwords(tmp_path: Path) -> None:
    folders = BrokerFolders.within(tmp_path / "broker")
    now = datetime.now(UTC)
    assert prepare(folders, ["localhost"], now)
    for file in folders.broker.rglob("*"):
        mode = stat.S_IMODE(file.stat().st_mode)
        assert mode & 0o007 == 0 or file.suffix == ".crt", f"{file} is for everybody: {mode:o}"
    passwords = [folders.secrets.password_file(name).read_text().strip() for name, _ in FIRST_ACCOUNTS]
    assert len(set(passwords)) == len(passwords)
    assert all(len(password) >= 32 for password in passwords)
    assert not any(password in folders.plugin_file.read_text() for password in passwords)
    assert not prepare(folders, ["localhost"], now), "a second start makes new ones"
    assert passwords == [
        folders.secrets.password_file(name).read_text().strip() for name, _ in FIRST_ACCOUNTS
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_nobody_gets_in_without_a_password(broker: SecuredBroker, version: Version) -> None:
    assert _refused(broker, "somebody", None, None, version)
    assert _refused(broker, "somebody", "nobody", "password", version)
    for name, _ in FIRST_ACCOUNTS:
        assert _refused(broker, name, name, None, version)
        assert _refused(broker, name, name, "", version)
        assert _refused(broker, name, name, name, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_devices_account_is_bound_to_its_name(broker: SecuredBroker, version: Version) -> None:
    first, second = f"bound-a-{version}", f"bound-b-{version}"
    password = broker.accounts(lambda accounts: accounts.add(first, "charger"))
    other = broker.accounts(lambda accounts: accounts.add(second, "vehicle"))
    with MqttConnection(broker.port, first, first, password, version=version) as client:
        assert _refused(broker, second, first, password, version)
        assert _refused(broker, "", first, password, version)
        assert _refused(broker, first, second, other, version)
        assert client.publish(f"recharge/v1/presence/{first}"), "it was cut off"


def test_trusted_roles_connect_many_times(broker: SecuredBroker) -> None:
    with (
        broker.connection("gateway", "gateway-a") as first,
        broker.connection("gateway", "gateway-b") as second,
    ):
        assert first.publish("recharge/v1/presence/gateway")
        assert second.publish("recharge/v1/presence/gateway")


@pytest.mark.parametrize("version", VERSIONS)
def test_rotate_cuts_off_and_lets_in_with_the_new_password(broker: SecuredBroker, version: Version) -> None:
    name = f"rotated-{version}"
    old = broker.accounts(lambda accounts: accounts.add(name, "charger"))
    with MqttConnection(broker.port, name, name, old, version=version) as client:
        client.publish(f"recharge/v1/presence/{name}", b'{"online":true}', retain=True)
        new = new_password()
        broker.accounts(lambda accounts: accounts.rotate(name, new))
        assert client.disconnected.wait(DEADLINE)
    assert _presence(broker, name) == b'{"online":false}'
    assert _refused(broker, name, name, old, version)
    assert not _refused(broker, name, name, new, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_remove_cuts_off_for_good(broker: SecuredBroker, version: Version) -> None:
    name = f"removed-{version}"
    password = broker.accounts(lambda accounts: accounts.add(name, "vehicle"))
    with MqttConnection(broker.port, name, name, password, version=version) as client:
        client.publish(f"recharge/v1/presence/{name}", b'{"online":true}', retain=True)
        broker.accounts(lambda accounts: accounts.remove(name))
        assert client.disconnected.wait(DEADLINE)
    assert _presence(broker, name) is None
    assert _refused(broker, name, name, password, version)
    assert name not in {account.name for account in broker.accounts(lambda accounts: accounts.all())}
    again = broker.accounts(lambda accounts: accounts.add(name, "charger"))
    with MqttConnection(broker.port, name, name, again, version=version) as client:
        assert client.publish(f"recharge/v1/request/newChargingStation/{name}")
        if version == "mqtt5":
            assert not client.publish(f"recharge/v1/request/findReservation/{name}")


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("", "charger"),
        ("a" * 65, "charger"),
        ("a/b", "charger"),
        ("+", "vehicle"),
        ("#", "vehicle"),
        ("é", "vehicle"),
        ("gateway", "charger"),
        ("gateway-9", "charger"),
        ("operator-9", "vehicle"),
        ("monitor", "charger"),
        ("cloud_service", "operator"),
        ("administrator", "charger"),
        ("charger-9", "operator"),
        ("operators", "operator"),
        ("operator-9", "monitor"),
        ("gateway", "gateway"),
    ],
)
def test_names_that_a_role_cannot_have(broker: SecuredBroker, name: str, role: AccountRole) -> None:
    with pytest.raises(AccountsError):
        broker.accounts(lambda accounts: accounts.add(name, role))


def test_mistakes_change_nothing(broker: SecuredBroker) -> None:
    password = broker.accounts(lambda accounts: accounts.add("twice", "charger"))
    with pytest.raises(AccountsError, match="already"):
        broker.accounts(lambda accounts: accounts.add("twice", "vehicle"))
    assert not _refused(broker, "twice", "twice", password, "mqtt5")
    for work in (
        lambda accounts: accounts.rotate("never-made", "password"),
        lambda accounts: accounts.remove("never-made"),
        lambda accounts: accounts.transfer("twice", "never-made"),
    ):
        with pytest.raises(AccountsError, match="never-made"):
            broker.accounts(work)
    for name, _ in FIRST_ACCOUNTS:
        with pytest.raises(AccountsError, match="does not run without"):
            broker.accounts(lambda accounts, name=name: accounts.remove(name))


def test_accounts_outlive_a_restart(broker: SecuredBroker) -> None:
    password = broker.accounts(lambda accounts: accounts.add("lasting", "charger"))
    broker.stop()
    broker.start()
    assert not _refused(broker, "lasting", "lasting", password, "mqtt5")
    assert Account("lasting", "charger") in broker.accounts(lambda accounts: accounts.all())


def test_refresh_brings_rights_up_to_date(broker: SecuredBroker) -> None:
    password = broker.accounts(lambda accounts: accounts.add("outdated", "charger"))
    broker.command("modifyRole", rolename="charger:outdated", acls=[])
    topic = "recharge/v1/request/newChargingStation/outdated"
    with MqttConnection(broker.port, "outdated", "outdated", password) as client:
        assert not client.publish(topic)
    assert broker.accounts(lambda accounts: accounts.refresh()) == ["outdated"]
    with MqttConnection(broker.port, "outdated", "outdated", password) as client:
        assert client.publish(topic)
    assert broker.accounts(lambda accounts: accounts.refresh()) == []


def test_no_password_is_in_the_brokers_log(broker: SecuredBroker) -> None:
    password = broker.accounts(lambda accounts: accounts.add("logged", "charger"))
    rotated = new_password()
    broker.accounts(lambda accounts: accounts.rotate("logged", rotated))
    text = broker.log.read_text()
    assert "administrator" in text, "the log does not say who connects"
    for secret in (password, rotated, *(broker.password(name) for name, _ in FIRST_ACCOUNTS)):
        assert secret not in text
