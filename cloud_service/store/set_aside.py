"""`set_aside.json`: records that cannot be part of the network, each with its file and the reason."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from cloud_service.store.filesystem import Folder, replace_file
from cloud_service.store.own_files import read_own_file

SET_ASIDE: Final = "set_aside.json"


class SetAside(Struct, frozen=True):
    """A record that cannot be part of the network, and why."""

    file: str
    reason: str
    record: Any


def add_to_set_aside(folder: Folder, rows: Iterable[SetAside]) -> None:
    """Adds the rows that `set_aside.json` does not hold yet. Raises DamagedStore or OSError."""
    kept = read_own_file(folder, SET_ASIDE, list[SetAside]) if SET_ASIDE in folder.names() else []
    kept += [row for row in rows if row not in kept]
    replace_file(folder, SET_ASIDE, [msgspec.json.format(msgspec.json.encode(kept), indent=4), b"\n"])
