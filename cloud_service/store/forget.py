"""Erases a vehicle's name from a data folder that no service uses.

A clean stop is made first, so that no journal is left. Then each file that has the name is replaced in one
step. History files keep their length, because the checkpoint says how many of their bytes count. A crash at
any moment therefore leaves a sound folder, and the next run finds what the interrupted one left.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from cloud_service.core.records import VehicleKey
from cloud_service.core.tables import Tables
from cloud_service.language.text import Text
from cloud_service.store.errors import RESTORE, DamagedStore
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.filesystem import TEMPORARY, Folder, replace_file
from cloud_service.store.interface import CheckpointInput, Recovered, StoredRequest
from cloud_service.store.journal import RequestRecord
from cloud_service.store.nameless import NOBODY, body_without, history_row_without, refuse_if_needed
from cloud_service.store.names import BROKEN, HISTORIES, OPERATION, REQUESTS, RESERVATIONS, SET_ASIDE, is_own
from cloud_service.store.operation import write_operation
from cloud_service.store.own_files import decode_own_file
from cloud_service.store.set_aside import SetAside, read_set_aside, write_set_aside

_NO_CONTENT: Final = '"ok":true,"result":null'


class Forgotten(Struct, frozen=True):
    """What was done to a folder."""

    changed: list[str]
    """The files in which the name stood."""
    removed: list[str]
    """Files that may have had the name, and that nobody needs: ends of journals, files half written."""


def forget(folder: Folder, vehicle: VehicleKey, options: StoreOptions, now: datetime) -> Forgotten:
    """Erases a vehicle's name. The caller has locked the folder.

    Raises CannotForget while the network still needs the name, and what a Store raises.
    """
    store = FileStore(folder, replace(options, history_months=0))
    recovered = store.load(now)
    store.close(_checkpoint_input(recovered, store.sequence), now)
    refuse_if_needed(recovered.tables, (event for _, event in recovered.pending_events), vehicle)
    return Forgotten(list(_change_files(folder, recovered.tables, vehicle)), list(_remove_remains(folder)))


def _checkpoint_input(recovered: Recovered, sequence: int) -> CheckpointInput:
    pending, remembered = recovered.pending_events, recovered.remembered
    return CheckpointInput(
        recovered.tables,
        pending[0][0] - 1 if pending else sequence,
        pending,
        remembered[0].sequence if remembered else sequence + 1,
    )


def _change_files(folder: Folder, tables: Tables, vehicle: VehicleKey) -> Iterator[str]:
    """Replaces the files that have the name. Gives the name of each one that was replaced."""
    if _forget_in_operation(tables, vehicle):
        write_operation(folder, tables)
        yield OPERATION
    for name in sorted(folder.names()):
        if HISTORIES.fullmatch(name):
            lines = [_history_line(folder.where(name), line, vehicle) for line in _lines(folder, name)]
        elif REQUESTS.fullmatch(name) and is_own(name):
            lines = [
                _request_line(folder.where(name), number, line, vehicle)
                for number, line in enumerate(_lines(folder, name))
            ]
        else:
            continue
        if lines != _lines(folder, name):
            replace_file(folder, name, lines)
            yield name
    rows = read_set_aside(folder)
    if rows != (changed := [_set_aside_row(row, vehicle) for row in rows]):
        write_set_aside(folder, changed)
        yield SET_ASIDE


def _forget_in_operation(tables: Tables, vehicle: VehicleKey) -> bool:
    """Takes the name from sessions and absences. Returns whether it was there.

    A vehicle that still charges is then one that nobody has named.
    """
    legacy, name = vehicle
    charging = [session for session in tables.sessions.values() if session.vehicle == vehicle]
    tables.sessions.update((session.key, replace(session, vehicle=None)) for session in charging)
    is_absent = not legacy and tables.absences.pop(name, None) is not None
    return is_absent or bool(charging)


def _lines(folder: Folder, name: str) -> list[bytes]:
    return folder.read(name).splitlines(keepends=True)


def _remove_remains(folder: Folder) -> Iterator[str]:
    """Removes what cannot be searched for a name, because it may begin or end in the middle of one."""
    for name in sorted(folder.names()):
        if BROKEN.fullmatch(name) or (name.endswith(TEMPORARY) and is_own(name.removesuffix(TEMPORARY))):
            folder.remove(name)
            yield name
    folder.sync()


def _history_line(where: str, line: bytes, vehicle: VehicleKey) -> bytes:
    """The line without the name, as long as before: blanks at its end take the place that is free."""
    row = decode_own_file(where, line, dict[str, Any])
    try:
        changed = history_row_without(row, vehicle)
    except (KeyError, TypeError) as error:
        raise DamagedStore(
            where, None, Text("not what the service wrote: {error!r}", error=error), RESTORE
        ) from None
    return line if changed is row else _as_long_as(line, msgspec.json.encode(changed))


def _request_line(where: str, number: int, line: bytes, vehicle: VehicleKey) -> bytes:
    """The line without the name, and at least as long as before.

    A reply does not say of which world a vehicle is, and chargers are told of both: both are meant, unless
    it is a reply to the account of this name.
    """
    legacy, name = vehicle
    stored = decode_own_file(where, line, StoredRequest)
    record = stored.request
    if record.client == name and not legacy:
        # It has to stay in its file, and means nothing any more.
        identity = f"{stored.sequence}-{number}"
        changed = RequestRecord(NOBODY, identity, bytes(len(record.fingerprint)), record.status, _NO_CONTENT)
    elif record.client == name:
        return line
    else:
        changed = replace(record, body=body_without(record.body, name))
    if changed == record:
        return line
    return _as_long_as(line, msgspec.json.encode(replace(stored, request=changed)))


def _as_long_as(line: bytes, changed: bytes) -> bytes:
    return changed.ljust(len(line.rstrip(b"\n"))) + b"\n"


def _set_aside_row(row: SetAside, vehicle: VehicleKey) -> SetAside:
    """A reservation that was set aside does not say of which world its vehicle is: both are meant."""
    if row.file != RESERVATIONS or not isinstance(row.record, Mapping):
        return row
    if str(row.record.get("vehicleID")) != vehicle[1]:
        return row
    return replace(row, record={**row.record, "vehicleID": None})
