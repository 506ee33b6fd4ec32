"""`clock.json`: how fast time passes in a network, and since when; only where it passes faster."""

from datetime import datetime

import msgspec
from msgspec import Struct

from cloud_service.store.filesystem import Folder, replace_file
from cloud_service.store.names import CLOCK
from cloud_service.store.own_files import read_own_file


class NetworkClock(Struct, frozen=True, forbid_unknown_fields=True):
    """Time passes `speed` times as fast since this moment."""

    since: datetime
    speed: float


def read_clock(folder: Folder) -> NetworkClock | None:
    """The network's clock; None if its time is that of its clients. Raises DamagedStore."""
    return read_own_file(folder, CLOCK, NetworkClock) if CLOCK in folder.names() else None


def write_clock(folder: Folder, clock: NetworkClock) -> None:
    """Replaces the file in one step. Raises OSError."""
    replace_file(folder, CLOCK, [msgspec.json.encode(clock), b"\n"])
