"""Erases a vehicle's name from a data folder or a database: history, requests, sessions, what was set aside.

The network must be stopped. Names the backups and other files that may still hold the name.
"""

import mmap
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Struct

from cloud_service.accounts.settings import DataSettings
from cloud_service.cli.backup import BROKER
from cloud_service.cli.failure import complain
from cloud_service.cli.forget_database import forget_in
from cloud_service.cli.verify import wrong
from cloud_service.config.command_line import Argument
from cloud_service.config.shared import TimeZone
from cloud_service.core.records import VehicleKey
from cloud_service.database.settings import StateLogin
from cloud_service.language.language import language_of_environment
from cloud_service.language.text import Text
from cloud_service.store.copies import recorded_copies
from cloud_service.store.errors import DamagedStore, SyncFailed
from cloud_service.store.file_store import StoreOptions
from cloud_service.store.filesystem import DiskFolder, FolderLocked, open_regular
from cloud_service.store.forget import Forgotten, forget
from cloud_service.store.nameless import CannotForget
from cloud_service.store.snapshot import SnapshotFailed, take_snapshot
from cloud_service.store.verify import examine


class Options(Struct, frozen=True, kw_only=True):
    vehicle: Annotated[str, Argument(metavar="VEHICLE", help="the vehicle's name: its account or its number")]
    tcp: Annotated[
        bool,
        Argument("--tcp", action="store_true", help="a vehicle of TCP clients, not the account of that name"),
    ] = False
    data: DataSettings
    state: StateLogin
    time_zone: TimeZone = None


def main(options: Options) -> int:
    if options.state.address is not None:
        return forget_in(options.state.address, (options.tcp, options.vehicle))
    place = options.data.data_dir
    try:
        take_snapshot(place)  # refuses a folder that holds no network, before anything is created in it
        forgotten = _forget(options)
        findings = examine(take_snapshot(place), options.time_zone, datetime.now(UTC)).findings
        remaining = list(_remaining(options))
    except FolderLocked:
        in_use = Text(
            "{folder} is in use by the cloud service; stop the network, and run the same command again",
            folder=place,
        )
        return complain("forget", in_use)
    except (CannotForget, SnapshotFailed, DamagedStore) as error:
        return complain("forget", error)
    except (OSError, SyncFailed) as error:
        return complain(
            "forget",
            Text("not finished: {error}; run the same command again once that is fixed", error=error),
        )
    say = language_of_environment()
    for name in forgotten.changed:
        print(say("erased from {file}", file=place / name))
    for name in forgotten.removed:
        print(say("removed {file}, which could not be searched", file=place / name))
    for text in remaining:
        print(say(text))
    for finding in findings:
        print(say(wrong(finding)), file=sys.stderr)
    if options.tcp:
        print(say("the network's files do not name the vehicle {name} of TCP clients", name=options.vehicle))
    else:
        print(say("the network's files do not name the vehicle {name} with an account", name=options.vehicle))
    return 1 if findings else 0


def _forget(options: Options) -> Forgotten:
    folder = DiskFolder(options.data.data_dir)
    try:
        vehicle: VehicleKey = (options.tcp, options.vehicle)
        return forget(folder, vehicle, StoreOptions(zone=options.time_zone), datetime.now(UTC))
    finally:
        folder.close()


def _remaining(options: Options) -> Iterator[Text]:
    """What else may hold the name, for people."""
    place = options.data.data_dir
    for file in (options.data.audit_log, *_files(place / BROKER), *_replaced(place)):
        if _holds(file, options.vehicle):
            yield Text("may still hold the name: {place}", place=file)
    for copy in recorded_copies(place):
        folder = Path(copy.place)
        made = Text("the backup {place} of {day}", place=copy.place, day=f"{copy.at:%Y-%m-%d}")
        if not folder.is_dir():
            yield Text("may still hold the name, if it was moved and not removed: {place}", place=made)
        elif any(_holds(file, options.vehicle) for file in _files(folder)):
            yield Text("may still hold the name: {place}", place=made)


def _replaced(place: Path) -> Iterator[Path]:
    """The files that `recharge restore --replace` moved away."""
    for folder in sorted(place.glob("replaced-*")):
        yield from _files(folder)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _holds(file: Path, vehicle: str) -> bool:
    """Whether the name may stand in a file, as the value of a key, as a text or as part of a topic."""
    written = re.escape(msgspec.json.encode(vehicle)[1:-1])
    pattern = rb'(?:vehicleID\\*"\s*:\s*|["\'/])' + written + rb'(?:\\*["\'/,\s]|$)'
    try:
        with open_regular(file) as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return re.search(pattern, content) is not None
    except (FileNotFoundError, ValueError):
        return False  # gone, or empty
    except OSError:
        return True  # it cannot be read
