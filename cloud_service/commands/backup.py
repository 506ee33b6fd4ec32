"""Copies the data folder while the service runs, or while it does not. The copy starts as it is."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from cloud_service.operations.backup import NoBackup, back_up
from cloud_service.operations.snapshot import NoSnapshot
from cloud_service.store.errors import DamagedStore


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("target", metavar="DIR", type=Path, help="the folder to be made; it must not exist")


def main(options: Namespace) -> int:
    try:
        snapshot = back_up(options.data_dir, options.target)
    except (NoBackup, NoSnapshot, DamagedStore) as error:
        print(f"recharge backup: {error}", file=sys.stderr)
        return 1
    size = sum(map(len, snapshot.files.values()))
    print(f"{len(snapshot.files)} files, {size} bytes copied to {options.target}")
    print(f"to use it: recharge service --data-dir {options.target}")
    return 0
