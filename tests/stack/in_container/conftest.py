"""The stack as a client in the network recharging_manager sees it: TLS, accounts, and a server to find."""

import asyncio
from datetime import UTC
from pathlib import Path

import pytest

from cloud_service.accounts.broker_accounts import Accounts
from cloud_service.mqtt.address import BrokerAddress
from tests.contract.fixtures import *  # noqa: F403
from tests.kit.target import Role, Target

BROKER = "broker.test"
CA_FILE = Path("/mosquitto/certificates/ca.crt")
PASSWORD_FILE = Path("/secrets/administrator/password")


class AccountsOnDemand:
    """An account for each name that a test comes up with, made at the running broker."""

    def __init__(self, administrator: BrokerAddress) -> None:
        self._administrator = administrator
        self._passwords: dict[str, str] = {}

    def __call__(self, name: str, role: Role) -> str:
        if name not in self._passwords:
            self._passwords[name] = asyncio.run(self._add(name, role))
        return self._passwords[name]

    async def _add(self, name: str, role: Role) -> str:
        async with Accounts(self._administrator) as accounts:
            return await accounts.add(name, role)


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config) -> Target:
    port = int(pytestconfig.getoption("tls_port"))
    administrator = BrokerAddress(BROKER, port, "administrator", PASSWORD_FILE.read_text().strip(), CA_FILE)
    return Target(BROKER, port, "cloud_server", 64352, CA_FILE, UTC, AccountsOnDemand(administrator))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--tls-port", required=True, help="the broker's published port")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keeps the tests of any network, and leaves out those that start their own or need an open one."""
    kept = [
        item
        for item in items
        if isinstance(item, pytest.Function) and "target" in item.fixturenames
        if "OpenBroker" not in item.nodeid
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
