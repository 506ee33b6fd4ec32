"""`recharge backup` of a database."""

import shlex
import sys
from pathlib import Path

import psycopg

from cloud_service.cli.failure import complain
from cloud_service.cli.verify import wrong
from cloud_service.database.backup import back_up_database
from cloud_service.database.snapshot import database_snapshot
from cloud_service.database.verifying.verify import examine_database
from cloud_service.language.language import language_of_environment
from cloud_service.language.text import Text
from cloud_service.store.backup import BackupFailed


def back_up_database_to(target: Path, address: str) -> int:
    """Dumps a database into a file, and checks what was dumped. Returns the exit status."""
    try:
        with database_snapshot(address, "recharge backup") as database:
            dump = back_up_database(database, address, target)
            findings = examine_database(database).findings
    except BackupFailed as error:
        return complain("backup", error)
    except psycopg.Error as error:
        return complain("backup", Text("the database failed: {error}", error=error))
    say = language_of_environment()
    print(say("{rows} rows, {bytes} bytes dumped to {file}", rows=dump.rows, bytes=dump.size, file=target))
    if findings:
        for finding in findings:
            print(say(wrong(finding)), file=sys.stderr)
        return complain("backup", Text("the database is not sound; keep the previous backup"))
    words = (
        "pg_restore",
        "--exit-on-error",
        "--single-transaction",
        "--no-owner",
        "--dbname=URL",
        str(target),
    )
    print(
        say(
            "verified: sound. To restore it, make a new database and run, with the URL of it and its owner:"
            " {command}",
            command=shlex.join(words),
        )
    )
    return 0
