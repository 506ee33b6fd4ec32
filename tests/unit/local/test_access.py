"""What the processes of `recharge up` are given to reach their broker."""

from datetime import UTC, datetime
from pathlib import Path

from cloud_service.accounts.secure_broker import BrokerFolders, prepare
from cloud_service.local.access import LOOPBACK, OpenAccess, SecureAccess, reachable
from cloud_service.mqtt.address import BrokerAddress


def test_all_addresses_are_reached_on_the_loopback_address() -> None:
    assert reachable("0.0.0.0") == reachable("::") == LOOPBACK
    assert reachable("192.0.2.1") == "192.0.2.1"


def test_open_access() -> None:
    access = OpenAccess("0.0.0.0", 4242)
    assert access.address("gateway") == BrokerAddress(LOOPBACK, 4242)
    given = {name: value for name, value in access.environment("gateway").items() if value}
    assert given == {"RECHARGE_MQTT_HOST": LOOPBACK, "RECHARGE_MQTT_PORT": "4242"}


def test_secure_access_passes_the_password_in_a_file(tmp_path: Path) -> None:
    prepare(BrokerFolders.within(tmp_path), ["localhost"], datetime.now(UTC))
    access = SecureAccess(tmp_path, "0.0.0.0", 4242, 4243, ("localhost",))
    address = access.address("gateway")
    file = tmp_path / "secrets" / "gateway" / "password"
    assert (address.host, address.port, address.user) == (LOOPBACK, 4242, "gateway")
    assert address.password == file.read_text().strip()
    environment = access.environment("gateway")
    assert {name: value for name, value in environment.items() if value} == {
        "RECHARGE_MQTT_HOST": LOOPBACK,
        "RECHARGE_MQTT_PORT": "4242",
        "RECHARGE_MQTT_USER": "gateway",
        "RECHARGE_MQTT_PASSWORD_FILE": str(file),
    }
