"""Makes or upgrades the schema of a database for this version of the service.

A service whose login owns the schema does this at its start. If its login owns nothing, this command does it,
with the login that owns the schema, before the services of a new version start.
"""

import psycopg
from msgspec import Struct

from cloud_service.cli.failure import complain
from cloud_service.config.setting import SettingError
from cloud_service.database.connection import connect, without_password
from cloud_service.database.migrations import WrongSchema, migrate, require_schema
from cloud_service.database.settings import StateSettings
from cloud_service.language.language import language_of_environment


class Options(Struct, frozen=True):
    state: StateSettings


def main(options: Options) -> int:
    address = options.state.owner_address or options.state.address
    if address is None:
        raise SettingError(
            "no database given: name it with --state-owner, with the login that owns its schema"
        )
    try:
        with connect(address, name="recharge schema", answer_seconds=None) as database:
            applied = migrate(database)
            require_schema(database)
    except (WrongSchema, psycopg.Error) as error:
        return complain("schema", error)
    say, where = language_of_environment(), without_password(address)
    if applied:
        print(say("{database}: upgraded, by {names}", database=where, names=", ".join(applied)))
    else:
        print(say("{database}: the schema was up to date", database=where))
    return 0
