"""How clients get access to the broker of `recharge up`: openly, or with accounts and TLS."""

import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final, Protocol

from cloud_service.accounts.broker_accounts import Account, AccountRole, Accounts
from cloud_service.accounts.first_accounts import new_password
from cloud_service.accounts.secret_files import handed_over
from cloud_service.accounts.secure_broker import BrokerFolders, find_plugin, prepare, secure_listeners
from cloud_service.config.environment import to_environment
from cloud_service.language.text import Text
from cloud_service.local import mosquitto
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.protocol import topics
from cloud_service.protocol.roles import ADMINISTRATOR

LOOPBACK: Final = "127.0.0.1"
_EVERYWHERE: Final = (str(IPv4Address(0)), str(IPv6Address(0)))
_LATER: Final[Mapping[str, tuple[str, AccountRole]]] = {
    "monitor": ("monitor", "monitor"),
    "demo": ("operator-demo", "operator"),
}
"""Name and role of the accounts of processes that a first start of the broker does not need."""


class Access(Protocol):
    """A way to get access. Its ports are free ones, not 0."""

    def listeners(self) -> str:
        """The part of the broker's configuration about listeners. Creates the files that it names."""

    def address(self, process: str) -> BrokerAddress:
        """The address and account with which `cloud_service`, `gateway`, `monitor` or `demo` connects."""

    def environment(self, process: str) -> Mapping[str, str]:
        """The same as environment variables for that process."""

    async def open_for(self, process: str) -> None:
        """Gives `monitor` or `demo` access. The broker must be running."""

    def describe(self) -> list[Text]:
        """Lines for people that say where the broker is, and who has access."""

    def example(self) -> str:
        """A shell command that sends a request, to try the network."""


class OpenAccess:
    """Access for all clients, under any name: for development."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    def listeners(self) -> str:
        return mosquitto.open_listener(self._host, self._port)

    def address(self, process: str) -> BrokerAddress:
        return BrokerAddress(reachable(self._host), self._port)

    def environment(self, process: str) -> Mapping[str, str]:
        return to_environment(self.address(process))

    async def open_for(self, process: str) -> None:
        pass

    def describe(self) -> list[Text]:
        return [
            Text(
                "MQTT  {host}:{port}  (open to everyone who can reach this address: for development)",
                host=self._host,
                port=self._port,
            )
        ]

    def example(self) -> str:
        return (
            f"{mosquitto.command('mosquitto_rr')} -W 10 -V mqttv5 -h {reachable(self._host)} -p {self._port}"
            f" -t {topics.request('newChargingStation', 'ana')} -e {topics.reply('ana')}"
            """ -m '{"x_position": 10, "y_position": 20}'"""
        )


class SecureAccess:
    """Access for accounts: over TLS from everywhere, and without TLS from this machine."""

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
        file = self._folders.secrets.password_file(self._account(process)).resolve()
        return {**to_environment(self.address(process)), "RECHARGE_MQTT_PASSWORD_FILE": str(file)}

    async def open_for(self, process: str) -> None:
        name, role = _LATER[process]
        file = self._folders.secrets.password_file(name)
        async with Accounts(self.address(ADMINISTRATOR)) as accounts:
            exists = Account(name, role) in await accounts.all()
            if exists and file.exists():
                return
            file.parent.mkdir(exist_ok=True, mode=0o700)
            password = new_password()
            with handed_over(file, password + "\n"):
                if exists:  # its password was lost
                    await accounts.rotate(name, password)
                else:
                    await accounts.add(name, role, password)

    def describe(self) -> list[Text]:
        return [
            Text(
                "MQTT  {host}:{port}  (TLS and accounts; authority: {file})",
                host=self._host,
                port=self._tls_port,
                file=self._folders.ca_file.resolve(),
            ),
            Text(
                "      {host}:{port}  (plain, with accounts, for this machine)",
                host=LOOPBACK,
                port=self._port,
            ),
            Text(
                "Accounts: {recharge} accounts add NAME --role charger --mqtt-port {port} --data-dir"
                " {folder}",
                recharge=_recharge(),
                port=self._port,
                folder=shlex.quote(str(self._folders.broker.resolve().parent)),
            ),
        ]

    def example(self) -> str:
        file = self._folders.secrets.password_file("gateway").resolve()
        return (
            f"{_recharge()} request newChargingStation x_position=10 y_position=20 --mqtt-port {self._port}"
            f" --mqtt-user gateway --mqtt-password-file {shlex.quote(str(file))}"
        )

    def _account(self, process: str) -> str:
        return _LATER[process][0] if process in _LATER else process


def reachable(host: str) -> str:
    """Where this machine's processes reach a listener on `host`, which may stand for all addresses."""
    return LOOPBACK if host in _EVERYWHERE else host


def _recharge() -> str:
    """What a person types in a shell to run this program again."""
    program = Path(sys.argv[0]).resolve()
    if program.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m cloud_service"
    return shlex.quote(str(program))
