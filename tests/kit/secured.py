"""A secured broker, with what `recharge up --secure` makes for it: accounts, rights and certificates."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from cloud_service.accounts.broker_accounts import AccountRole, Accounts
from cloud_service.accounts.secure_broker import BrokerFolders, find_plugin, prepare, secure_listeners
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.protocol.roles import Role
from tests.kit.mqtt import MqttClient, MqttConnection
from tests.kit.processes import HOST, Broker, Stack, free_port

Result = TypeVar("Result")
CONTROL = "$CONTROL/dynamic-security/v1"
NAMES: dict[Role, str] = {
    "charger": "charger-1",
    "vehicle": "vehicle-1",
    "monitor": "monitor-1",
    "operator": "operator-1",
    "gateway": "gateway-1",
    "ocpp-gateway": "ocpp-gateway-1",
    "service": "cloud_service",
    "administrator": "administrator",
}
"""An account of each role."""


class SecuredBroker(Broker):
    """A broker that checks who may do what, on `port` and with TLS on `tls_port`.

    `more` is further configuration.
    """

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folders = BrokerFolders.within(folder)
        self.tls_port = free_port()
        self._more = more
        super().__init__(folder)

    def _listeners(self) -> str:
        prepare(self.folders, ["localhost", HOST], datetime.now(UTC))
        ports = (HOST, self.port), (HOST, self.tls_port)
        return secure_listeners(self.folders, find_plugin(), *ports) + self._more

    def password(self, name: str) -> str:
        """Of one of the first accounts."""
        return self.folders.secrets.password_file(name).read_text().strip()

    def address_of(self, name: str) -> BrokerAddress:
        """With the login of one of the first accounts."""
        return BrokerAddress(HOST, self.port, name, self.password(name))

    def connection(self, name: str, client_id: str | None = None) -> MqttConnection:
        """Of one of the first accounts; `with broker.connection(...)` connects it."""
        return MqttConnection(self.port, client_id or f"{name}-test", name, self.password(name))

    def client(self, name: str, role: AccountRole) -> MqttClient:
        """Of a new account."""
        return MqttClient(self.port, name, self.accounts(lambda accounts: accounts.add(name, role)))

    def accounts(self, work: Callable[[Accounts], Awaitable[Result]]) -> Result:
        """Does something with the accounts, as `recharge accounts` does."""

        async def run() -> Result:
            async with Accounts(self.address_of("administrator")) as accounts:
                return await work(accounts)

        return asyncio.run(run())

    def command(self, command: str, **values: object) -> None:
        """Gives the dynamic security plugin a command, including those that the product never gives."""
        with self.connection("administrator") as administrator:
            administrator.subscribe(f"{CONTROL}/response")
            administrator.publish(
                CONTROL, json.dumps({"commands": [{"command": command, **values}]}).encode()
            )
            response = json.loads(administrator.next().payload)["responses"][0]
        assert "error" not in response, response


class SecuredStack(Stack):
    """The service and the gateway with their own accounts at a running SecuredBroker."""

    def __init__(self, folder: Path, broker: SecuredBroker, /, **settings: str) -> None:
        self.secured = broker
        self.audit = folder / "audit.jsonl"
        super().__init__(folder, broker, audit_file=str(self.audit), **settings)

    @property
    def address(self) -> BrokerAddress:
        return self.secured.address_of("gateway")

    def _login(self, account: str) -> dict[str, str]:
        file = self.secured.folders.secrets.password_file(account)
        return {"RECHARGE_MQTT_USER": account, "RECHARGE_MQTT_PASSWORD_FILE": str(file)}

    def audited(self) -> list[dict[str, Any]]:
        """The events in the audit log."""
        return [json.loads(line) for line in self.audit.read_text().splitlines()]
