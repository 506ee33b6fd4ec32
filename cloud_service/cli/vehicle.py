"""Be a vehicle: drive, book the nearest charging point when the battery is low, go there, charge, leave."""

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from random import Random

from rich.console import Console

from cloud_service.cli.client_options import INTERRUPTED, account, add_pace, count, finite, positive, run, say
from cloud_service.cli.settings import broker_address
from cloud_service.mqtt.requester import OutcomeUnknown
from cloud_service.protocol.errors import RequestError
from recharge.language import Language
from recharge.simulator.driving import Car
from recharge.simulator.journey import Journey, Pace, View
from recharge.terminal.keyboard import Keyboard
from recharge.terminal.screen import PlainScreen, TerminalScreen
from recharge.vehicle import Vehicle


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--protocol",
        choices=("mqtt5", "mqtt311", "tcp"),
        default="mqtt5",
        help="MQTT 5, MQTT 3.1.1, or the old protocol over raw TCP (default: %(default)s)",
    )
    parser.add_argument("--name", help="the vehicle's ID: on MQTT its account's name (default: one made up)")
    parser.add_argument(
        "--x", metavar="KM", type=finite, default=0.0, help="home, kilometres east (default: 0)"
    )
    parser.add_argument(
        "--y", metavar="KM", type=finite, default=0.0, help="home, kilometres north (default: 0)"
    )
    parser.add_argument(
        "--capacity", metavar="KWH", type=positive, default=40.0, help="of the battery (default: %(default)g)"
    )
    parser.add_argument(
        "--battery", metavar="PERCENT", type=positive, help="at the start (default: drawn, 30 to 45)"
    )
    parser.add_argument(
        "--critical", metavar="PERCENT", type=positive, default=20.0, help="book at (default: %(default)g)"
    )
    parser.add_argument(
        "--rounds", metavar="N", type=count, default=1, help="journeys, each to a charge (default: 1)"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing: book, drive there and charge")
    add_pace(parser)


def main(options: Namespace) -> int:
    return run(_live(options, say()), ended=INTERRUPTED)


async def _live(options: Namespace, say: Language) -> int:
    random = Random(options.seed)
    broker = broker_address(options)
    drawn = f"vehicle-{random.randrange(1000, 10_000)}"
    name = (options.name or drawn) if options.protocol == "tcp" else account(options, drawn)
    vehicle = Vehicle(name, broker, protocol=options.protocol, gateway=(options.tcp_host, options.tcp_port))
    car = Car(
        x=options.x,
        y=options.y,
        battery=min(100.0, options.battery or random.uniform(30, 45)),
        capacity=options.capacity,
        home=(options.x, options.y),
    )
    pace = Pace(critical=options.critical, time_scale=options.time_scale)
    with ExitStack() as stack:
        view = _view(stack, say, ask=not options.yes)
        async with vehicle:
            view.tell(
                say(
                    "Vehicle {name}: a battery of {capacity} kWh; time passes {times} times as fast",
                    name=name,
                    capacity=say.measure(car.capacity),
                    times=say.measure(pace.time_scale),
                )
            )
            async with Journey(vehicle, car, pace, random, view, say) as journey:
                try:
                    return await _rounds(journey, options.rounds, view, say)
                except asyncio.CancelledError:
                    if journey.booked:
                        view.tell(say("The reservation stays; go on with --name {name}", name=name))
                    raise


async def _rounds(journey: Journey, rounds: int, view: View, say: Language) -> int:
    for _ in range(rounds):
        try:
            if not await journey.round():
                return 0
        except RequestError as error:
            view.tell(say("The network refuses: {reason}", reason=error.message))
            return 1
        except OutcomeUnknown as error:
            view.tell(say("The network does not answer: {reason}", reason=error))
            return 1
    return 0


def _view(stack: ExitStack, say: Language, *, ask: bool) -> View:
    console = Console(highlight=False)
    if not console.is_terminal:
        return PlainScreen(console, say)
    keyboard = Keyboard() if ask and sys.stdin.isatty() else None
    return stack.enter_context(TerminalScreen(console, say, keyboard))
