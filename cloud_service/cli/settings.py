"""Every setting, once: SETTINGS is where flags, environment variables, defaults and `--help` come from.

What a command was started with ends up in frozen records, which everything else is given.
"""

import os
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from cloud_service.config.values import amount, count, networks, one_of, path, port, texts, time_zone
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.service.settings import ServiceSettings


class SettingError(Exception):
    """A setting cannot be used. The text names it, and says what it may be."""


class Setting(Struct, frozen=True):
    """A row of SETTINGS. `read` makes the value of a text, or raises ArgumentTypeError."""

    name: str
    section: str
    """The heading under which `--help` shows it."""
    metavar: str
    read: Callable[[str], Any]
    default: Any
    help: str
    secret: bool = False
    """Secrets have no flag: other users of a machine can read the arguments of its processes."""

    @property
    def flag(self) -> str | None:
        return None if self.secret else "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return "RECHARGE_" + self.name.upper()


_MIB: Final = 1024 * 1024

_DATA = "where things are"
_BROKER = "MQTT broker"
_TCP = "TCP for legacy clients"
_GATEWAY = "limits of the gateway"
_SERVICE = "limits of the service"
_LOGS = "logs"
_SECURITY = "accounts and certificates"

SETTINGS: Final[Mapping[str, Setting]] = {
    setting.name: setting
    for setting in (
        Setting("data_dir", _DATA, "DIR", path, Path("data"), "folder of the network's files"),
        Setting(
            "time_zone",
            _DATA,
            "ZONE",
            time_zone,
            None,
            "time zone of dates without an offset, in TCP replies and in the old server's files",
        ),
        Setting(
            "audit_file",
            _DATA,
            "FILE",
            path,
            None,
            "file to which the audit log is appended (default: audit.jsonl, in the data folder)",
        ),
        Setting("mqtt_host", _BROKER, "HOST", str, "127.0.0.1", "host of the broker"),
        Setting("mqtt_port", _BROKER, "PORT", port, 1883, "port of the broker"),
        Setting("mqtt_tls_port", _SECURITY, "PORT", port, 8883, "port of the broker for TLS"),
        Setting(
            "mqtt_user", _BROKER, "NAME", str, None, "account at the broker; an open broker asks for none"
        ),
        Setting("mqtt_password", _BROKER, "TEXT", str, None, "its password", secret=True),
        Setting(
            "mqtt_password_file",
            _BROKER,
            "FILE",
            path,
            None,
            "file whose first line is the password; or see RECHARGE_MQTT_PASSWORD",
        ),
        Setting(
            "mqtt_ca_file",
            _BROKER,
            "FILE",
            path,
            None,
            "authority of the broker's certificate; turns on TLS",
        ),
        Setting("mqtt_certificate_file", _BROKER, "FILE", path, None, "own certificate, for mutual TLS"),
        Setting("mqtt_key_file", _BROKER, "FILE", path, None, "key of the own certificate"),
        Setting("tcp_host", _TCP, "HOST", str, "127.0.0.1", "address of the gateway"),
        Setting("tcp_port", _TCP, "PORT", port, 64352, "port of the gateway"),
        Setting(
            "log_format", _LOGS, "text|json", one_of("text", "json"), "text", "for people, or for machines"
        ),
        Setting(
            "log_level",
            _LOGS,
            "LEVEL",
            one_of("debug", "info", "warning", "error"),
            "info",
            "the least that is logged: debug, info, warning or error",
        ),
        Setting("max_charge_days", _SERVICE, "DAYS", amount, 30.0, "the longest charge that can be booked"),
        Setting("max_result_bytes", _SERVICE, "N", count, _MIB, "the largest result of a request"),
        Setting("remember_hours", _SERVICE, "HOURS", amount, 24.0, "how long requests are remembered"),
        Setting("remember_per_client", _SERVICE, "N", count, 100_000, "requests remembered of one client"),
        Setting("remember_in_all", _SERVICE, "N", count, 250_000, "requests remembered in all"),
        Setting(
            "pending_per_client", _SERVICE, "N", count, 2_000, "requests of one client at once, before BUSY"
        ),
        Setting("pending_in_all", _SERVICE, "N", count, 8_000, "requests at once, before BUSY"),
        Setting("checkpoint_seconds", _SERVICE, "SECONDS", amount, 300.0, "time between checkpoints"),
        Setting(
            "checkpoint_bytes",
            _SERVICE,
            "N",
            count,
            64 * _MIB,
            "journal after which a checkpoint comes early",
        ),
        Setting(
            "broker_dir",
            _SECURITY,
            "DIR",
            path,
            None,
            "folder of the broker's own files (default: broker, in the data folder)",
        ),
        Setting(
            "certificates_dir",
            _SECURITY,
            "DIR",
            path,
            None,
            "folder of the broker's certificate (default: certificates, in the broker's folder)",
        ),
        Setting(
            "authority_dir",
            _SECURITY,
            "DIR",
            path,
            None,
            "folder of the private authority (default: authority, in the broker's folder)",
        ),
        Setting(
            "secrets_dir",
            _SECURITY,
            "DIR",
            path,
            None,
            "folder of the first accounts' passwords (default: secrets, in the broker's folder)",
        ),
        Setting(
            "broker_names",
            _SECURITY,
            "NAMES",
            texts,
            ("localhost", "127.0.0.1"),
            "host names and addresses in the broker's certificate, separated by commas",
        ),
        Setting("tcp_deadline", _GATEWAY, "SECONDS", amount, 10.0, "for a request that is whole"),
        Setting("tcp_request_timeout", _GATEWAY, "SECONDS", amount, 30.0, "for a request to become whole"),
        Setting("tcp_idle_timeout", _GATEWAY, "SECONDS", amount, 300.0, "a connection lasts without a byte"),
        Setting("tcp_linger", _GATEWAY, "SECONDS", amount, 5.0, "it lasts after Sucesso or None"),
        Setting("tcp_write_timeout", _GATEWAY, "SECONDS", amount, 30.0, "a client may take to read a reply"),
        Setting("tcp_max_connections", _GATEWAY, "N", count, 4000, "connections at once"),
        Setting("tcp_max_connections_per_address", _GATEWAY, "N", count, 1000, "of them from one address"),
        Setting("tcp_max_requests", _GATEWAY, "N", count, 500, "requests at once; more wait their turn"),
        Setting(
            "tcp_allowed_networks",
            _GATEWAY,
            "NETWORKS",
            networks,
            (),
            "where clients may come from, as in 192.0.2.0/24,2001:db8::/32; without it, from everywhere",
        ),
    )
}


