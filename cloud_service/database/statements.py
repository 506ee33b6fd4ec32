"""The statements with which a batch is written. Each takes columns of many rows."""

from typing import Final

LOCK_POINTS: Final = """
    SELECT FROM points
    JOIN unnest(%s::bigint[], %s::bigint[]) AS asked(station_id, point_id) USING (station_id, point_id)
    ORDER BY station_id, point_id FOR UPDATE OF points
"""
LOCK_MORE_POINTS: Final = f"{LOCK_POINTS} NOWAIT"
"""For a transaction that already holds locks of points, perhaps of later ones in the order."""
LOCK_STATIONS: Final = "SELECT FROM stations WHERE station_id = ANY(%s) ORDER BY station_id FOR UPDATE"
NOTE_CONTENDED: Final = """
    INSERT INTO contended (station_id, point_id, at)
    SELECT station_id, point_id, clock_timestamp() FROM (
        SELECT station_id, point_id FROM points
        JOIN unnest(%s::bigint[], %s::bigint[]) AS asked(station_id, point_id) USING (station_id, point_id)
        WHERE changed_by <> %s AND changed_at > clock_timestamp() - interval '5 seconds'
        UNION SELECT unnest(%s::bigint[]), NULL
    ) AS changed
    WHERE EXISTS (SELECT FROM instances WHERE instance <> %s)
"""
NOTE_FREED: Final = """
    INSERT INTO freed (station_id, point_id, at)
    SELECT station_id, point_id, clock_timestamp()
    FROM unnest(%s::bigint[], %s::bigint[]) AS new(station_id, point_id)
    WHERE EXISTS (SELECT FROM instances WHERE instance <> %s)
"""
TAKE_FREED: Final = """
    DELETE FROM freed WHERE ctid IN (
        SELECT ctid FROM freed WHERE at < clock_timestamp() - interval '15 seconds' LIMIT %s
    ) RETURNING station_id, point_id
"""
"""Waits longer than a transaction that did not see the freed time can take to commit: it may wait for a lock.
"""
DELETE_RESERVATIONS: Final = """
    DELETE FROM reservations
    USING unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS old(station_id, point_id, reservation_id)
    WHERE reservations.station_id = old.station_id AND reservations.point_id = old.point_id
      AND reservations.reservation_id = old.reservation_id
"""
DELETE_SESSIONS: Final = """
    DELETE FROM sessions USING unnest(%s::bigint[], %s::bigint[]) AS old(station_id, point_id)
    WHERE sessions.station_id = old.station_id AND sessions.point_id = old.point_id
"""
DELETE_POINTS: Final = """
    DELETE FROM points USING unnest(%s::bigint[], %s::bigint[]) AS old(station_id, point_id)
    WHERE points.station_id = old.station_id AND points.point_id = old.point_id
"""
ADD_STATIONS: Final = """
    INSERT INTO stations (station_id, owner, x, y, place, has_points, last_point_id, record)
    SELECT id, owner, x::numeric, y::numeric, point(at_x, at_y), has_points, 0, record::json
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::float8[], %s::float8[], %s::boolean[],
                %s::text[])
        AS new(id, owner, x, y, at_x, at_y, has_points, record)
    ORDER BY id
"""
CHANGE_STATIONS: Final = """
    UPDATE stations SET owner = new.owner, x = new.x::numeric, y = new.y::numeric,
        place = point(new.at_x, new.at_y), has_points = new.has_points, record = new.record::json
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::float8[], %s::float8[], %s::boolean[],
                %s::text[])
        AS new(id, owner, x, y, at_x, at_y, has_points, record)
    WHERE stations.station_id = new.id
"""
COUNT_POINTS: Final = """
    UPDATE stations SET last_point_id = new.last_point_id
    FROM unnest(%s::bigint[], %s::bigint[]) AS new(station_id, last_point_id)
    WHERE stations.station_id = new.station_id AND stations.last_point_id <> new.last_point_id
"""
ADD_POINTS: Final = """
    INSERT INTO points (station_id, point_id, last_reservation_id, due_at, changed_at, changed_by, record)
    SELECT station_id, point_id, 0, due_at, clock_timestamp(), %s, record::json
    FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::text[])
        AS new(station_id, point_id, due_at, record)
"""
CHANGE_POINTS: Final = """
    UPDATE points SET changed_at = clock_timestamp(), changed_by = %s, due_at = new.due_at,
        record = new.record::json
    FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::text[])
        AS new(station_id, point_id, due_at, record)
    WHERE points.station_id = new.station_id AND points.point_id = new.point_id
"""
COUNT_RESERVATIONS: Final = """
    UPDATE points SET last_reservation_id = new.last_reservation_id
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS new(station_id, point_id, last_reservation_id)
    WHERE points.station_id = new.station_id AND points.point_id = new.point_id
      AND points.last_reservation_id <> new.last_reservation_id
"""
CHANGE_RESERVATIONS: Final = """
    UPDATE reservations SET start = new.start, finish = new.finish, record = new.record::json,
        waits_at = CASE WHEN new.waits THEN point(new.x, new.y) END
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::boolean[],
                %s::float8[], %s::float8[], %s::text[])
        AS new(station_id, point_id, reservation_id, start, finish, waits, x, y, record)
    WHERE reservations.station_id = new.station_id AND reservations.point_id = new.point_id
      AND reservations.reservation_id = new.reservation_id
"""
ADD_RESERVATIONS: Final = """
    INSERT INTO reservations
        (station_id, point_id, reservation_id, start, finish, waits_at, record, legacy, vehicle)
    SELECT station_id, point_id, reservation_id, start, finish, CASE WHEN waits THEN point(x, y) END,
        record::json, legacy, vehicle
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::boolean[],
                %s::float8[], %s::float8[], %s::text[], %s::boolean[], %s::text[])
        AS new(station_id, point_id, reservation_id, start, finish, waits, x, y, record, legacy, vehicle)
    ORDER BY legacy, vehicle
"""
PUT_SESSIONS: Final = """
    INSERT INTO sessions (station_id, point_id, legacy, vehicle, record)
    SELECT station_id, point_id, legacy, vehicle, record::json
    FROM unnest(%s::bigint[], %s::bigint[], %s::boolean[], %s::text[], %s::text[])
        AS new(station_id, point_id, legacy, vehicle, record)
    ORDER BY legacy, vehicle, station_id, point_id
    ON CONFLICT (station_id, point_id) DO UPDATE
        SET legacy = excluded.legacy, vehicle = excluded.vehicle, record = excluded.record
"""
PUT_ABSENCES: Final = """
    INSERT INTO absences (owner, record)
    SELECT owner, record::json FROM unnest(%s::text[], %s::text[]) AS new(owner, record)
    ON CONFLICT (owner) DO UPDATE SET record = excluded.record
"""
ADD_REQUESTS: Final = """
    INSERT INTO requests (client, identity, at, day, fingerprint, status, body)
    SELECT client, identity, %s, %s, fingerprint, status, body
    FROM unnest(%s::text[], %s::bytea[], %s::bytea[], %s::text[], %s::text[])
        AS new(client, identity, fingerprint, status, body)
    ORDER BY client, identity
"""
ADD_HISTORY: Final = """
    INSERT INTO history (at, station_id, point_id, reservation_id, record)
    SELECT at, station_id, point_id, reservation_id, record::json
    FROM unnest(%s::timestamptz[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[])
        AS new(at, station_id, point_id, reservation_id, record)
"""
ADD_EVENTS: Final = """
    INSERT INTO events (instance, legacy, vehicle, record)
    SELECT %s, legacy, vehicle, record::json
    FROM unnest(%s::boolean[], %s::text[], %s::text[]) WITH ORDINALITY AS new(legacy, vehicle, record, nth)
    ORDER BY nth RETURNING number
"""
