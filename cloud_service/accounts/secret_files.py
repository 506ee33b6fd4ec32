"""Writes files that only some users may read. A file has its mode before it has its name."""

import os
import tempfile
from pathlib import Path
from typing import Final

FOR_OWNER: Final = 0o600
FOR_GROUP: Final = 0o640
FOR_ALL: Final = 0o644


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
