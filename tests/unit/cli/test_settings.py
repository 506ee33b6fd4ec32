"""One table gives flags, environment variables, defaults and help."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest
from msgspec import structs

from cloud_service.cli import settings
from cloud_service.cli.main import COMMANDS
from cloud_service.cli.settings import SETTINGS, ServiceSettings, SettingError
from cloud_service.gateway.settings import GatewaySettings
from cloud_service.mqtt.address import BrokerAddress

OTHER_VALUES = {
    "DIR": "/srv/network",
    "FILE": "/etc/some.file",
    "ZONE": "America/Sao_Paulo",
    "HOST": "example.org",
    "PORT": "4242",
    "NAME": "ana",
    "NAMES": "broker.example.org,192.0.2.1",
    "TEXT": "secret",
    "DAYS": "1.5",
    "HOURS": "0.5",
    "SECONDS": "7.5",
    "N": "77",
    "NETWORKS": "192.0.2.0/24,2001:db8::/32",
    "text|json": "json",
    "LEVEL": "debug",
}
"""By the kind of the setting, a good value that is no setting's default."""


def read(*words: str, environment: dict[str, str] | None = None) -> Namespace:
    parser = ArgumentParser()
    settings.add_settings(parser, SETTINGS)
    options = parser.parse_args(words)
    settings.complete(options, SETTINGS, environment or {})
    return options


@pytest.mark.parametrize("setting", [row for row in SETTINGS.values() if row.flag], ids=lambda row: row.name)
def test_flag_beats_variable_beats_default(setting: settings.Setting) -> None:
    other = OTHER_VALUES[setting.metavar]
    assert setting.flag == "--" + setting.name.replace("_", "-")
    assert setting.variable == "RECHARGE_" + setting.name.upper()

    plain = read()
    assert getattr(plain, setting.name) == setting.default
    assert setting.name not in plain.asked_for

    by_variable = read(environment={setting.variable: other})
    assert getattr(by_variable, setting.name) == setting.read(other) != setting.default
    assert setting.name in by_variable.asked_for

    by_flag = read(setting.flag, other, environment={setting.variable: "\0"})
    assert getattr(by_flag, setting.name) == setting.read(other)
    assert setting.name in by_flag.asked_for


def test_default_that_is_asked_for_counts_as_asked_for() -> None:
    assert "mqtt_port" in read("--mqtt-port", "1883").asked_for


def test_empty_variable_counts_as_unset() -> None:
    options = read(environment={"RECHARGE_MQTT_PORT": "", "RECHARGE_MQTT_USER": ""})
    assert (options.mqtt_port, options.mqtt_user) == (1883, None)
    assert options.asked_for == frozenset()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mqtt_port", "65536"),
        ("mqtt_port", "-1"),
        ("tcp_port", "old"),
        ("max_charge_days", "0"),
        ("max_charge_days", "nan"),
        ("remember_hours", "inf"),
        ("max_result_bytes", "0"),
        ("pending_in_all", "1e3"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../../etc/passwd"),
        ("log_format", "xml"),
        ("log_level", "loud"),
    ],
)
def test_bad_values_are_named(name: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    setting = SETTINGS[name]
    with pytest.raises(SettingError, match=setting.variable) as error:
        read(environment={setting.variable: value})
    assert repr(value) in str(error.value)

    with pytest.raises(SystemExit):
        read(f"{setting.flag}={value}")
    said = capsys.readouterr().err
    assert str(setting.flag) in said
    assert repr(value) in said


def test_help_shows_flag_variable_and_default() -> None:
    parser = ArgumentParser()
    settings.add_settings(parser, SETTINGS)
    text = " ".join(parser.format_help().split())
    for setting in SETTINGS.values():
        assert setting.variable in text
        if setting.flag:
            assert setting.flag in text
    assert "port of the broker (default: 1883) [RECHARGE_MQTT_PORT]" in text


def test_each_setting_is_taken_by_a_command() -> None:
    taken = {name for command in COMMANDS for name in command.settings} | set(settings.LOGS)
    assert taken == set(SETTINGS)


def test_another_process_gets_the_same_settings() -> None:
    words = [word for row in SETTINGS.values() if row.flag for word in (row.flag, OTHER_VALUES[row.metavar])]
    for options in (read(), read(*words)):
        again = read(environment=settings.to_environment(options, SETTINGS))
        for name in SETTINGS:
            assert getattr(again, name) == getattr(options, name), name


def test_secrets_have_no_flag() -> None:
    assert SETTINGS["mqtt_password"].flag is None
    assert all(not row.secret for row in SETTINGS.values() if row.name != "mqtt_password")


def test_password_comes_from_variable_or_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("from the file\r\nsecond line\n")
    by_file = read("--mqtt-password-file", str(file), "--mqtt-user", "ana")
    assert settings.broker_address(by_file) == BrokerAddress(user="ana", password="from the file")

    by_variable = read(environment={"RECHARGE_MQTT_PASSWORD": "from the variable"})
    address = settings.broker_address(by_variable)
    assert address.password == "from the variable"
    assert "from the variable" not in repr(address)

    absent = read("--mqtt-password-file", str(tmp_path / "absent"))
    with pytest.raises(SettingError, match="absent"):
        settings.broker_address(absent)


def test_service_settings() -> None:
    options = read()
    assert settings.service_settings(options) == ServiceSettings(data_dir=Path("data"))

    options = read("--data-dir", "/srv/network", "--mqtt-port", "4242", "--checkpoint-seconds", "1.5")
    made = settings.service_settings(options)
    assert made.data_dir == Path("/srv/network")
    assert made.broker.port == 4242
    assert made.checkpoint_seconds == 1.5
    assert {field.name for field in structs.fields(ServiceSettings)} - {"broker"} == set(settings.SERVICE)


def test_gateway_settings_have_the_defaults_of_the_table() -> None:
    options = read()
    made = GatewaySettings(**{name.removeprefix("tcp_"): getattr(options, name) for name in settings.GATEWAY})
    assert made == GatewaySettings()
