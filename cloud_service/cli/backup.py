"""Copies the data folder, even while the service runs. A network can be started from the copy as it is.

Exits with 1 if no copy was made, or if the copied files are not sound.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from msgspec import Struct

from cloud_service.config.command_line import Argument
from cloud_service.config.shared import DataFolder, TimeZone
from cloud_service.store.backup import BackupFailed, back_up
from cloud_service.store.errors import DamagedStore
from cloud_service.store.snapshot import SnapshotFailed, take_snapshot
from cloud_service.store.verify import examine


class Options(Struct, frozen=True):
    target: Annotated[
        Path, Argument(metavar="DIR", type=Path, help="the folder to create; it must not exist yet")
    ]
    data: DataFolder
    time_zone: TimeZone = None


def main(options: Options) -> int:
    data_dir = options.data.data_dir
    try:
        snapshot = back_up(data_dir, options.target)
    except (BackupFailed, SnapshotFailed, DamagedStore) as error:
        print(f"recharge backup: {error}", file=sys.stderr)
        return 1
    size = sum(map(snapshot.size, snapshot.names()))
    print(f"{len(snapshot.names())} files, {size} bytes copied to {options.target}")
    findings = examine(take_snapshot(options.target), options.time_zone, datetime.now(UTC)).findings
    if findings:
        for finding in findings:
            print(f"WRONG: {finding}", file=sys.stderr)
        print("recharge backup: the copied files are not sound; keep the previous backup", file=sys.stderr)
        return 1
    print("verified: sound. To restore it, stop the network and put the copy in the data folder's place.")
    if (data_dir / "broker").is_dir():
        print(f"Not included: the broker's accounts and certificates, {data_dir / 'broker'}")
    return 0
