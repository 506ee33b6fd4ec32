"""`recharge forget` in a database."""

import sys
from collections.abc import Sequence

import psycopg

from cloud_service.cli.failure import complain
from cloud_service.cli.verify import wrong
from cloud_service.core.records import VehicleKey
from cloud_service.database.access import InUse
from cloud_service.database.copying.copy import opened_alone
from cloud_service.database.forget import Erased, forget_in_database
from cloud_service.database.migrations import WrongSchema, require_schema
from cloud_service.database.snapshot import database_snapshot
from cloud_service.database.verifying.verify import examine_database
from cloud_service.language.language import language_of_environment
from cloud_service.language.text import Text
from cloud_service.store.nameless import CannotForget


def forget_in(address: str, vehicle: VehicleKey) -> int:
    """Erases a vehicle's name from a database. Returns the exit status."""
    try:
        with opened_alone(address, "recharge forget") as database:
            require_schema(database)
            erased = forget_in_database(database, vehicle)
        with database_snapshot(address, "recharge forget") as snapshot:
            findings = examine_database(snapshot).findings
    except (InUse, CannotForget, WrongSchema) as error:
        return complain("forget", error)
    except psycopg.Error as error:
        return complain("forget", Text("the database failed: {error}", error=error))
    _tell(erased, findings, vehicle)
    return 1 if findings else 0


def _tell(erased: Sequence[Erased], findings: Sequence[Text], vehicle: VehicleKey) -> None:
    say, (legacy, name) = language_of_environment(), vehicle
    for each in erased:
        print(say("erased from {rows} rows of {table}", rows=each.rows, table=each.table))
    print(say("may still hold the name: backups, the archive of the write-ahead log, the audit log"))
    for finding in findings:
        print(say(wrong(finding)), file=sys.stderr)
    if legacy:
        print(say("the database does not name the vehicle {name} of TCP clients", name=name))
    else:
        print(say("the database does not name the vehicle {name} with an account", name=name))
