"""Where the files of accounts and certificates are, and what the broker's certificate is for."""

from pathlib import Path
from typing import Annotated, Final

from msgspec import Struct

from cloud_service.accounts.first_accounts import Secrets
from cloud_service.accounts.secure_broker import BrokerFolders
from cloud_service.config.setting import Section, Setting
from cloud_service.config.shared import DataFolder
from cloud_service.config.values import FILE, FOLDER, NAMES, PORT

AUDIT_LOG: Final = "audit.jsonl"
"""The audit log, in the data folder unless a setting names another file."""
_SECURITY = Section.SECURITY


class DataSettings(DataFolder, frozen=True):
    """Where the network's files and the audit log are."""

    audit_file: Annotated[
        Path | None,
        Setting(
            "audit_file",
            FILE,
            Section.PLACES,
            "file to which the audit log is appended (default: audit.jsonl, in the data folder)",
        ),
    ] = None

    @property
    def audit_log(self) -> Path:
        """The file of the audit log."""
        return self.audit_file or self.data_dir / AUDIT_LOG


class TlsSettings(Struct, frozen=True):
    """How clients reach the broker over TLS."""

    mqtt_tls_port: Annotated[
        int,
        Setting("mqtt_tls_port", PORT, _SECURITY, "port of the broker for TLS"),
    ] = 8883
    broker_names: Annotated[
        tuple[str, ...],
        Setting(
            "broker_names",
            NAMES,
            _SECURITY,
            "host names and addresses in the broker's certificate, separated by commas",
        ),
    ] = ("localhost", "127.0.0.1")


class SecuritySettings(TlsSettings, frozen=True):
    """The broker's certificate and the folders of a secured broker."""

    broker_dir: Annotated[
        Path | None,
        Setting(
            "broker_dir",
            FOLDER,
            _SECURITY,
            "folder of the broker's own files (default: broker, in the data folder)",
        ),
    ] = None
    certificates_dir: Annotated[
        Path | None,
        Setting(
            "certificates_dir",
            FOLDER,
            _SECURITY,
            "folder of the broker's certificate (default: certificates, in the broker's folder)",
        ),
    ] = None
    authority_dir: Annotated[
        Path | None,
        Setting(
            "authority_dir",
            FOLDER,
            _SECURITY,
            "folder of the private authority (default: authority, in the broker's folder)",
        ),
    ] = None
    secrets_dir: Annotated[
        Path | None,
        Setting(
            "secrets_dir",
            FOLDER,
            _SECURITY,
            "folder of the first accounts' passwords (default: secrets, in the broker's folder)",
        ),
    ] = None

    def folders(self, data_dir: Path) -> BrokerFolders:
        """The broker's folders, of which those without a setting lie in the broker's folder."""
        broker = self.broker_dir or data_dir / "broker"
        return BrokerFolders(
            broker,
            self.certificates_dir or broker / "certificates",
            self.authority_dir or broker / "authority",
            Secrets(self.secrets_dir or broker / "secrets"),
        )
