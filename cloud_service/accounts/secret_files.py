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
    """Replaces the file in one step. If writing fails, the old file stays. An OSError names the file."""
    write_files((file, content, mode))


def write_files(*files: tuple[Path, str | bytes, int]) -> None:
    """Replaces files (name, content, mode) that belong together: none of them before all are written."""
    written: list[tuple[Path, Path]] = []
    try:
        for file, content, mode in files:
            try:
                written.append((_write_beside(file, content, mode), file))
            except OSError as error:
                error.filename = str(file)
                raise
        for temporary, file in written:
            temporary.replace(file)
    except BaseException:
        for temporary, _ in written:
            temporary.unlink(missing_ok=True)
        raise


def _write_beside(file: Path, content: str | bytes, mode: int) -> Path:
    """Writes the content to a new file in the same folder. Returns its name."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(descriptor, mode)
            stream.write(content.encode() if isinstance(content, str) else content)
            stream.flush()
            os.fsync(descriptor)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary
