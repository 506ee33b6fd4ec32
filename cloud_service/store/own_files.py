"""The files that only the service writes."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from cloud_service.language.text import Text
from cloud_service.store.errors import RESTORE, DamagedStore
from cloud_service.store.filesystem import Folder

Content = TypeVar("Content")


def read_own_file(folder: Folder, name: str, content: type[Content]) -> Content:
    """The content of a JSON file that the service wrote. Raises DamagedStore if it is anything else."""
    return decode_own_file(folder.where(name), folder.read(name), content)


def decode_own_file(where: str, data: bytes, content: type[Content]) -> Content:
    """The content of these bytes of a file. Raises DamagedStore, which names the file as `where`."""
    try:
        return msgspec.json.decode(data, type=content)
    except (msgspec.MsgspecError, ValueError) as error:
        raise DamagedStore(
            where, None, Text("not what the service wrote: {error}", error=error), RESTORE
        ) from None


def rows(items: Iterable[tuple[object, ...] | msgspec.Struct]) -> Iterator[bytes]:
    """The items of a JSON array, each on a line of its own, one at a time."""
    separator = b"\n"
    for item in items:
        yield separator + msgspec.json.encode(item)
        separator = b",\n"
