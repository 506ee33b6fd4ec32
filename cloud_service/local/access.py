"""Who gets in at the broker of this machine: everybody, or whoever has an account."""

import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final, Protocol

from cloud_service.accounts.broker_accounts import Account, Accounts
from cloud_service.accounts.secret_files import FOR_OWNER, write_file
from cloud_service.accounts.secure_broker import BrokerFolders, find_plugin, prepare, secure_listeners
from cloud_service.local import mosquitto
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.protocol import topics
from cloud_service.protocol.roles import ADMINISTRATOR

LOOPBACK: Final = "127.0.0.1"
_EVERYWHERE: Final = (str(IPv4Address(0)), str(IPv6Address(0)))
_DEMO: Final = "operator-demo"


class Access(Protocol):
    """One way in. Ports are real ones, and free."""

    def listeners(self) -> str:
        """The broker's configuration. What it names is there afterwards."""

    def address(self, process: str) -> BrokerAddress:
        """Where a process of ours finds the broker, and as whom: `cloud_service`, `gateway` or `demo`."""

    def environment(self, process: str) -> Mapping[str, str]:
        """The settings that tell it so."""

    async def open_for_demo(self) -> None:
        """Lets the demo's clients in; the broker runs."""

    def describe(self) -> list[str]:
        """Lines that say where the broker is, and for whom."""

    def example(self) -> str:
        """A request that the reader can paste into a shell."""


class OpenAccess:
    """Anybody, under any name: for development."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    def listeners(self) -> str:
        return mosquitto.open_listener(self._host, self._port)

    def address(self, process: str) -> BrokerAddress:
        return BrokerAddress(reachable(self._host), self._port)

    def environment(self, process: str) -> Mapping[str, str]:
        return {"RECHARGE_MQTT_HOST": reachable(self._host), "RECHARGE_MQTT_PORT": str(self._port)}

    async def open_for_demo(self) -> None:
        pass

    def describe(self) -> list[str]:
        where = f"{self._host}:{self._port}"
        return [f"MQTT  {where}  (open to all who can reach this address, under any name: for development)"]

    def example(self) -> str:
        return (
            f"{mosquitto.command('mosquitto_rr')} -V mqttv5 -h {reachable(self._host)} -p {self._port}"
            f" -t {topics.request('newChargingStation', 'ana')} -e {topics.reply('ana')}"
            """ -m '{"x_position": 10, "y_position": 20}'"""
        )


class SecureAccess:
    """Whoever has an account: by TLS from everywhere, and in plain text from this machine."""

    def __init__(self, folder: Path, host: str, port: int, tls_port: int, names: tuple[str, ...]) -> None:
        self._folders = BrokerFolders.within(folder)
        self._host = host
        self._port = port
        self._tls_port = tls_port
        self._names = names

    def listeners(self) -> str:
        plugin = find_plugin()
        prepare(self._folders, self._names, datetime.now(UTC))
        return secure_listeners(self._folders, plugin, (LOOPBACK, self._port), (self._host, self._tls_port))

    def address(self, process: str) -> BrokerAddress:
        account = self._account(process)
        password = self._folders.secrets.password_file(account).read_text().strip()
        return BrokerAddress(LOOPBACK, self._port, account, password)

    def environment(self, process: str) -> Mapping[str, str]:
        account = self._account(process)
        return {
            "RECHARGE_MQTT_HOST": LOOPBACK,
            "RECHARGE_MQTT_PORT": str(self._port),
            "RECHARGE_MQTT_USER": account,
            "RECHARGE_MQTT_PASSWORD_FILE": str(self._folders.secrets.password_file(account).resolve()),
        }

    async def open_for_demo(self) -> None:
        file = self._folders.secrets.password_file(_DEMO)
        async with Accounts(self.address(ADMINISTRATOR)) as accounts:
            if Account(_DEMO, "operator") in await accounts.all() and file.exists():
                return
            file.parent.mkdir(exist_ok=True, mode=0o700)
            write_file(file, await accounts.add(_DEMO, "operator") + "\n", FOR_OWNER)

    def describe(self) -> list[str]:
        where = f"{self._host}:{self._tls_port}"
        return [
            f"MQTT  {where}  (TLS and accounts; authority: {self._folders.ca_file.resolve()})",
            f"      {LOOPBACK}:{self._port}  (plain, with accounts, for this machine)",
            f"Accounts: {_recharge()} accounts add NAME --role charger --mqtt-port {self._port}"
            f" --data-dir {shlex.quote(str(self._folders.broker.resolve().parent))}",
        ]

    def example(self) -> str:
        file = self._folders.secrets.password_file("gateway").resolve()
        return (
            f"{_recharge()} request newChargingStation x_position=10 y_position=20 --mqtt-port {self._port}"
            f" --mqtt-user gateway --mqtt-password-file {shlex.quote(str(file))}"
        )

    def _account(self, process: str) -> str:
        return _DEMO if process == "demo" else process


def reachable(host: str) -> str:
    """Where this machine's processes reach what listens on an address; on all of them, say."""
    return LOOPBACK if host in _EVERYWHERE else host


def _recharge() -> str:
    """How the reader calls this program again."""
    program = Path(sys.argv[0]).resolve()
    if program.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m cloud_service"
    return shlex.quote(str(program))
