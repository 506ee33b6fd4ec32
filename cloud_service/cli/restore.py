"""Replaces the data folder with a backup, including its accounts. The network must be stopped.

The backup is verified first, and is not changed.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from msgspec import Struct

from cloud_service.accounts.secure_broker import BrokerFolders
from cloud_service.accounts.settings import DataSettings
from cloud_service.cli.backup import BROKER, companions_of, note_copy
from cloud_service.cli.failure import complain
from cloud_service.cli.verify import wrong
from cloud_service.config.command_line import Argument
from cloud_service.config.shared import TimeZone
from cloud_service.language.language import language_of_environment
from cloud_service.language.text import Text
from cloud_service.local.data_folder import locked_broker_folder
from cloud_service.local.errors import CannotStart
from cloud_service.store.errors import DamagedStore
from cloud_service.store.filesystem import DiskFolder, FolderLocked
from cloud_service.store.frozen_folder import FrozenFolder
from cloud_service.store.restore import RestoreFailed, restore
from cloud_service.store.snapshot import SnapshotFailed, take_snapshot
from cloud_service.store.verify import examine


class Options(Struct, frozen=True, kw_only=True):
    backup: Annotated[
        Path, Argument(metavar="BACKUP", type=Path, help="the folder that `recharge backup` made")
    ]
    replace: Annotated[
        bool,
        Argument(
            "--replace",
            action="store_true",
            help="if the data folder holds a network, move its files into a folder of their own first",
        ),
    ] = False
    data: DataSettings
    time_zone: TimeZone = None


def main(options: Options) -> int:
    place = options.data.data_dir
    try:
        snapshot = _verified(options)
        with _locked(place):
            moved = _restore(snapshot, options)
    except (SnapshotFailed, DamagedStore, RestoreFailed, FolderLocked, CannotStart) as error:
        return complain("restore", error)
    except OSError as error:
        text = Text(
            "the backup was not restored: {error}; run the same command again once that is fixed",
            error=error,
        )
        return complain("restore", text)
    note_copy("restore", place, options.backup)
    say = language_of_environment()
    if moved is not None:
        print(say("what was in the data folder is in {folder}", folder=moved))
    holds = {"place": place.resolve(), "backup": options.backup}
    print(say("restored: {place} holds the network of {backup}; start it as before", **holds))
    if not any(file.parts[0] == BROKER for file in companions_of(options.backup)):
        print(say("the backup has no accounts of a broker: they are as they were"))
    return 0


def _verified(options: Options) -> FrozenFolder:
    """The files of the backup. Raises RestoreFailed if they are not sound."""
    snapshot = take_snapshot(options.backup)
    findings = examine(snapshot, options.time_zone, datetime.now(UTC)).findings
    if findings:
        for finding in findings:
            print(language_of_environment()(wrong(finding)), file=sys.stderr)
        raise RestoreFailed(
            "{backup} is not sound, and was not restored; take an older backup", backup=options.backup
        )
    return snapshot


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Keeps the service and `recharge up` out of a data folder. Raises FolderLocked or CannotStart."""
    if (place / BROKER).is_dir():
        with locked_broker_folder(place), _locked_for_service(place):
            yield
    else:
        with _locked_for_service(place):
            yield


@contextmanager
def _locked_for_service(place: Path) -> Iterator[None]:
    folder = DiskFolder(place)
    try:
        yield
    finally:
        folder.close()


def _restore(snapshot: FrozenFolder, options: Options) -> Path | None:
    backup, place = options.backup, options.data.data_dir
    if place.resolve() == backup.resolve():
        raise RestoreFailed(
            "{backup} is the data folder itself; name another one with --data-dir", backup=backup
        )
    # The audit log of the place itself is longer: it goes on.
    files = [file for file in companions_of(backup) if file.parts[0] == BROKER or not (place / file).exists()]
    outdated: list[Path] = []
    if any(file.parts[0] == BROKER for file in files):
        folders = BrokerFolders.within(place / BROKER)
        outdated = [file.relative_to(place) for file in (*folders.files_to_keep(), folders.database_file)]
    return restore(
        snapshot,
        backup,
        place,
        companions=files,
        outdated=outdated,
        replace=options.replace,
        now=datetime.now(UTC),
    )
