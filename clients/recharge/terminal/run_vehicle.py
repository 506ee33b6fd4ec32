"""Runs a vehicle interactively."""

import asyncio
from contextlib import ExitStack
from random import Random

from msgspec import Struct

from cloud_service.language.language import Language
from recharge.account import AccountConnection
from recharge.errors import NotFound, OutcomeUnknown, RequestError
from recharge.records import Wishes
from recharge.simulator.car import Car
from recharge.simulator.connection import watch_connection
from recharge.simulator.network_clock import read_clock
from recharge.simulator.observer import DriverQuits
from recharge.simulator.vehicle import Pace, SimulatedVehicle
from recharge.terminal.console import open_console
from recharge.terminal.keyboard import Keyboard
from recharge.terminal.screen import PlainScreen, TerminalScreen
from recharge.terminal.wording import describe_failure, describe_no_slot
from recharge.vehicle import Vehicle


class VehicleRun(Struct, frozen=True):
    """A vehicle, its car, how often it charges, and what it wishes.

    `keyboard` is None when nobody can answer. With `quotes` it shows what there is before it books. `look`
    is a connection for a look at the service's clock; None over TCP.
    """

    vehicle: Vehicle
    car: Car
    pace: Pace
    random: Random
    charges: int
    keyboard: Keyboard | None
    wishes: Wishes | None = None
    quotes: bool = False
    look: AccountConnection | None = None


async def run_vehicle(asked: VehicleRun, say: Language) -> int:
    """Drives and charges. Returns the exit status; raises ConnectionError without a broker."""
    pace = asked.pace if asked.look is None else asked.pace.by(await read_clock(asked.look))
    with ExitStack() as stack:
        screen = _open_screen(stack, asked.keyboard, say)
        async with asked.vehicle as vehicle, watch_connection(vehicle, screen.report):
            screen.tell(
                say(
                    "Vehicle {name}: a battery of {capacity} kWh; time passes {times} times as fast",
                    name=vehicle.name,
                    capacity=say.measure(asked.car.capacity),
                    times=say.measure(pace.time_scale),
                )
            )
            simulation = SimulatedVehicle(
                vehicle,
                asked.car,
                pace,
                asked.random,
                screen,
                wishes=asked.wishes,
                quotes=asked.quotes,
            )
            async with simulation as simulated:
                try:
                    status = await _charge(simulated, asked.charges, screen, say)
                except DriverQuits:
                    screen.tell(_what_stays(simulated, vehicle.name, say))
                    return 0
                except asyncio.CancelledError:
                    screen.tell(_what_stays(simulated, vehicle.name, say))
                    raise
                if simulated.has_reservation:
                    screen.tell(_what_stays(simulated, vehicle.name, say))
                return status


def _what_stays(simulated: SimulatedVehicle, name: str, say: Language) -> str:
    """Returns what the network keeps for a vehicle that ends now."""
    if simulated.has_reservation:
        return say("The reservation stays; continue with --name {name}", name=name)
    if simulated.is_booking:
        return say("The booking may have taken effect; continue with --name {name}", name=name)
    return say("Nothing is reserved")


def _open_screen(stack: ExitStack, keyboard: Keyboard | None, say: Language) -> PlainScreen | TerminalScreen:
    console = open_console()
    if not console.is_terminal:
        return PlainScreen(console, say)
    return stack.enter_context(TerminalScreen(console, say, keyboard))


async def _charge(
    simulated: SimulatedVehicle, charges: int, screen: PlainScreen | TerminalScreen, say: Language
) -> int:
    for _ in range(charges):
        try:
            if not await simulated.drive_and_charge():
                return 0
        except NotFound as error:
            screen.tell(describe_no_slot(error, say))
            return 1
        except (RequestError, OutcomeUnknown) as error:
            screen.tell(describe_failure(error, say))
            return 1
    return 0
