"""Asks the service for the reservations that no message has announced."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec

from cloud_service.mqtt.requester import OutcomeUnknown, Requester
from cloud_service.overview.overview import Overview
from cloud_service.overview.records import Reservation
from cloud_service.overview.reservations import Reservations
from cloud_service.protocol.errors import RequestError

PAGE: Final = 1000
"""Reservations asked for at once."""
LOOK_SECONDS: Final = 1.0
"""Between two checks. State may follow an event by up to a second, so a difference has to persist for two
checks.
"""
PAUSE_SECONDS: Final = 0.005
"""Between two stations, because the service has more to do than to answer monitors."""
MOST_KNOWN: Final = 500_000
"""These take about 100 MB. Beyond this number, no more lists are read."""


async def list_reservations(
    requester: Requester,
    station: int,
    *,
    timeout: float = 10.0,  # noqa: ASYNC109 (of each request)
) -> AsyncIterator[dict[str, Any]]:
    """The reservations of a station by point and start, in the protocol's keys.

    Raises RequestError, OutcomeUnknown or ConnectionError if the service does not tell.
    """
    offset = 0
    while True:
        asked = {"chargingStationID": station, "limit": PAGE, "offset": offset}
        rows = await requester.request("receiveAllReservations", asked, timeout=timeout)
        for row in rows:
            yield row
        if len(rows) < PAGE:
            return
        offset += PAGE


def without_vehicle(row: dict[str, Any]) -> Reservation:
    """A row of a list; the vehicle's name is not kept."""
    return msgspec.convert({**row, "vehicleID": None}, Reservation)


async def follow_reservations(overview: Overview, requester: Requester) -> None:
    """Reads the list of each station whose queues are not known, one after another, until it is cancelled."""
    before: set[int] = set()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if not overview.is_complete:
            continue
        reservations = overview.reservations
        unread = set(reservations.unread())
        answered = True
        for station in unread & before if reservations.are_known else unread:
            answered = await _read(reservations, requester, station) and answered
            await asyncio.sleep(PAUSE_SECONDS)
        has_room = len(reservations) < MOST_KNOWN
        reservations.are_known = has_room and (answered or reservations.are_known)
        before = set(reservations.unread())


async def _read(reservations: Reservations, requester: Requester, station: int) -> bool:
    """Returns False if the service does not answer."""
    if len(reservations) >= MOST_KNOWN:
        return True
    try:
        listed = [without_vehicle(row) async for row in list_reservations(requester, station)]
    except (RequestError, msgspec.ValidationError):
        reservations.give_up(station)  # it was deleted meanwhile, or may not be asked about
    except (OutcomeUnknown, ConnectionError):
        await asyncio.sleep(LOOK_SECONDS)
        return False
    else:
        reservations.receive_list(station, listed)
    return True
