"""Where the files are that operations work on, by the settings."""

from argparse import Namespace
from pathlib import Path

from cloud_service.accounts.first_accounts import Secrets
from cloud_service.accounts.secure_broker import BrokerFolders


def broker_folders(options: Namespace) -> BrokerFolders:
    """What no setting names lies in the broker's folder, and that in the data folder."""
    broker: Path = options.broker_dir or options.data_dir / "broker"
    return BrokerFolders(
        broker,
        options.certificates_dir or broker / "certificates",
        options.authority_dir or broker / "authority",
        Secrets(options.secrets_dir or broker / "secrets"),
    )


def audit_file(options: Namespace) -> Path:
    file: Path = options.audit_file or options.data_dir / "audit.jsonl"
    return file
