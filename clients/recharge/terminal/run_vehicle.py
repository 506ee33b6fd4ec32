"""Runs a vehicle interactively."""

import asyncio
from contextlib import ExitStack
from random import Random

from msgspec import Struct

from cloud_service.language.language import Language
from recharge.errors import NotFound, OutcomeUnknown, RequestError
from recharge.simulator.car import Car
from recharge.simulator.connection import watch_connection
from recharge.simulator.observer import DriverQuits
from recharge.simulator.vehicle import Pace, SimulatedVehicle
from recharge.terminal.console import open_console
from recharge.terminal.keyboard import Keyboard
from recharge.terminal.screen import PlainScreen, TerminalScreen
from recharge.terminal.wording import describe_failure
from recharge.vehicle import Vehicle


class VehicleRun(Struct, frozen=True):
    """A vehicle, its car, and how often it charges. `keyboard` is None when nobody can answer."""

    vehicle: Vehicle
    car: Car
    pace: Pace
    random: Random
    charges: int
    keyboard: Keyboard | None


async def run_vehicle(asked: VehicleRun, say: Language) -> int:
    """Drives and charges. Returns the exit status; raises ConnectionError without a broker."""
    with ExitStack() as stack:
        screen = _open_screen(stack, asked.keyboard, say)
        async with asked.vehicle as vehicle, watch_connection(vehicle, screen.report):
            screen.tell(
                say(
                    "Vehicle {name}: a battery of {capacity} kWh; time passes {times} times as fast",
                    name=vehicle.name,
                    capacity=say.measure(asked.car.capacity),
                    times=say.measure(asked.pace.time_scale),
                )
            )
            async with SimulatedVehicle(vehicle, asked.car, asked.pace, asked.random, screen) as simulated:
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
        except NotFound:
            reason = say("no station has a charging point")
            screen.tell(say("The network refuses: {reason}", reason=reason))
            return 1
        except (RequestError, OutcomeUnknown) as error:
            screen.tell(describe_failure(error, say))
            return 1
    return 0
