"""Shows or cancels a vehicle's reservation, without questions."""

import sys

import msgspec
from msgspec import Struct

from cloud_service.language.language import Language
from recharge.errors import OutcomeUnknown, RequestError
from recharge.records import Reservation
from recharge.simulator.observer import Booked
from recharge.terminal.console import open_console
from recharge.terminal.tables import booking_table
from recharge.terminal.wording import describe_failure
from recharge.vehicle import Vehicle


class ReservationRun(Struct, frozen=True):
    """A vehicle that acts for the one called `name`, and whether it cancels the reservation."""

    vehicle: Vehicle
    name: str
    cancel: bool
    as_json: bool


async def run_reservation(asked: ReservationRun, say: Language) -> int:
    """Shows the reservation, or cancels it. Returns the exit status: 1 without one."""
    try:
        async with asked.vehicle as vehicle:
            reservation = await vehicle.reservation()
            if reservation is not None and asked.cancel:
                await vehicle.cancel(reservation)
    except (RequestError, OutcomeUnknown) as error:
        print(describe_failure(error, say), file=sys.stderr)
        return 1
    if asked.as_json:
        print(msgspec.json.format(msgspec.json.encode(reservation), indent=4).decode())
    else:
        _show(asked, reservation, say)
    return 0 if reservation else 1


def _show(asked: ReservationRun, reservation: Reservation | None, say: Language) -> None:
    console = open_console()
    if reservation is None:
        console.print(say("{vehicle} has no reservation", vehicle=asked.name), soft_wrap=True)
        return
    console.print(booking_table(Booked(reservation, None), say))
    if asked.cancel:
        console.print(say("The reservation is cancelled"))
