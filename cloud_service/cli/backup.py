"""Copies the data folder while the service runs, or while it does not. The copy starts as it is.

Exits with 1 where no copy was made, or where what was copied is not sound.
"""

import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from cloud_service.store.backup import BackupFailed, back_up
from cloud_service.store.errors import DamagedStore
from cloud_service.store.snapshot import SnapshotFailed, take_snapshot
from cloud_service.store.verify import examine


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("target", metavar="DIR", type=Path, help="the folder to be made; it must not exist")


def main(options: Namespace) -> int:
    try:
        snapshot = back_up(options.data_dir, options.target)
    except (BackupFailed, SnapshotFailed, DamagedStore) as error:
        print(f"recharge backup: {error}", file=sys.stderr)
        return 1
    size = sum(map(len, snapshot.files.values()))
    print(f"{len(snapshot.files)} files, {size} bytes copied to {options.target}")
    zone = ZoneInfo(options.time_zone) if options.time_zone else None
    findings = examine(take_snapshot(options.target), zone, datetime.now(UTC)).findings
    if findings:
        for finding in findings:
            print(f"WRONG: {finding}", file=sys.stderr)
        print("recharge backup: what was copied is not sound; keep the backup before it", file=sys.stderr)
        return 1
    print("verified: sound. To go back to it, stop the network and put the copy in the data folder's place.")
    if (options.data_dir / "broker").is_dir():
        print(f"Not in it: the broker's accounts and certificates, {options.data_dir / 'broker'}")
    return 0
