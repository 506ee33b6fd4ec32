"""What is in the database of a network, and what is wrong with it: by plain SQL, whatever services think."""

from collections.abc import Mapping
from typing import Any, Final, LiteralString

import msgspec

from cloud_service.core.tables import Tables
from cloud_service.database.connection import connect
from cloud_service.database.reading import Reader

PROBLEMS: Final[Mapping[str, LiteralString]] = {
    "within five minutes of each other": """
        SELECT one.record::text, other.record::text
        FROM reservations AS one JOIN reservations AS other USING (station_id, point_id)
        WHERE one.reservation_id < other.reservation_id
          AND one.start < other.finish + interval '5 minutes'
          AND other.start < one.finish + interval '5 minutes'
    """,
    "a vehicle has two": """
        SELECT vehicle, count(*) FROM reservations GROUP BY legacy, vehicle HAVING count(*) > 1
    """,
    "a reservation's columns are not those of its record": """
        SELECT * FROM (
            SELECT station_id, point_id, reservation_id, vehicle, start, finish, record::jsonb AS record
            FROM reservations
        ) AS reservation
        WHERE (station_id, point_id, reservation_id, vehicle, start, finish) IS DISTINCT FROM (
            (record ->> 'chargingStationID')::bigint, (record ->> 'chargingPointID')::bigint,
            (record ->> 'reservationID')::bigint, record ->> 'vehicleID',
            (record ->> 'startDateTime')::timestamptz, (record ->> 'finishDateTime')::timestamptz
        )
    """,
    "two stations at a location": """
        SELECT x, y, count(*) FROM stations GROUP BY x, y HAVING count(*) > 1
    """,
    "an ID that will be given again": """
        SELECT 'reservation', station_id, point_id, reservation_id
        FROM reservations JOIN points USING (station_id, point_id) WHERE reservation_id > last_reservation_id
        UNION ALL SELECT 'point', station_id, point_id, NULL
        FROM points JOIN stations USING (station_id) WHERE point_id > last_point_id
        UNION ALL SELECT 'station', station_id, NULL, NULL
        FROM stations, network WHERE station_id > last_station_id
    """,
    "an ID was given twice": """
        SELECT station_id, point_id, reservation_id, count(*) FROM (
            SELECT station_id, point_id, reservation_id FROM history
            UNION ALL SELECT station_id, point_id, reservation_id FROM reservations
        ) AS given
        GROUP BY station_id, point_id, reservation_id HAVING count(*) > 1
    """,
    "a request ID was used twice": """
        SELECT client, encode(identity, 'escape'), count(*) FROM requests
        GROUP BY client, identity HAVING count(*) > 1
    """,
    "services have waited for each other in a circle": """
        SELECT deadlocks FROM pg_stat_database WHERE datname = current_database() AND deadlocks > 0
    """,
}
"""Each finds rows only if something is wrong. Services that run may not have reported their deadlocks yet."""


def find_problems(address: str) -> list[str]:
    """What contradicts the promise, whoever wrote it."""
    with connect(address) as database:
        return [
            f"{problem}: {row}"
            for problem, statement in PROBLEMS.items()
            for row in database.execute(statement).fetchall()
        ]


def read_tables(address: str) -> Tables:
    """The network as it is committed."""
    tables = Tables()
    with connect(address) as database, database.transaction():
        database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader = Reader(database)
        tables.apply(reader.stations(reader.all_stations()))
    return tables


def read_history(address: str) -> list[dict[str, Any]]:
    """The reservations that ended, as lines of a data folder's history."""
    with connect(address) as database:
        rows = database.execute("SELECT record FROM history ORDER BY at").fetchall()
    return [msgspec.json.decode(record) for (record,) in rows]


def count_owed(address: str) -> int:
    """How many events no broker may have yet."""
    with connect(address) as database:
        row = database.execute("SELECT count(*) FROM events").fetchone()
    assert row is not None
    return int(row[0])
