"""Makes sessions and reservations agree again, after a person has edited the files of a stopped service.

The three files for people are right. A session is what the service knows beside them, and gives way.
"""

from msgspec.structs import replace

from cloud_service.core.records import OCCUPIED
from cloud_service.core.sessions import Session
from cloud_service.core.tables import Tables
from cloud_service.language.text import Text
from cloud_service.store.labels import label_of, label_of_point


def resolve_contradictions(tables: Tables) -> list[Text]:
    """Corrects the tables, and returns a text for each thing that did not fit.

    Afterwards, each session is at an occupied point, the reservation that it serves is active, of its vehicle
    and there, and each active reservation is served by the session at its point.
    """
    notes = []
    for session in list(tables.sessions.values()):
        problem = _ends_because(tables, session)
        if problem is not None:
            del tables.sessions[session.key]
            notes.append(
                Text(
                    "the session on {point} has ended: {reason}",
                    point=label_of_point(session.key),
                    reason=problem,
                )
            )
            continue
        problem = _serves_none_because(tables, session)
        if problem is not None:
            tables.sessions[session.key] = replace(session, reservation=None)
            notes.append(
                Text(
                    "the session on {point} serves no reservation: {reason}",
                    point=label_of_point(session.key),
                    reason=problem,
                )
            )
    return notes + _without_session(tables)


def _ends_because(tables: Tables, session: Session) -> Text | None:
    """Why there is no such session; None if there is."""
    point = tables.points.get(session.key)
    if point is None:
        return Text("the point does not exist")
    if point.availability != OCCUPIED:
        return Text("the point is {availability}", availability=point.availability)
    return None


def _serves_none_because(tables: Tables, session: Session) -> Text | None:
    """Why the session cannot serve the reservation that it names; None if it can, or names none."""
    if session.reservation is None:
        return None
    reservation = tables.reservations.get(session.reservation)
    name = label_of(session.reservation)
    if reservation is None:
        return Text("{reservation} does not exist", reservation=name)
    if reservation.point_key != session.key:
        return Text("{reservation} is not there", reservation=name)
    if reservation.state != "active":
        return Text("{reservation} is not active", reservation=name)
    if reservation.vehicle != session.vehicle:
        return Text("{reservation} is another vehicle's", reservation=name)
    return None


def _without_session(tables: Tables) -> list[Text]:
    """Makes active reservations that no session serves reserved."""
    served = {session.reservation for session in tables.sessions.values()}
    alone = [row for row in tables.reservations.values() if row.state == "active" and row.key not in served]
    for row in alone:
        tables.reservations[row.key] = replace(row, state="reserved")
    return [
        Text("{reservation} is reserved again: no session serves it", reservation=label_of(row.key))
        for row in alone
    ]
