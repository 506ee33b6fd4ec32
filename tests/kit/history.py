"""The history of a network that keeps a data folder."""

from datetime import UTC, datetime
from pathlib import Path

from cloud_service.store.ended import Ended, read_ended
from cloud_service.store.recovery import read_folder
from cloud_service.store.snapshot import take_snapshot


def read_history(data_dir: Path) -> list[Ended]:
    """All that has ended, in its order, even while the service runs."""
    folder = take_snapshot(data_dir)
    return list(read_ended(folder, read_folder(folder, None, datetime.now(UTC))))
