"""Passes settings on to another process of ours."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import fields

from cloud_service.config.setting import Setting, annotation, is_record


def to_environment(record: Struct) -> dict[str, str]:
    """The environment variables from which another process reads these settings. Secrets are left out."""
    return {setting.variable: setting.text(value) for setting, value in _values(record) if not setting.secret}


def _values(record: Struct) -> Iterator[tuple[Setting, object]]:
    for field in fields(record):
        value = getattr(record, field.name)
        if is_record(field):
            yield from _values(value)
        elif setting := annotation(field, Setting):
            yield setting, value
