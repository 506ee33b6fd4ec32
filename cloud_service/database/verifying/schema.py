"""Checks that nothing is missing with which the database refuses what must never exist."""

from collections.abc import Iterator
from typing import Final

from cloud_service.database.connection import Database
from cloud_service.language.text import Text

GUARDS: Final = frozenset(
    {
        "absences_pkey",
        "events_pkey",
        "five_minutes_between_reservations",
        "instances_pkey",
        "last_point_id_grows",
        "last_reservation_id_grows",
        "last_station_id_grows",
        "network_is_the_only_check",
        "network_pkey",
        "one_reservation_of_a_vehicle",
        "one_session_of_a_vehicle",
        "one_station_at_a_location",
        "point_id_is_new",
        "points_pkey",
        "points_station_id_fkey",
        "request_id_is_new",
        "requests_near_midnight_pkey",
        "requests_pkey",
        "reservation_id_is_new",
        "reservations_pkey",
        "reservations_station_id_point_id_fkey",
        "sessions_pkey",
        "sessions_station_id_point_id_fkey",
        "station_id_is_new",
        "stations_pkey",
    }
)
"""The constraints, unique indexes and triggers of schema/ that services rely on."""

_FOUND: Final = """
    SELECT conname, convalidated FROM pg_constraint
    WHERE connamespace = current_schema()::regnamespace AND contype IN ('c', 'f', 'p', 'u', 'x')
    UNION ALL
    SELECT relname, indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid
    WHERE relnamespace = current_schema()::regnamespace AND (indisunique OR indisexclusion)
    UNION ALL
    SELECT coalesce(conname, tgname), tgenabled IN ('O', 'A') FROM pg_trigger
    JOIN pg_class ON pg_class.oid = tgrelid LEFT JOIN pg_constraint ON pg_constraint.oid = tgconstraint
    WHERE relnamespace = current_schema()::regnamespace
"""


def find_missing_guards(database: Database) -> Iterator[Text]:
    """A text for each guard that is missing, or that lets rows pass that it should refuse."""
    found = guards_of(database)
    for name in sorted(GUARDS):
        if name not in found:
            yield Text("{name} is missing: the database does not refuse what it should", name=name)
        elif not found[name]:
            yield Text("{name} is not in force: there are rows that it has not checked", name=name)


def guards_of(database: Database) -> dict[str, bool]:
    """The database's guards by name, and whether each is in force."""
    found: dict[str, bool] = {}
    for name, is_in_force in database.execute(_FOUND):
        found[name] = is_in_force and found.get(name, True)
    return found