def _names(*sections: str) -> tuple[str, ...]:
    return tuple(name for name, setting in SETTINGS.items() if setting.section in sections)


BROKER: Final = _names(_BROKER)
"""The names of the settings that a client of the broker takes; the tuples below are for others."""
TCP: Final = _names(_TCP)
LOGS: Final = _names(_LOGS)
SERVICE: Final = ("data_dir", "audit_file", "time_zone", *_names(_SERVICE))
GATEWAY: Final = ("time_zone", *TCP, *_names(_GATEWAY))
SECURITY: Final = ("data_dir", "audit_file", *_names(_SECURITY))
UP: Final = tuple(
    dict.fromkeys(("data_dir", "mqtt_host", "mqtt_port", "mqtt_tls_port", "broker_names", *SERVICE, *GATEWAY))
)


def add_settings(parser: ArgumentParser, names: Iterable[str]) -> None:
    """Gives the parser a flag for each of these settings, under the headings of their sections."""
    headings: dict[str, Any] = {}
    wanted = set(names)
    for setting in (setting for name, setting in SETTINGS.items() if name in wanted):
        if setting.section not in headings:
            headings[setting.section] = parser.add_argument_group(setting.section)
        if setting.flag:
            headings[setting.section].add_argument(
                setting.flag,
                dest=setting.name,
                metavar=setting.metavar,
                type=setting.read,
                default=SUPPRESS,
                help=_help(setting),
            )


def _help(setting: Setting) -> str:
    default = f" (default: {_text(setting.default)})" if _text(setting.default) else ""
    return f"{setting.help}{default} [{setting.variable}]".replace("%", "%%")


def _text(value: object) -> str:
    """The text of which `read` makes this value; an empty one of a value that is none."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return str(value).removesuffix(".0")
    return "" if value is None else str(value)


def complete(options: Namespace, names: Iterable[str], environment: Mapping[str, str] = os.environ) -> None:
    """Fills in what no flag gave: from the environment, else the default. An empty variable counts as unset.

    `options.asked_for` names those that a flag or a variable gave. A bad variable is a SettingError.
    """
    asked_for = set()
    for setting in (SETTINGS[name] for name in names):
        text = environment.get(setting.variable)
        if hasattr(options, setting.name):
            asked_for.add(setting.name)
        elif text:
            asked_for.add(setting.name)
            try:
                setattr(options, setting.name, setting.read(text))
            except ArgumentTypeError as error:
                raise SettingError(f"environment variable {setting.variable}: {error}") from None
        else:
            setattr(options, setting.name, setting.default)
    options.asked_for = frozenset(asked_for)


def to_environment(options: Namespace, names: Iterable[str]) -> dict[str, str]:
    """The variables that give another process the same settings."""
    values = {SETTINGS[name].variable: getattr(options, name) for name in names}
    return {variable: _text(value) for variable, value in values.items()}


def broker_address(options: Namespace) -> BrokerAddress:
    """The broker of the options. SettingError where the password's file cannot be read."""
    return BrokerAddress(
        host=options.mqtt_host,
        port=options.mqtt_port,
        user=options.mqtt_user,
        password=options.mqtt_password or _first_line(options.mqtt_password_file),
        ca_file=options.mqtt_ca_file,
        certificate_file=options.mqtt_certificate_file,
        key_file=options.mqtt_key_file,
    )


def _first_line(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text().partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"cannot read the password file {file}: {error}") from None


def service_settings(options: Namespace) -> ServiceSettings:
    """The service's record of options that were completed with SERVICE and BROKER."""
    values = {name: getattr(options, name) for name in SERVICE}
    return ServiceSettings(broker=broker_address(options), **values)
