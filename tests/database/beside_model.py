"""The service on a database, beside the model that it has on a data folder too."""

import json
from collections import Counter

import psycopg

from cloud_service.core.network import Network
from cloud_service.core.tables import Tables
from cloud_service.database.connection import connect
from cloud_service.database.snapshot import database_snapshot
from cloud_service.database.state import DatabaseState
from cloud_service.database.verifying.verify import examine_database
from cloud_service.service.clock import system_clock
from cloud_service.service.database_engine.clock import DatabaseClock
from cloud_service.service.database_engine.engine import DatabaseEngine
from cloud_service.service.database_engine.leader_work import LOOK_EVERY
from cloud_service.service.engine.limits import EngineLimits
from tests.faults.beside_model import BesideModel, history_key, last_state
from tests.kit.waiting import wait_until

EMPTY = """
    TRUNCATE stations, points, reservations, sessions, absences, requests, history, events, instances,
        contended;
    ALTER TABLE network DISABLE TRIGGER last_station_id_grows;
    UPDATE network SET last_station_id = 0;
    ALTER TABLE network ENABLE TRIGGER last_station_id_grows;
"""
_OTHERS = """
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'recharge service%'
"""


class DatabaseBesideModel(BesideModel):
    """A crash leaves the database as it is: what was not committed was never there."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._state = DatabaseState(address)
        self._state.prepare(None)
        with connect(address) as database:
            database.execute(EMPTY)
        super().__init__()

    @property
    def tables(self) -> Tables:
        found: list[Tables] = []

        def read(network: Network) -> None:
            network.load(network.station_ids())
            found.append(network.tables)

        self.engine.show(read)
        return found[0]

    def note_presence(self, owner: str, online: bool | None) -> None:
        """The leader tells the network a moment later; if it has ended by then, its broker tells another."""
        super().note_presence(owner, online)
        self.pass_time(LOOK_EVERY)

    def restart(self) -> None:
        self.ask()
        self.engine.close(self.now)
        self._open_again()

    def crash(self, kept: bool) -> None:
        self._state.close()
        self._open_again()

    def end(self) -> None:
        self.restart()
        with psycopg.connect(self._address, options="-c search_path=recharge") as database:
            rows = [json.loads(text) for (text,) in database.execute("SELECT record::text FROM history")]
        found = Counter(history_key(row["reservation"] | {"state": last_state(row)}) for row in rows)
        expected = Counter(history_key(each.told()) for each in self.ended)
        assert found == expected, f"in the history only: {found - expected}; missing: {expected - found}"
        with database_snapshot(self._address, "verification") as snapshot:
            assert examine_database(snapshot).findings == []
        self._state.close()

    def close(self) -> None:
        """Ends the connection, if it has one."""
        self._state.close()

    def _open(self) -> None:
        """The database notices in its own time that a service has gone, and lets go of its locks then."""
        with connect(self._address) as database:
            wait_until(lambda: not database.execute(_OTHERS).fetchall(), "the service has left the database")
        self.engine = DatabaseEngine(self._state, DatabaseClock(self._state, system_clock), EngineLimits())
        self.engine.maintain(self.now)

    def _open_again(self) -> None:
        self.agrees = False
        self._state = DatabaseState(self._address)
        self._start_again()

    @property
    def _last_batch(self) -> int:
        return 0
