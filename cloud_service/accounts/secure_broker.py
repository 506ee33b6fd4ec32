"""A broker with accounts and TLS: the files that it needs to start, and its part of the configuration."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from cloud_service.accounts.certificates import CertificateFiles, prepare_broker
from cloud_service.accounts.first_accounts import Secrets, make_first_accounts
from cloud_service.language.text import TextError

PLAIN_CONNECTIONS: Final = 1_000
TLS_CONNECTIONS: Final = 10_000
"""At once, as with compose (mosquitto/compose.conf and the files beside it)."""
_PLUGIN: Final = "mosquitto_dynamic_security.so"
_LIBRARIES: Final = (
    "/usr/lib",
    "/usr/local/lib",
    "/usr/lib64",
    "/opt/homebrew/lib",
    "/home/linuxbrew/.linuxbrew/lib",
)


class PluginMissing(TextError):
    """Mosquitto's dynamic-security plugin is not installed. The text says what to do."""


class BrokerFolders(Struct, frozen=True):
    """The running broker needs `broker` and `certificates`. No running process needs `authority`."""

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

    @property
    def database_file(self) -> Path:
        """What the broker keeps of sessions and retained messages, while it does not run."""
        return self.broker / "mosquitto.db"

    @property
    def has_accounts(self) -> bool:
        """Whether this broker has, or had, accounts: the file that lists them may be lost."""
        return self.plugin_file.exists() or any(self.secrets.folder.glob("*/password"))

    def files_to_keep(self) -> list[Path]:
        """The files of accounts, certificates and passwords that exist: the broker knows its clients by them.

        The broker's database is not one of them: the network fills it again.
        """
        certificates = (
            file
            for folder in (self.certificates, self.authority)
            for kind in ("*.crt", "*.key")
            for file in sorted(folder.glob(kind))
        )
        passwords = sorted(self.secrets.folder.glob("*/password"))
        return [file for file in (self.plugin_file, *certificates, *passwords) if file.is_file()]

    @classmethod
    def within(cls, folder: Path) -> "BrokerFolders":
        """Puts everything into one folder, for a broker on this machine."""
        return cls(folder, folder / "certificates", folder / "authority", Secrets(folder / "secrets"))


def prepare(folders: BrokerFolders, names: Sequence[str], now: datetime) -> bool:
    """Creates missing accounts and certificates. Returns whether it created the first accounts.

    `names` are the host names and addresses by which clients reach the broker, which must not be running.
    Raises CertificateError.
    """
    folders.broker.mkdir(parents=True, exist_ok=True, mode=0o700)
    prepare_broker(folders.certificates, folders.authority, names, now)
    return make_first_accounts(folders.plugin_file, folders.secrets)


def find_plugin(libraries: Sequence[str] = _LIBRARIES) -> Path:
    """The file of Mosquitto's dynamic-security plugin, in one of these folders. Raises PluginMissing."""
    for library in map(Path, libraries):
        for file in (library / _PLUGIN, *sorted(library.glob(f"*/{_PLUGIN}"))):
            if file.exists():
                return file
    raise PluginMissing(
        "{plugin} is not installed: it comes with Mosquitto 2.0 and later, if built with TLS and"
        " cJSON. `docker compose up` does not need it",
        plugin=_PLUGIN,
    )


def secure_listeners(
    folders: BrokerFolders, plugin: Path, plain: tuple[str, int], tls: tuple[str, int]
) -> str:
    """The configuration of two listeners (host, port) that require an account, without and with TLS."""
    files = CertificateFiles.of(folders.certificates.resolve(), "broker")
    return f"""\
allow_anonymous false
plugin {plugin}
plugin_opt_config_file {folders.plugin_file.resolve()}

listener {plain[1]} {plain[0]}
max_connections {PLAIN_CONNECTIONS}

listener {tls[1]} {tls[0]}
max_connections {TLS_CONNECTIONS}
certfile {files.certificate_file}
keyfile {files.key_file}
tls_version tlsv1.2
"""
