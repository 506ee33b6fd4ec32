"""Compares a copy with what was copied, record by record."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from cloud_service.database.copying.contents import Contents, Tally
from cloud_service.language.text import Text, TextError

Key = TypeVar("Key")


class CopyDiffers(TextError):
    """The copy differs from its source. It was not kept."""


def require_same(found: Contents, expected: Contents, lines: Tally, expected_lines: Tally) -> None:
    """Raises CopyDiffers, which names the first record that differs."""
    for difference in _differences(found, expected):
        raise CopyDiffers("the copy was not kept, because it differs: {difference}", difference=difference)
    if lines != expected_lines:
        raise CopyDiffers(
            "the copy was not kept, because its history differs: {found} lines instead of {expected}",
            found=lines.count,
            expected=expected_lines.count,
        )


def _differences(found: Contents, expected: Contents) -> Iterator[Text]:
    for name in expected.tables.__struct_fields__:
        kept, copied = getattr(expected.tables, name), getattr(found.tables, name)
        if isinstance(kept, dict):
            yield from _of_table(name, copied, kept)
        elif kept != copied:
            yield Text("{name} is {found}, not {expected}", name=name, found=copied, expected=kept)
    if found.requests != expected.requests:
        yield Text("the answered requests")
    if found.events != expected.events:
        yield Text("the events that are not published yet")
    if found.clock != expected.clock:
        yield Text("since when time passes faster")


def _of_table(name: str, found: Mapping[Key, object], expected: Mapping[Key, object]) -> Iterator[Text]:
    for key, record in expected.items():
        copied = found.get(key)
        # As text, 30 and 30.0 differ too.
        if repr(copied) != repr(record):
            yield Text(
                "{name} {key}: {found} instead of {record}", name=name, key=key, found=copied, record=record
            )
    for key in found.keys() - expected.keys():
        yield Text("{name} {key} was not there before", name=name, key=key)
