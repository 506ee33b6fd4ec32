"""Copies the data folder or the database, even while the service runs. `recharge restore` puts a folder back.

Includes the accounts, certificates and passwords of a broker that `recharge up --secure` started.

A database is dumped by PostgreSQL's pg_dump, with the login that owns it. `pg_restore` puts it back.

Exits with 1 if no copy was made, or if what was copied is not sound.
"""

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from msgspec import Struct

from cloud_service.accounts.secure_broker import BrokerFolders
from cloud_service.accounts.settings import AUDIT_LOG, DataSettings
from cloud_service.cli.backup_database import back_up_database_to
from cloud_service.cli.failure import complain
from cloud_service.cli.verify import wrong
from cloud_service.config.command_line import Argument
from cloud_service.config.shared import TimeZone
from cloud_service.database.settings import StateLogin
from cloud_service.language.language import language_of_environment
from cloud_service.language.text import Text
from cloud_service.store.backup import BackupFailed, back_up
from cloud_service.store.copies import record_copy
from cloud_service.store.errors import DamagedStore
from cloud_service.store.names import BACKUPS
from cloud_service.store.snapshot import SnapshotFailed, take_snapshot
from cloud_service.store.verify import examine


class Options(Struct, frozen=True):
    target: Annotated[
        Path,
        Argument(
            metavar="DIR",
            type=Path,
            help="the folder to create, or the file if it is a database; it must not exist yet",
        ),
    ]
    data: DataSettings
    state: StateLogin
    time_zone: TimeZone = None


BROKER: Final = "broker"
"""The folder of a broker that `recharge up` starts, in the data folder."""


def companions_of(data_dir: Path) -> list[Path]:
    """What belongs to a data folder or to a backup and is not the store's, relative to it.

    The audit log, the list of earlier backups, and what the broker knows its clients by.
    """
    files = [
        data_dir / AUDIT_LOG,
        data_dir / BACKUPS,
        *BrokerFolders.within(data_dir / BROKER).files_to_keep(),
    ]
    return [file.relative_to(data_dir) for file in files if file.is_file()]


def main(options: Options) -> int:
    if options.state.address is not None:
        return back_up_database_to(options.target, options.state.address)
    data_dir = options.data.data_dir
    try:
        companions = companions_of(data_dir)
        snapshot = back_up(data_dir, options.target, companions)
    except (BackupFailed, SnapshotFailed, DamagedStore) as error:
        return complain("backup", error)
    say = language_of_environment()
    note_copy("backup", data_dir, options.target)
    files = snapshot.names() + [str(file) for file in companions]
    size = sum((options.target / file).stat().st_size for file in files)
    print(
        say(
            "{files} files, {bytes} bytes copied to {folder}",
            files=len(files),
            bytes=size,
            folder=options.target,
        )
    )
    findings = examine(take_snapshot(options.target), options.time_zone, datetime.now(UTC)).findings
    if findings:
        for finding in findings:
            print(say(wrong(finding)), file=sys.stderr)
        return complain("backup", Text("the copied files are not sound; keep the previous backup"))
    if any(file.parts[0] == BROKER for file in companions):
        print(say("The broker's accounts, passwords and keys are in it: keep it where only you can read it."))
    words = ("recharge", "restore", str(options.target), "--data-dir", str(data_dir))
    command = shlex.join(words)
    print(say("verified: sound. To restore it, stop the network and run: {command}", command=command))
    return 0


def note_copy(command: str, data_dir: Path, copy: Path) -> None:
    """Notes where a copy is, so that `recharge forget` can name it. A copy is good without the note."""
    try:
        record_copy(data_dir, copy, datetime.now(UTC))
    except OSError as error:
        complain(command, Text("`recharge forget` will not name this copy: {error}", error=error))
