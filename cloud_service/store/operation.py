"""`operation.json`: the network in operation: which points work, who charges, what vehicles have wished for.

The three files for people do not have it, because their keys are fixed.
"""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from cloud_service.core.records import Point, Reservation
from cloud_service.core.sessions import Absence, Session
from cloud_service.core.tables import Tables
from cloud_service.core.tariffs import Tariff
from cloud_service.core.wishes import NO_WISHES, Booked, Need, Wishes
from cloud_service.store.filesystem import Folder, replace_file
from cloud_service.store.names import OPERATION
from cloud_service.store.own_files import read_own_file, rows


class Operation(Struct, forbid_unknown_fields=True):
    """Points and reservations that the three files do not describe in full, all sessions and all absences."""

    points: list[tuple[int, int, bool, bool, Tariff]]
    """Station ID, point ID, whether it is operational, whether it tells of sessions, tariff."""
    reservations: list[
        tuple[int, int, int, Literal["reserved", "active"], Need | None, Wishes, Booked | None]
    ]
    """Station, point and reservation ID, state, need, wishes, when it was booked."""
    sessions: list[Session]
    absences: list[Absence]

    def restore(self, tables: Tables) -> None:
        """Completes records as the three files have them, and adds sessions and absences.

        Records that are gone stay gone. Sessions that do not fit to the records any more are for
        `resolve_contradictions`, once the journal has been replayed.
        """
        for station_id, point_id, operational, tells_sessions, tariff in self.points:
            point = tables.points.get((station_id, point_id))
            if point is not None:
                tables.points[point.key] = replace(
                    point, operational=operational, tells_sessions=tells_sessions, tariff=tariff
                )
        for station_id, point_id, reservation_id, state, need, wishes, booked in self.reservations:
            reservation = tables.reservations.get((station_id, point_id, reservation_id))
            if reservation is not None:
                tables.reservations[reservation.key] = replace(
                    reservation, state=state, need=need, wishes=wishes, booked=booked
                )
        tables.sessions.update((session.key, session) for session in self.sessions)
        tables.absences.update((absence.owner, absence) for absence in self.absences)


def read_operation(folder: Folder) -> Operation:
    """What the folder's file holds. Raises DamagedStore, and OSError if there is no such file."""
    return read_own_file(folder, OPERATION, Operation)


def write_operation(folder: Folder, tables: Tables) -> None:
    """Replaces the file in one step. Raises OSError."""
    replace_file(folder, OPERATION, _pieces(tables))


def _pieces(tables: Tables) -> Iterator[bytes]:
    """An Operation as JSON, a row a line, without ever holding all of it."""
    yield b'{"points":['
    yield from rows(
        (*point.key, point.operational, point.tells_sessions, point.tariff)
        for point in tables.points.values()
        if _says_more(point)
    )
    yield b'],\n"reservations":['
    yield from rows(
        (*row.key, row.state, row.need, row.wishes, row.booked)
        for row in tables.reservations.values()
        if _wishes_more(row)
    )
    yield b'],\n"sessions":['
    yield from rows(tables.sessions.values())
    yield b'],\n"absences":['
    yield from rows(tables.absences.values())
    yield b"]}\n"


def _says_more(point: Point) -> bool:
    """Whether the point has more to it than the three files say."""
    return not point.operational or point.tells_sessions or bool(point.tariff)


def _wishes_more(row: Reservation) -> bool:
    """Whether the reservation has more to it than the three files say."""
    return (row.state, row.need, row.wishes, row.booked) != ("reserved", None, NO_WISHES, None)
