"""What the services on a database go by: all by the same, so that they agree on when something is due."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final, TypeAlias

import msgspec

from cloud_service.core.rules import Rules
from cloud_service.core.view import NetworkUnreadable
from cloud_service.database.access import any_lives, use_with_others
from cloud_service.database.connection import Database, connect
from cloud_service.database.loaded_network import LoadedNetwork
from cloud_service.database.reading import Reader
from cloud_service.store.errors import StoreError, WriteFailed

Noted: TypeAlias = Mapping[str, Any]
"""Rules as the database has them."""

SETTINGS: Final[Mapping[str, str]] = {
    "longest_charge": "RECHARGE_MAX_CHARGE_DAYS",
    "horizon": "RECHARGE_BOOKING_HORIZON_DAYS",
    "early_start": "RECHARGE_EARLY_START_MINUTES",
    "no_show": "RECHARGE_NO_SHOW_MINUTES",
    "walk_in": "RECHARGE_WALK_IN_HOURS",
    "overrun": "RECHARGE_OVERRUN_MINUTES",
    "silence": "RECHARGE_SILENT_SESSION_HOURS",
    "offline": "RECHARGE_OFFLINE_MINUTES",
    "failure_ahead": "RECHARGE_FAILURE_MINUTES",
    "move_up": "RECHARGE_MOVE_UP_MINUTES",
    "stations_considered": "RECHARGE_CHOICE_STATIONS",
    "zone": "RECHARGE_TIME_ZONE",
}
"""How an operator knows each rule."""
_UNITS: Final = {
    "DAYS": timedelta(days=1),
    "HOURS": timedelta(hours=1),
    "MINUTES": timedelta(minutes=1),
}
_LOCK: Final = 0x7275_6C65
"""Of the advisory lock under which rules change, and services join those that go by them."""
_STATIONS_AT_ONCE: Final = 1_000
_PUT_DUE: Final = """
    UPDATE points SET due_at = new.due_at
    FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS new(station_id, point_id, due_at)
    WHERE points.station_id = new.station_id AND points.point_id = new.point_id
      AND points.due_at IS DISTINCT FROM new.due_at
"""


class OtherRules(StoreError):
    """The services that live go by other rules than this one. The text names the settings."""


def go_by(address: str, rules: Rules) -> None:
    """Has the network go by these rules: if it has gone by others, what is due when is written again.

    Raises OtherRules if a service lives that goes by others, WriteFailed while the network is being copied,
    and psycopg.Error.
    """
    with connect(address, name="recharge rules", answer_seconds=None) as database:
        use_with_others(database)
        with database.transaction():
            database.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            noted = read_rules(database)
            if noted == as_noted(rules):
                return
            if any_lives(database):
                raise _refusal(noted, rules)
            _write_due(database, rules)
            note_rules(database, rules)


def require_rules(database: Database, rules: Rules) -> None:
    """Raises OtherRules unless the network goes by these; they stay until the transaction ends."""
    database.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_LOCK])
    noted = read_rules(database)
    if noted != as_noted(rules):
        raise _refusal(noted, rules)


def note_rules(database: Database, rules: Rules) -> None:
    """Notes by which rules it was written when everything is due."""
    database.execute("UPDATE network SET rules = %s", [msgspec.json.encode(as_noted(rules)).decode()])


def read_rules(database: Database) -> Noted | None:
    """What the network goes by; None if nobody has said."""
    row = database.execute("SELECT rules FROM network").fetchone()
    assert row is not None
    return None if row[0] is None else msgspec.json.decode(row[0], type=dict[str, Any])


def noted_rules(database: Database) -> Rules | None:
    """What the network goes by, without the time zone, by which nothing is due; None if nobody has said."""
    noted = read_rules(database)
    return None if noted is None else msgspec.convert({**noted, "zone": None}, Rules)


def as_noted(rules: Rules) -> Noted:
    """The rules as the database has them; a time zone by its name."""
    noted: dict[str, Any] = msgspec.to_builtins(rules, enc_hook=str)
    return noted


def _write_due(database: Database, rules: Rules) -> None:
    reader = Reader(database)
    try:
        stations = reader.all_stations()
        for first in range(0, len(stations), _STATIONS_AT_ONCE):
            network = LoadedNetwork(reader, rules)
            network.load(stations[first : first + _STATIONS_AT_ONCE])
            keys = sorted(network.tables.points)
            database.execute(
                _PUT_DUE,
                [
                    [station_id for station_id, _ in keys],
                    [point_id for _, point_id in keys],
                    [network.due_at(key) for key in keys],
                ],
            )
    except NetworkUnreadable as error:
        raise WriteFailed("the database failed: {error}", error=error) from error


def _refusal(noted: Noted | None, rules: Rules) -> OtherRules:
    if noted is None:
        return OtherRules("cloud services of an older version use the database: stop all of them first")
    return OtherRules(
        "the running cloud services have other settings than this one: {settings}; start all of them"
        " with the same settings, or start this one when all others have stopped",
        settings=", ".join(_different(noted, as_noted(rules))),
    )


def _different(noted: Noted, own: Noted) -> Iterator[str]:
    """The settings of those rules that are noted differently, with the noted values."""
    for name in own:
        if noted.get(name) != own[name]:
            yield f"{SETTINGS[name]}={_as_set(SETTINGS[name], noted.get(name))}"


def _as_set(setting: str, value: Any) -> str:
    """A noted value as an operator sets it; empty if it is not set."""
    unit = _UNITS.get(setting.rpartition("_")[2])
    if value is None or unit is None:
        return "" if value is None else str(value)
    return f"{msgspec.convert(value, timedelta) / unit:g}"
