"""What a secured broker needs to start. Brokers that start with it are in tests/security."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloud_service.accounts.certificates import BROKER_LIFETIME, CertificateFiles
from cloud_service.accounts.secure_broker import (
    BrokerFolders,
    PluginMissing,
    find_plugin,
    prepare,
    secure_listeners,
)

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_the_first_start_creates_accounts_and_later_ones_keep_them(tmp_path: Path) -> None:
    folders = BrokerFolders.within(tmp_path / "broker")
    assert prepare(folders, ["localhost"], NOW)
    first = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert not prepare(folders, ["localhost"], NOW)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == first


def test_a_certificate_that_expires_soon_is_renewed_and_the_accounts_stay(tmp_path: Path) -> None:
    folders = BrokerFolders.within(tmp_path)
    prepare(folders, ["localhost"], NOW)
    accounts = folders.plugin_file.read_bytes()
    files = CertificateFiles.of(folders.certificates, "broker")
    assert files.certificate().not_valid_after_utc == NOW + BROKER_LIFETIME
    later = NOW + BROKER_LIFETIME - timedelta(days=59)
    prepare(folders, ["localhost"], later)
    assert files.certificate().not_valid_after_utc == later + BROKER_LIFETIME
    assert folders.plugin_file.read_bytes() == accounts


def test_the_listeners_require_an_account_and_name_the_files(tmp_path: Path) -> None:
    folders = BrokerFolders.within(tmp_path)
    text = secure_listeners(folders, Path("/lib/plugin.so"), ("127.0.0.1", 1883), ("0.0.0.0", 8883))
    lines = text.splitlines()
    assert lines.index("allow_anonymous false") < lines.index("listener 1883 127.0.0.1")
    plain, tls = text.split("listener 8883 0.0.0.0")
    assert "certfile" not in plain
    assert "max_connections 1000\n" in plain
    assert "max_connections 10000\n" in tls
    assert f"certfile {tmp_path / 'certificates' / 'broker.crt'}" in tls
    assert f"keyfile {tmp_path / 'certificates' / 'broker.key'}" in tls


def test_the_plugin_is_found_below_a_library_folder(tmp_path: Path) -> None:
    file = tmp_path / "x86_64-linux-gnu" / "mosquitto_dynamic_security.so"
    file.parent.mkdir()
    file.touch()
    assert find_plugin([str(tmp_path)]) == file


def test_a_missing_plugin_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        PluginMissing, match=r"mosquitto_dynamic_security\.so is not installed.*docker compose"
    ):
        find_plugin([str(tmp_path)])
