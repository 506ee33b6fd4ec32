"""Runs a charger: registers a station and its points, and marks them occupied while vehicles charge."""

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from cloud_service.cli.client_options import account, add_pace, count, finite, positive, price, run
from cloud_service.cli.settings import broker_address
from recharge.simulator.saved_station import default_file
from recharge.terminal.keyboard import keyboard_of_terminal
from recharge.terminal.run_charger import ChargerRun, run_charger


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--name", help="account of the charger (default: the broker's account, else charger-1)"
    )
    parser.add_argument("--x", metavar="KM", type=finite, help="location of the station, kilometres east")
    parser.add_argument("--y", metavar="KM", type=finite, help="location of the station, kilometres north")
    parser.add_argument("--points", metavar="N", type=count, help="least number of points (default: 2)")
    parser.add_argument("--power", metavar="KW", type=positive, help="power of each point (default: 22)")
    parser.add_argument("--price", metavar="AMOUNT", type=price, help="price per kWh (default: 0.9)")
    parser.add_argument(
        "--state",
        metavar="FILE",
        type=Path,
        help="file of what is saved between runs (default: recharge/charger-NAME.json in XDG_STATE_HOME)",
    )
    parser.add_argument(
        "--protocol",
        choices=("mqtt5", "mqtt311"),
        default="mqtt5",
        help="MQTT 5 or MQTT 3.1.1 (default: %(default)s)",
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing and show no menu")
    add_pace(parser)


def main(options: Namespace) -> int:
    name = account(options, "charger-1")
    asked = ChargerRun(
        name=name,
        broker=broker_address(options),
        protocol=options.protocol,
        file=options.state or default_file(name, os.environ),
        keyboard=None if options.yes else keyboard_of_terminal(),
        x=options.x,
        y=options.y,
        points=options.points,
        power=options.power,
        kwh_price=options.price,
        time_scale=options.time_scale,
        seed=options.seed,
    )
    return run("charger", lambda say: run_charger(asked, say), interrupted=0)
