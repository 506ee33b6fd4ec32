"""Records without a vehicle's name, and whether the network can do without it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from cloud_service.core.changes import Event
from cloud_service.core.records import VehicleKey
from cloud_service.core.tables import Tables
from cloud_service.language.text import TextError

NOBODY: Final = "(forgotten)"
"""Where a name has to stand. No account can be called so."""


class CannotForget(TextError):
    """Nothing was erased. The text says why, and what to do."""


def refuse_if_needed(tables: Tables, pending: Iterable[Event], vehicle: VehicleKey) -> None:
    """Raises CannotForget while the network still needs the name. `pending` are events to be told."""
    legacy, name = vehicle
    if any(row.vehicle == vehicle for row in tables.reservations.values()):
        raise CannotForget(
            "vehicle {name} has a reservation; start the network, cancel the reservation or let it"
            " finish, and stop the network again",
            name=name,
        )
    if any(_concerns(event.reservation.vehicle, event.owner, vehicle) for event in pending):
        raise CannotForget(
            "the broker has not received every event about {name} yet; start the network, and stop it again",
            name=name,
        )
    owned = [row.station_id for row in tables.stations.values() if not legacy and row.owner == name]
    if owned:
        raise CannotForget(
            "{name} owns station {station}; start the network, and delete the stations of {name} or hand"
            " them over with `recharge accounts transfer`",
            name=name,
            station=owned[0],
        )


def _concerns(of_event: VehicleKey, owner: str, vehicle: VehicleKey) -> bool:
    legacy, name = vehicle
    return of_event == vehicle or (not legacy and owner == name)


def history_row_without(row: Mapping[str, Any], vehicle: VehicleKey) -> Mapping[str, Any]:
    """A row of the history without the name; the row itself if the name is not in it.

    A reservation of nobody belongs to neither world of vehicles, and has no `legacy`. Raises KeyError or
    TypeError for what is no such row.
    """
    legacy, name = vehicle
    reservation = row["reservation"]
    changed = row
    if row.get("legacy", True) == legacy and str(reservation["vehicleID"]) == name:
        changed = {key: value for key, value in row.items() if key != "legacy"}
        changed["reservation"] = {**reservation, "vehicleID": None}
    if not legacy and row.get("owner") == name:
        changed = {**changed, "owner": ""}
    return changed


def body_without(body: str, name: str) -> str:
    """The members of a reply without the name."""
    reply: dict[str, Any] = msgspec.json.decode(f"{{{body}}}")
    result, error = reply.get("result"), reply.get("error")
    if isinstance(result, Mapping) and str(result.get("vehicleID")) == name:
        reply["result"] = {**result, "vehicleID": None}
    elif isinstance(error, Mapping):
        message = str(error.get("message"))
        starts = [start for start in (f"vehicle {name!r} ", f"vehicle {name} ") if message.startswith(start)]
        if not starts:
            return body
        reply["error"] = {**error, "message": f"vehicle {NOBODY} {message.removeprefix(starts[0])}"}
    else:
        return body
    return msgspec.json.encode(reply).decode()[1:-1]
