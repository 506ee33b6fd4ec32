"""What a setting is, and which settings a record declares.

A setting is a field of a frozen record, annotated with a Setting. The field has the type and the default:

    class GatewayAddress(Struct, frozen=True):
        port: Annotated[int, Setting("tcp_port", PORT, Section.TCP, "port of the gateway")] = 64352
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, get_origin

from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from cloud_service.config.values import FILE, Kind
from cloud_service.language.text import Text, TextError


class Section(StrEnum):
    """The headings under which `--help` and docs/configuration.md show settings, in this order."""

    PLACES = "where things are"
    BROKER = "MQTT broker"
    SECURITY = "accounts and certificates"
    TCP = "TCP for legacy clients"
    OCPP = "OCPP for chargers"
    HTTP = "HTTP of the monitor"
    OPEN_DATA = "open data of the monitor"
    LOGS = "logs"
    METRICS = "metrics"
    RESERVATIONS = "life of a reservation"
    SERVICE_LIMITS = "limits of the service"
    GATEWAY_LIMITS = "limits of the gateway"


class SettingError(TextError):
    """A setting has a value that cannot be used. The text names the setting and says what to do."""


class Setting(Struct, frozen=True):
    """A setting: a flag and an environment variable, both called after its name.

    A secret has no flag, because other users of a machine can read the arguments of its processes. Instead it
    has a second setting, `secret_file`, for a file that holds it.
    """

    name: str
    kind: Kind
    section: Section
    help: str | Text
    secret: bool = False

    @property
    def flag(self) -> str | None:
        return None if self.secret else "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return "RECHARGE_" + self.name.upper()

    @property
    def secret_file(self) -> "Setting":
        """The setting for the file whose first line is this secret."""
        secret = self.help if isinstance(self.help, Text) else Text(self.help)
        return Setting(
            self.name + "_file",
            FILE,
            self.section,
            Text(
                "file whose first line is {secret}; or see {variable}", secret=secret, variable=self.variable
            ),
        )

    def text(self, value: object) -> str:
        """The text from which this value would be read; empty for None, which means not set."""
        return "" if value is None else self.kind.write(value)


class Declared(Struct, frozen=True):
    """A setting and its default."""

    setting: Setting
    default: Any


def annotation(field: FieldInfo, kind: type) -> Any:
    """The annotation of this type that the field carries, or None."""
    return next((note for note in getattr(field.type, "__metadata__", ()) if isinstance(note, kind)), None)


def is_record(field: FieldInfo) -> bool:
    """Whether the field is a record whose own fields may be settings."""
    return get_origin(field.type) is None and isinstance(field.type, type) and issubclass(field.type, Struct)


def declared_settings(*records: type[Struct]) -> list[Declared]:
    """The settings that these records and the records within them declare, each once, by section."""
    found = {declared.setting.name: declared for record in records for declared in _declared(record)}
    sections = list(Section)
    return sorted(found.values(), key=lambda declared: sections.index(declared.setting.section))


def _declared(record: type[Struct]) -> Iterator[Declared]:
    for field in fields(record):
        if is_record(field):
            yield from _declared(field.type)
        elif setting := annotation(field, Setting):
            assert field.default is not NODEFAULT, f"the setting {setting.name} has no default"
            yield Declared(setting, field.default)
            if setting.secret:
                yield Declared(setting.secret_file, None)
