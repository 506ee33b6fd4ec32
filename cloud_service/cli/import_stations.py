"""Imports the stations of a CSV export of the US Alternative Fuels Data Center."""

import math
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import Final

from cloud_service.cli.client_options import INTERRUPTED, account, count, finite, positive, price, run
from cloud_service.cli.settings import broker_address
from recharge import Charger
from recharge.terminal.run_import import ImportRun, run_import

ACCOUNT: Final = "operator-import"
CENTRE: Final = (47.4, -120.7)
"""In the middle of Washington State. It is not computed from the file: with another centre, an updated file
would put its stations elsewhere and register them a second time."""
REQUEST_SECONDS: Final = 60.0
"""Long, because a busy service answers `BUSY` for a while."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="the CSV export")
    parser.add_argument(
        "--name", help=f"account that is to own the stations (default: the broker's account, else {ACCOUNT})"
    )
    parser.add_argument(
        "--centre",
        "--center",
        metavar="LAT,LON",
        type=_centre,
        default=CENTRE,
        help="degrees of the place at 0, 0; the same at each import (default: {},{})".format(*CENTRE),
    )
    parser.add_argument(
        "--price", metavar="AMOUNT", type=price, default=0.4, help="of one kWh (default: 0.4)"
    )
    parser.add_argument(
        "--level1", metavar="KW", type=positive, default=1.9, help="power of a level 1 port (default: 1.9)"
    )
    parser.add_argument(
        "--level2", metavar="KW", type=positive, default=7.2, help="power of a level 2 port (default: 7.2)"
    )
    parser.add_argument(
        "--fast", metavar="KW", type=positive, default=50, help="power of a fast port (default: 50)"
    )
    parser.add_argument(
        "--at-once", metavar="N", type=count, default=32, help="stations in work at once (default: 32)"
    )


def _centre(text: str) -> tuple[float, float]:
    latitude, comma, longitude = text.partition(",")
    place = finite(latitude), finite(longitude) if comma else math.inf
    if not (abs(place[0]) < 90 and abs(place[1]) <= 180):
        raise ArgumentTypeError(f"{text!r} is no latitude and longitude in degrees: 47.6,-122.3 is")
    return place


def main(options: Namespace) -> int:
    charger = Charger(
        account(options, ACCOUNT),
        broker_address(options),
        limit=options.at_once,
        timeout=REQUEST_SECONDS,
        presence=False,
    )
    asked = ImportRun(
        file=options.file,
        charger=charger,
        centre=options.centre,
        powers=(options.level1, options.level2, options.fast),
        kwh_price=options.price,
        at_once=options.at_once,
    )
    return run("import", lambda say: run_import(asked, say), interrupted=INTERRUPTED)
