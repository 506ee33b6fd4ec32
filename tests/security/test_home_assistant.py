"""Home Assistant's discovery messages on a broker with accounts, also with an earlier version's rights."""

from pathlib import Path

import pytest

from cloud_service.accounts.broker_accounts import AccountRole
from cloud_service.accounts.rights import access_list
from tests.kit.mqtt import MqttConnection
from tests.kit.secured import SecuredBroker, SecuredStack
from tests.kit.waiting import wait_until

STATION = "homeassistant/device/recharge/1/config"
ROLE = "service:cloud_service"


@pytest.fixture
def outdated(tmp_path: Path) -> SecuredBroker:
    """A broker on which the service has the rights that it had before it knew Home Assistant."""
    return SecuredBroker(tmp_path / "broker")


def take_rights(broker: SecuredBroker) -> None:
    rights = access_list("service", "cloud_service")
    old = [right for right in rights if not str(right["topic"]).startswith("homeassistant/")]
    assert len(old) < len(rights)
    broker.command("modifyRole", rolename=ROLE, acls=old)


def register(broker: SecuredBroker) -> None:
    with broker.client("ana", "charger") as charger:
        assert charger.ask("newChargingStation", x_position=1, y_position=1) == 1


def connection(broker: SecuredBroker, name: AccountRole) -> MqttConnection:
    """Of a new account, which is named after its role."""
    password = broker.accounts(lambda accounts: accounts.add(name, name))
    return MqttConnection(broker.port, name, name, password)


def test_a_monitor_is_told_and_a_vehicle_is_not(tmp_path: Path, outdated: SecuredBroker) -> None:
    with outdated as broker, SecuredStack(tmp_path, broker, home_assistant="on"):
        register(broker)
        with connection(broker, "monitor") as home:
            assert home.subscribe("homeassistant/device/+/+/config") == [True]
            assert home.on(STATION).payload
        with connection(broker, "vehicle") as vehicle:
            assert vehicle.subscribe("homeassistant/device/+/+/config") == [False]


def test_with_outdated_rights_the_log_says_what_to_do(tmp_path: Path, outdated: SecuredBroker) -> None:
    with outdated as broker:
        take_rights(broker)
        with SecuredStack(tmp_path, broker, home_assistant="on") as stack:
            register(broker)
            log = stack.service.log
            wait_until(lambda: "recharge accounts refresh" in log.read_text(), "the log names the way out")
            assert "ERROR" not in log.read_text()
            assert "cloud_service" in broker.accounts(lambda accounts: accounts.refresh())
            with connection(broker, "monitor") as monitor:
                monitor.subscribe("homeassistant/#")
                assert monitor.on(STATION).payload


def test_switched_off_outdated_rights_do_no_harm(tmp_path: Path, outdated: SecuredBroker) -> None:
    with outdated as broker:
        take_rights(broker)
        with SecuredStack(tmp_path, broker) as stack:
            register(broker)
            with connection(broker, "monitor") as monitor:
                monitor.subscribe("recharge/v1/state/#")
                assert monitor.on("recharge/v1/state/station/1").payload
            assert "WARNING" not in stack.service.log.read_text()
