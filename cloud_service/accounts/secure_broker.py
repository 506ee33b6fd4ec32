"""A broker with accounts and TLS: what it needs before its first start, and its part of the configuration."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from cloud_service.accounts.certificates import Pair, prepare_broker
from cloud_service.accounts.first_accounts import Secrets, make_first_accounts

_PLUGIN: Final = "mosquitto_dynamic_security.so"
_LIBRARIES: Final = (
    "/usr/lib",
    "/usr/local/lib",
    "/usr/lib64",
    "/opt/homebrew/lib",
    "/home/linuxbrew/.linuxbrew/lib",
)


class PluginMissing(Exception):
    """Mosquitto's dynamic-security plugin is not on this machine. The text says what to do."""


class BrokerFolders(Struct, frozen=True):
    """The broker needs `broker` and `certificates`; nobody who runs needs `authority`."""

    broker: Path
    certificates: Path
    authority: Path
    secrets: Secrets

    @property
    def plugin_file(self) -> Path:
        return self.broker / "dynamic-security.json"

    @property
    def ca_file(self) -> Path:
        return self.certificates / "ca.crt"

    @classmethod
    def within(cls, folder: Path) -> "BrokerFolders":
        """All in one folder, for a broker on this machine."""
        return cls(folder, folder / "certificates", folder / "authority", Secrets(folder / "secrets"))


def prepare(folders: BrokerFolders, names: Sequence[str], now: datetime) -> bool:
    """Makes what is missing of accounts and certificates; whether these are the first accounts.

    `names` are the host names and addresses by which clients reach the broker, which must not run meanwhile.
    """
    folders.broker.mkdir(parents=True, exist_ok=True, mode=0o700)
    prepare_broker(folders.certificates, folders.authority, names, now)
    return make_first_accounts(folders.plugin_file, folders.secrets)


def find_plugin() -> Path:
    """Where Mosquitto's plugin is. Raises PluginMissing."""
    for library in map(Path, _LIBRARIES):
        for file in (library / _PLUGIN, *sorted(library.glob(f"*/{_PLUGIN}"))):
            if file.exists():
                return file
    raise PluginMissing(
        f"{_PLUGIN} is not installed: Mosquitto from 2.0 on brings it, with TLS and cJSON compiled in;"
        " `docker compose up` needs none"
    )


def secure_listeners(
    folders: BrokerFolders, plugin: Path, plain: tuple[str, int], tls: tuple[str, int]
) -> str:
    """Two listeners (host and port) for those who have an account; the plain one is for this machine only."""
    files = Pair.of(folders.certificates.resolve(), "broker")
    return f"""\
allow_anonymous false
plugin {plugin}
plugin_opt_config_file {folders.plugin_file.resolve()}

listener {plain[1]} {plain[0]}

listener {tls[1]} {tls[0]}
certfile {files.certificate_file}
keyfile {files.key_file}
tls_version tlsv1.2
"""
