"""The data folder of `recharge up`, which one network uses at a time."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud_service.local.errors import CannotStart


@contextmanager
def locked_broker_folder(data_dir: Path) -> Iterator[Path]:
    """Creates the broker's folder in the data folder, and keeps it locked. Raises CannotStart."""
    folder = data_dir / "broker"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for writable in (data_dir, folder):
            tempfile.TemporaryFile(dir=writable).close()
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise CannotStart(
            f"cannot write to the data folder {data_dir.resolve()}: {error.strerror};"
            " choose another with --data-dir"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"another `recharge up` uses the data folder {data_dir.resolve()}; stop it, or choose"
                " another folder with --data-dir"
            ) from None
        yield folder
