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
    def run(*words: str, redirection: str = "") -> "subprocess.CompletedProcess[str]":
        environment = clean_environment(
            RECHARGE_MQTT_HOST=HOST,
            RECHARGE_MQTT_PORT=str(broker.port),
            RECHARGE_BROKER_DIR=str(broker.folders.broker),
            RECHARGE_AUDIT_FILE=str(tmp_path / "audit.jsonl"),
        )
        return subprocess.run(
            ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "cloud_service", *words],
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


@pytest.mark.parametrize("verb", ["add", "rotate"])
@pytest.mark.parametrize("output", ["full", "closed", "no folder", "a folder"])
def test_a_password_that_cannot_be_handed_over_changes_no_account(
    broker: SecuredBroker, recharge: Recharge, tmp_path: Path, verb: str, output: str
) -> None:
    name = f"{verb}-{output.replace(' ', '-')}"
    password = (
        recharge("accounts", "add", name, "--role", "charger").stdout.strip() if verb == "rotate" else ""
    )
    words = ["accounts", verb, name, *(["--role", "charger"] if verb == "add" else [])]
    where = {"no folder": tmp_path / "none" / "file", "a folder": tmp_path}
    if output in where:
        result = recharge(*words, "--password-file", str(where[output]))
    else:
        result = recharge(*words, redirection=">/dev/full" if output == "full" else ">&-")

    assert result.returncode == 1
    assert "no account was changed" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    listed = {account.name for account in broker.accounts(lambda accounts: accounts.all())}
    assert (name in listed) is (verb == "rotate")
    if verb == "rotate":
        with MqttConnection(broker.port, name, name, password):
            pass


def test_a_certificate_that_cannot_be_printed_is_no_success(recharge: Recharge) -> None:
    for redirection in (">/dev/full", ">&-"):
        result = recharge("certificates", "device", "car-2", "--print", redirection=redirection)
        assert result.returncode == 1
        assert result.stderr.startswith("recharge certificates: cannot ")
        assert len(result.stderr.splitlines()) == 1


def test_a_password_file_is_made_again_on_demand_only(
    broker: SecuredBroker, recharge: Recharge, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    add = ("accounts", "add", "filed", "--role", "charger", "--password-file", str(file))
    assert recharge(*add).returncode == 0
    first = file.read_text()
    assert recharge(*add).returncode == 0
    assert file.read_text() == first
    for damage in (file.unlink, file.touch):
        damage()
        again = recharge(*add)
        assert again.returncode == 1
        assert f"accounts rotate filed --password-file {file}" in again.stderr
    rotated = recharge("accounts", "rotate", "filed", "--password-file", str(file))
    assert rotated.returncode == 0, rotated.stderr
    with MqttConnection(broker.port, "filed", "filed", file.read_text().strip()):
        pass
    assert sorted(each.name for each in tmp_path.iterdir()) == ["audit.jsonl", "password"]


@pytest.mark.parametrize("names", ['"localhost"', "a b", "a;b", "https://a.example", "[::1]", "a:8883"])
def test_names_that_no_client_can_match_are_refused(recharge: Recharge, names: str) -> None:
    refused = recharge("certificates", "prepare", "--broker-names", names)
    assert refused.returncode == 2
    assert "argument --broker-names: " in refused.stderr
