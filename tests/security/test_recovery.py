"""Lost passwords of the first accounts: `recharge accounts recover` makes new ones, and keeps all others."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud_service.accounts.secure_broker import BrokerFolders
from tests.kit.mqtt import MqttClient, MqttConnection, NotAccepted
from tests.kit.processes import clean_environment
from tests.kit.up import Up, up
from tests.kit.waiting import DEADLINE

FREE_PORTS = ("--mqtt-port", "0", "--mqtt-tls-port", "0", "--tcp-port", "0", "--http-port", "0")
FIRST = ("administrator", "cloud_service", "gateway")


def _accounts(data: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cloud_service", "accounts", *words, "--data-dir", str(data)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def _plain_port(network: Up) -> str:
    return network.stdout.splitlines()[1].split()[0].rpartition(":")[2]


class Network:
    """A data folder of `recharge up --secure` that has a charger, and is not in use."""

    def __init__(self, data: Path, password: str) -> None:
        self.data = data
        self.password = password
        self.folders = BrokerFolders.within(data / "broker")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Network:
    folder = tmp_path_factory.mktemp("made")
    data = folder / "data"
    with up(folder, "--secure", "--data-dir", str(data), *FREE_PORTS) as network:
        network.wait_ready()
        add = ("add", "post", "--role", "charger", "--mqtt-port", _plain_port(network))
        added = _accounts(data, *add)
        assert added.returncode == 0, added.stderr
        refused = _accounts(data, "recover")
        assert refused.returncode == 1
        assert "another `recharge up` uses" in refused.stderr
    return Network(data, added.stdout.strip())


@pytest.fixture
def network(made: Network, tmp_path: Path) -> Network:
    shutil.copytree(made.data, tmp_path / "data")
    return Network(tmp_path / "data", made.password)


def _lose_folder(folders: BrokerFolders) -> None:
    shutil.rmtree(folders.secrets.folder)


def _lose(folders: BrokerFolders) -> None:
    folders.secrets.password_file("administrator").unlink()


def _empty(folders: BrokerFolders) -> None:
    folders.secrets.password_file("administrator").write_text(" \n")


def _scramble(folders: BrokerFolders) -> None:
    folders.secrets.password_file("administrator").write_bytes(os.urandom(32) + b"\xff")


def _replace(folders: BrokerFolders) -> None:
    folders.secrets.password_file("administrator").write_text("of another network\n")


@pytest.mark.parametrize("damage", [_lose_folder, _lose, _empty, _scramble, _replace])
def test_lost_passwords_are_made_again_and_other_accounts_stay(
    network: Network, tmp_path: Path, damage: Callable[[BrokerFolders], None]
) -> None:
    words = ("--secure", "--data-dir", str(network.data), *FREE_PORTS)
    damage(network.folders)
    file = str(network.folders.secrets.password_file("administrator"))
    with up(tmp_path / "refused", *words) as refused:
        assert refused.wait_end() == 1
    assert refused.stderr.startswith(f"recharge up: {file}")
    assert "`recharge accounts recover`" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1

    recovered = _accounts(network.data, "recover")
    assert recovered.returncode == 0, recovered.stderr
    assert recovered.stdout == ""
    with up(tmp_path / "again", *words) as again:
        again.wait_ready()
        port = _plain_port(again)
        listed = _accounts(network.data, "list", "--mqtt-port", port)
        assert listed.returncode == 0, listed.stderr
        assert {line.split()[0] for line in listed.stdout.splitlines()} == {*FIRST, "monitor", "post"}
        with MqttClient(int(port), "post", network.password) as client:
            assert client.ask("newChargingStation", x_position=1, y_position=1) == 1
        with pytest.raises(NotAccepted):
            MqttConnection(int(port), "administrator", "administrator", "of another network").connect()
    audited = [json.loads(line) for line in (network.data / "audit.jsonl").read_text().splitlines()]
    renewed = {line["account"] for line in audited if line["event"] == "passwordRotated"}
    assert renewed == set(FIRST)


def test_only_the_passwords_of_the_first_accounts_change(network: Network) -> None:
    def clients() -> dict[str, dict[str, object]]:
        content = json.loads(network.folders.plugin_file.read_bytes())
        return {client["username"]: client for client in content.pop("clients")} | {"": content}

    before = clients()
    # As Mosquitto 2.1 stores a password.
    content = json.loads(network.folders.plugin_file.read_bytes())
    for client in content["clients"]:
        if client["username"] == "gateway":
            for key in ("password", "salt", "iterations"):
                del client[key]
            client["encoded_password"] = "$7$1000$c2FsdA==$aGFzaA=="
    network.folders.plugin_file.write_text(json.dumps(content))

    assert _accounts(network.data, "recover").returncode == 0
    after = clients()
    assert after.keys() == before.keys()
    for name in before:
        changed = {key for key in after[name] if after[name][key] != before[name].get(key)}
        assert changed == ({"password", "salt"} if name in FIRST else set())
        assert after[name].keys() == before[name].keys()


def test_a_wrong_password_while_the_network_runs_is_named_with_the_way_out(
    network: Network, tmp_path: Path
) -> None:
    with up(tmp_path / "up", "--secure", "--data-dir", str(network.data), *FREE_PORTS) as running:
        running.wait_ready()
        for damage in (_replace, _empty, _lose):
            damage(network.folders)
            refused = _accounts(network.data, "list", "--mqtt-port", _plain_port(running))
            assert refused.returncode == 1
            assert str(network.folders.secrets.password_file("administrator")) in refused.stderr
            assert "`recharge accounts recover`" in refused.stderr
            assert len(refused.stderr.splitlines()) == 1


def test_lost_accounts_are_not_replaced_without_a_word(network: Network, tmp_path: Path) -> None:
    plugin_file = network.folders.plugin_file
    plugin_file.unlink()
    with up(tmp_path / "up", "--secure", "--data-dir", str(network.data), *FREE_PORTS) as refused:
        assert refused.wait_end() == 1
    recovered = _accounts(network.data, "recover")
    assert recovered.returncode == 1
    for said in (refused.stderr, recovered.stderr):
        assert str(plugin_file) in said
        assert "restore it from a backup" in said
        assert len(said.splitlines()) == 1
    assert not plugin_file.exists()
