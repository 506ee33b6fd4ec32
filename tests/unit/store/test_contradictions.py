"""A person edits the files of a stopped service: none stops the start or leaves a session that cannot be."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cloud_service.core.network import Network
from cloud_service.core.sessions import Session
from cloud_service.core.tables import Tables
from cloud_service.store.contradictions import resolve_contradictions
from cloud_service.store.frozen_folder import FrozenFolder
from cloud_service.store.verify import examine
from tests.kit.batches import open_store
from tests.kit.records import NOW
from tests.kit.simulated_disk import SimulatedFolder
from tests.unit.store.test_operation import ACTIVE, IN_OPERATION, SESSION, stopped, tables_of

Rows = list[dict[str, Any]]


def edited(name: str, edit: Callable[[Rows], Rows]) -> SimulatedFolder:
    """A folder in which a session serves a reservation, and of which a person has edited a file."""
    files = stopped(IN_OPERATION).files()
    rows = edit(json.loads(files[name]))
    return SimulatedFolder({**files, name: json.dumps(rows).encode()})


def changed(number: int, **values: object) -> Callable[[Rows], Rows]:
    def edit(rows: Rows) -> Rows:
        rows[number] |= values
        return rows

    return edit


def nothing(_: Rows) -> Rows:
    return []


def first_added(row: dict[str, Any]) -> Callable[[Rows], Rows]:
    return lambda rows: [rows[0] | row, *rows]


def others(rows: Rows) -> Rows:
    return rows[1:]


OVERLAPPING = {"reservationID": 7, "vehicleID": "carl"}
ON_POINT = "the session on point 1 of station 1"
EDITS = [
    ("charging_stations.json", nothing, f"{ON_POINT} has ended: the point does not exist"),
    ("charging_points.json", others, f"{ON_POINT} has ended: the point does not exist"),
    (
        "charging_points.json",
        changed(0, availability="livre"),
        f"{ON_POINT} has ended: the point is reservado",
    ),
    (
        "reservations.json",
        others,
        f"{ON_POINT} serves no reservation: reservation 1 on point 1 of station 1 does not exist",
    ),
    (
        "reservations.json",
        changed(0, vehicleID="carl"),
        f"{ON_POINT} serves no reservation: reservation 1 on point 1 of station 1 is another vehicle's",
    ),
    (
        "reservations.json",
        first_added(OVERLAPPING),
        f"{ON_POINT} serves no reservation: reservation 1 on point 1 of station 1 does not exist",
    ),
]


@pytest.mark.parametrize(("name", "edit", "note"), EDITS)
def test_the_session_gives_way(name: str, edit: Callable[[Rows], Rows], note: str) -> None:
    folder = edited(name, edit)
    _, recovered = open_store(folder)
    assert note in recovered.notes
    assert_agree(recovered.tables)
    Network(recovered.tables)
    again = open_store(SimulatedFolder(folder.files()))[1]
    assert (again.tables, again.notes) == (recovered.tables, []), "it was corrected once and for all"


@pytest.mark.parametrize(("name", "edit", "note"), EDITS)
def test_verify_finds_it(name: str, edit: Callable[[Rows], Rows], note: str) -> None:
    files = edited(name, edit).files()
    report = examine(FrozenFolder(Path("folder"), files), None, NOW)
    assert note in map(str, report.findings)


def test_an_active_reservation_of_another_vehicle_is_reserved_again() -> None:
    _, recovered = open_store(edited("reservations.json", changed(0, vehicleID="carl")))
    assert recovered.tables.reservations[ACTIVE.key] == replace(ACTIVE, vehicle_id="carl", state="reserved")
    assert recovered.tables.sessions[SESSION.key] == replace(SESSION, reservation=None)
    assert (
        recovered.notes[-1] == "reservation 1 on point 1 of station 1 is reserved again: no session serves it"
    )


@pytest.mark.parametrize(
    "edit",
    [changed(0, price=5), changed(0, finishDateTime="2026-03-01T18:00:00+00:00"), changed(1, vehicleID="x")],
)
def test_other_edits_leave_the_session_alone(edit: Callable[[Rows], Rows]) -> None:
    _, recovered = open_store(edited("reservations.json", edit))
    assert recovered.notes == []
    assert recovered.tables.sessions == {SESSION.key: SESSION}
    assert recovered.tables.reservations[ACTIVE.key].state == "active"


@pytest.mark.parametrize(
    ("session", "problem"),
    [
        (replace(SESSION, reservation=(1, 2, 1)), "reservation 1 on point 2 of station 1 is not there"),
        (replace(SESSION, point_id=2), "the point is reservado"),
    ],
)
def test_a_session_of_another_point_gives_way(session: Session, problem: str) -> None:
    tables = tables_of(IN_OPERATION)
    tables.sessions = {session.key: session}
    notes = resolve_contradictions(tables)
    assert str(notes[0]).endswith(problem)
    assert_agree(tables)


def test_a_reservation_that_is_not_active_is_not_served() -> None:
    tables = tables_of(IN_OPERATION)
    tables.reservations[ACTIVE.key] = replace(ACTIVE, state="reserved")
    (note,) = resolve_contradictions(tables)
    assert str(note).endswith("reservation 1 on point 1 of station 1 is not active")
    assert_agree(tables)


def test_what_agrees_is_left_alone() -> None:
    tables = tables_of(IN_OPERATION)
    assert resolve_contradictions(tables) == []
    assert tables == tables_of(IN_OPERATION)


def assert_agree(tables: Tables) -> None:
    """Each active reservation is that of one session, at an occupied point."""
    for key, session in tables.sessions.items():
        assert tables.points[key].availability == "ocupado"
        if session.reservation is not None:
            served = tables.reservations[session.reservation]
            assert (served.state, served.point_key, served.vehicle) == ("active", key, session.vehicle)
    active = {key for key, row in tables.reservations.items() if row.state == "active"}
    assert active == {row.reservation for row in tables.sessions.values()} - {None}
