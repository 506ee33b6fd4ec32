"""The data folder of `recharge up`, which one network uses at a time."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud_service.language.text import Reason
from cloud_service.local.errors import CannotStart


@contextmanager
def locked_broker_folder(data_dir: Path) -> Iterator[Path]:
    """Creates the broker's folder in the data folder, and keeps it locked. Raises CannotStart."""
    folder = data_dir / "broker"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for writable in (data_dir, folder):
            tempfile.TemporaryFile(dir=writable).close()
    except OSError as error:
        raise CannotStart(
            "cannot write to the data folder {data_dir}: {reason}; choose another with --data-dir",
            data_dir=data_dir.resolve(),
            reason=Reason(error),
        ) from None
    with locked(folder):
        yield folder


@contextmanager
def locked(broker_folder: Path) -> Iterator[None]:
    """Keeps `recharge up` out of a broker's folder. Raises CannotStart if it is there already."""
    file = broker_folder / "lock"
    try:
        lock = file.open("w")
    except OSError as error:
        raise CannotStart("cannot write {file}: {reason}", file=file, reason=Reason(error)) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                "another `recharge up` uses the data folder {folder}; stop it, or choose another folder with"
                " --data-dir",
                folder=broker_folder.parent.resolve(),
            ) from None
        yield
