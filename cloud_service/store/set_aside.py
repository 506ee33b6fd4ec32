"""`set_aside.json`: what could not become part of the network, each with its file and the reason."""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from cloud_service.store.filesystem import Folder, replace_file
from cloud_service.store.names import SET_ASIDE
from cloud_service.store.own_files import read_own_file


class SetAside(Struct, frozen=True, omit_defaults=True):
    """A record that cannot be part of the network, or not with everything that it had, and why."""

    file: str
    reason: str
    record: Any
    used: bool = False
    """The record is part of the network, without its unknown keys."""


def read_set_aside(folder: Folder) -> list[SetAside]:
    """What was set aside so far. Raises DamagedStore."""
    return read_own_file(folder, SET_ASIDE, list[SetAside]) if SET_ASIDE in folder.names() else []


def add_to_set_aside(folder: Folder, rows: Iterable[SetAside]) -> None:
    """Adds the rows that `set_aside.json` does not hold yet. Raises DamagedStore or OSError."""
    kept = read_set_aside(folder)
    kept += [row for row in rows if row not in kept]
    write_set_aside(folder, kept)


def write_set_aside(folder: Folder, rows: list[SetAside]) -> None:
    """Replaces the file in one step. Raises OSError."""
    replace_file(folder, SET_ASIDE, [msgspec.json.format(msgspec.json.encode(rows), indent=4), b"\n"])
