"""The settings of all commands."""

import subprocess
import sys
from typing import Any

import pytest

from cloud_service.cli.logs import LogSettings
from cloud_service.cli.main import COMMANDS, Command, command_line
from cloud_service.config.environment import to_environment
from cloud_service.config.setting import Declared, declared_settings

OTHER_VALUES = {
    "DIR": "/srv/network",
    "FILE": "/etc/some.file",
    "ZONE": "America/Sao_Paulo",
    "HOST": "example.org",
    "PORT": "4242",
    "NAME": "ana",
    "NAMES": "broker.example.org,192.0.2.1",
    "DAYS": "1.5",
    "HOURS": "0.5",
    "MINUTES": "2.5",
    "SECONDS": "7.5",
    "N": "77",
    "NETWORKS": "192.0.2.0/24,2001:db8::/32",
    "text|json": "json",
    "LEVEL": "debug",
    "LAT,LON": "12.5,-38.5",
    "CC": "PT",
    "CCC": "PRT",
    "ID": "ABC",
    "CITY": "Porto",
    "on|off": "on",
    "URL": "postgresql://recharge@db.example.org/network",
}
"""By metavar, a valid value that is not any setting's default."""

ARGUMENTS = {
    "request": ["findReservation"],
    "health": ["gateway"],
    "accounts": ["list"],
    "ocpp": ["list"],
    "certificates": ["show"],
    "verify": ["data"],
    "migrate": ["--from", "data", "--to", "postgresql://owner@db/recharge"],
    "backup": ["copy"],
    "restore": ["copy"],
    "forget": ["ana"],
    "import": ["stations.csv"],
}
"""The arguments that a command cannot do without."""

SECRETS = {"mqtt_password", "http_token", "state_password", "state_owner_password"}
SECRET_FILES = {f"{name}_file" for name in SECRETS}

SETTINGS = [
    pytest.param(command, declared, id=f"{command.name}-{declared.setting.name}")
    for command in COMMANDS
    for declared in declared_settings(command.load().Options)
    if declared.setting.flag and declared.setting.name not in SECRET_FILES
]


def read(command: Command, *words: str, environment: dict[str, str] | None = None) -> dict[str, str]:
    """The variables that would give another process the settings that these words give the command."""
    module = command.load()
    values = command_line(command, module).read([*ARGUMENTS.get(command.name, []), *words], environment or {})
    return {
        **to_environment(values.record(module.Options)),
        **to_environment(values.record(LogSettings)),
    }


@pytest.mark.parametrize(("command", "declared"), SETTINGS)
def test_flag_beats_variable_beats_default(command: Command, declared: Declared) -> None:
    setting, other = declared.setting, OTHER_VALUES[declared.setting.kind.metavar]
    default = setting.text(declared.default)
    assert read(command)[setting.variable] == default != other
    assert read(command, environment={setting.variable: other})[setting.variable] == other
    assert (
        read(command, str(setting.flag), other, environment={setting.variable: "\0"})[setting.variable]
        == other
    )


def test_a_name_is_one_setting() -> None:
    """Also where one command takes several of what the others take one of."""
    found: dict[str, Any] = {}
    for command in COMMANDS:
        for declared in declared_settings(command.load().Options, LogSettings):
            setting = declared.setting
            same: Any = declared
            if setting.name == "mqtt_host":
                same = (setting.flag, setting.section, setting.kind.metavar, setting.text(declared.default))
            assert found.setdefault(setting.name, same) == same


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_another_process_gets_the_same_settings(command: Command) -> None:
    settings = [
        declared.setting
        for declared in declared_settings(command.load().Options, LogSettings)
        if declared.setting.flag and declared.setting.name not in SECRET_FILES
    ]
    words = [word for row in settings for word in (str(row.flag), OTHER_VALUES[row.kind.metavar])]
    for environment in (read(command), read(command, *words)):
        assert read(command, environment=environment) == environment


def test_only_passwords_and_the_token_are_secrets() -> None:
    settings = [row.setting for command in COMMANDS for row in declared_settings(command.load().Options)]
    assert {setting.name for setting in settings if setting.secret} == SECRETS


def test_password_file_that_cannot_be_read_ends_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cloud_service", "health", "gateway", "--mqtt-password-file", "absent"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("recharge health: cannot read the password file absent: ")
    assert done.stderr.count("\n") == 1
