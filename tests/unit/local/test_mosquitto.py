"""Mosquitto's programs on this machine, and the configuration that is written for the broker."""

from pathlib import Path

import pytest

from cloud_service.local import mosquitto
from cloud_service.local.errors import CannotStart


def program(folder: Path, name: str) -> Path:
    file = folder / name
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def test_a_program_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = program(tmp_path, "mosquitto_rr")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert mosquitto.find_program("mosquitto_rr") == file
    assert mosquitto.command("mosquitto_rr") == "mosquitto_rr"


def test_a_program_in_a_known_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    file = program(folder, "mosquitto_rr")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(mosquitto, "FOLDERS", (str(folder),))
    assert mosquitto.find_program("mosquitto_rr") == file
    assert mosquitto.command("mosquitto_rr") == f"'{file}'"


def test_a_missing_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(mosquitto, "FOLDERS", ())
    with pytest.raises(CannotStart, match=r"^mosquitto is not installed: .*brew install mosquitto"):
        mosquitto.find_program("mosquitto")
    assert mosquitto.command("mosquitto_rr") == "mosquitto_rr"


def test_the_configuration_has_limits_folder_and_listeners(tmp_path: Path) -> None:
    listener = mosquitto.open_listener("127.0.0.1", 4242)
    text = mosquitto.write_configuration(tmp_path, listener).read_text()
    assert mosquitto.limits() in text
    assert f"\npersistence_location {tmp_path}/\n" in text
    assert text.endswith(listener)
    assert "listener 4242 127.0.0.1\n" in listener
