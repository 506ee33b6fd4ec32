"""Writes files that only some users may read. A file has its mode before it has its name."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

FOR_OWNER: Final = 0o600
FOR_GROUP: Final = 0o640
FOR_ALL: Final = 0o644


@contextmanager
def handed_over(file: Path, content: str, mode: int = FOR_OWNER) -> Iterator[None]:
    """Writes the content to FILE.new before the block, and gives it its name after the block.

    If the block raises, the old file stays, and so does FILE.new: what it holds may have become valid.
    """
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
    new = file.with_name(file.name + ".new")
    write_file(new, content, mode)
    yield
    new.replace(file)


def write_file(file: Path, content: str | bytes, mode: int = FOR_OWNER) -> None:
    """Replaces the file in one step. If writing fails, the old file stays."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(descriptor, mode)
            stream.write(content.encode() if isinstance(content, str) else content)
            stream.flush()
            os.fsync(descriptor)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
