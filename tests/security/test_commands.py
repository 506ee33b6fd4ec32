"""`recharge accounts` and `recharge certificates` as an operator types them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from cloud_service.accounts.rights import as_markdown
from tests.kit.mqtt import MqttConnection
from tests.kit.processes import HOST, clean_environment
from tests.kit.secured import SecuredBroker
from tests.kit.waiting import DEADLINE

Recharge: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def recharge(broker: SecuredBroker, tmp_path: Path) -> Recharge:
    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        environment = clean_environment(
            RECHARGE_MQTT_HOST=HOST,
            RECHARGE_MQTT_PORT=str(broker.port),
            RECHARGE_BROKER_DIR=str(broker.folders.broker),
            RECHARGE_AUDIT_FILE=str(tmp_path / "audit.jsonl"),
        )
        return subprocess.run(
            [sys.executable, "-m", "cloud_service", *words],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_an_account_from_its_first_day_to_its_last(
    broker: SecuredBroker, recharge: Recharge, tmp_path: Path
) -> None:
    added = recharge("accounts", "add", "typed", "--role", "vehicle")
    assert added.returncode == 0, added.stderr
    password = added.stdout.strip()
    with MqttConnection(broker.port, "typed", "typed", password) as client:
        listed = recharge("accounts", "list").stdout.splitlines()
        assert ["typed", "vehicle"] in [line.split() for line in listed]
        rotated = recharge("accounts", "rotate", "typed")
        assert client.disconnected.wait(DEADLINE)
    with MqttConnection(broker.port, "typed", "typed", rotated.stdout.strip()) as client:
        assert recharge("accounts", "remove", "typed").returncode == 0
        assert client.disconnected.wait(DEADLINE)
    audit = (tmp_path / "audit.jsonl").read_text()
    events = [json.loads(line) for line in audit.splitlines()]
    assert [(event["event"], event["by"], event["account"]) for event in events] == [
        ("accountAdded", "administrator", "typed"),
        ("passwordRotated", "administrator", "typed"),
        ("accountRemoved", "administrator", "typed"),
    ]
    assert password not in audit + added.stderr
    assert rotated.stdout.strip() not in audit


def test_rotating_a_first_account_writes_its_file(broker: SecuredBroker, recharge: Recharge) -> None:
    before = broker.password("gateway")
    rotated = recharge("accounts", "rotate", "gateway")
    assert rotated.returncode == 0, rotated.stderr
    assert rotated.stdout == ""
    assert broker.password("gateway") != before
    with broker.connection("gateway"):
        pass
    assert recharge("accounts", "rotate", "administrator").returncode == 0
    assert recharge("accounts", "list").returncode == 0


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("add", "somebody"), "--role"),
        (("add", "--role", "charger"), "takes 1 name, not 0"),
        (("add", "gateway-2", "--role", "charger"), "reserved"),
        (("remove", "nobody-of-that-name"), "no account nobody-of-that-name"),
        (("list", "--secrets-dir", "/nowhere"), "/nowhere/administrator/password"),
        (("list", "--mqtt-user", "gateway", "--mqtt-port", "1"), "127.0.0.1:1"),
    ],
)
def test_mistakes_are_told_in_a_sentence(recharge: Recharge, words: tuple[str, ...], reason: str) -> None:
    result = recharge("accounts", *words)
    assert result.returncode != 0
    assert reason in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_rights_are_shown(recharge: Recharge) -> None:
    assert recharge("accounts", "rights").stdout == as_markdown()


def test_certificates(broker: SecuredBroker, recharge: Recharge, tmp_path: Path) -> None:
    made = recharge("certificates", "device", "car-1")
    assert made.returncode == 0, made.stderr
    assert {"car-1.crt", "car-1.key"} <= {file.name for file in tmp_path.iterdir()}
    assert (tmp_path / "car-1.key").stat().st_mode & 0o077 == 0
    shown = recharge("certificates", "show").stdout
    assert "CN=localhost" in shown
    again = recharge("certificates", "prepare")
    assert again.returncode == 0, again.stderr
    assert "as they were" in again.stdout
    refused = recharge("certificates", "device", "cloud_service")
    assert refused.returncode == 1
    assert "one of the first accounts" in refused.stderr
