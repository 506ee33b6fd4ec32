"""Runs a vehicle: drives, books the nearest point when the battery is low, charges there and leaves."""

from argparse import ArgumentParser, Namespace
from random import Random

from cloud_service.cli.client_options import INTERRUPTED, account, add_pace, count, finite, positive, run
from cloud_service.cli.settings import broker_address
from recharge import Vehicle
from recharge.simulator.car import Car
from recharge.simulator.vehicle import Pace
from recharge.terminal.keyboard import keyboard_of_terminal
from recharge.terminal.run_vehicle import VehicleRun, run_vehicle


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
    random = Random(options.seed)
    drawn_name = f"vehicle-{random.randrange(1000, 10_000)}"
    on_tcp = options.protocol == "tcp"
    asked = VehicleRun(
        vehicle=Vehicle(
            (options.name or drawn_name) if on_tcp else account(options, drawn_name),
            broker_address(options),
            protocol=options.protocol,
            gateway=(options.tcp_host, options.tcp_port),
        ),
        car=Car(
            x=options.x,
            y=options.y,
            battery=min(100.0, options.battery or random.uniform(30, 45)),
            capacity=options.capacity,
            home=(options.x, options.y),
        ),
        pace=Pace(critical=options.critical, time_scale=options.time_scale),
        random=random,
        charges=options.rounds,
        keyboard=None if options.yes else keyboard_of_terminal(),
    )
    return run("vehicle", lambda say: run_vehicle(asked, say), interrupted=INTERRUPTED)
