"""Imports the stations of a CSV export of the US Alternative Fuels Data Center.

With --undo, deletes the account's stations at the places in the file instead.
"""

from pathlib import Path
from typing import Annotated, Final

from msgspec import Struct

from cloud_service.cli.client_options import (
    INTERRUPTED,
    account,
    as_settings,
    run,
)
from cloud_service.cli.port_options import PortOptions, read_place_in_degrees
from cloud_service.config.command_line import Argument
from cloud_service.config.setting import SettingError
from cloud_service.config.values import read_count
from cloud_service.gateway.settings import GatewayAddress
from cloud_service.local.streams import output_failure
from cloud_service.mqtt.address import BrokerAddress
from recharge import Charger
from recharge.terminal.run_import import ImportRun, run_import
from recharge.terminal.run_undo import UndoRun, run_undo

ACCOUNT: Final = "operator-import"
CENTRE: Final = (47.4, -120.7)
"""In the middle of Washington State. It is not computed from the file: with another centre, an updated file
would put its stations elsewhere and register them a second time."""
REQUEST_SECONDS: Final = 60.0
"""Long, because a busy service answers `BUSY` for a while."""


class Options(Struct, frozen=True, kw_only=True):
    file: Annotated[Path, Argument(metavar="FILE", type=Path, help="the CSV export")]
    name: Annotated[
        str | None,
        Argument(
            "--name",
            metavar="NAME",
            help=f"account that will own the stations (default: the broker's account, else {ACCOUNT})",
        ),
    ] = None
    centre: Annotated[
        tuple[float, float],
        Argument(
            "--centre",
            "--center",
            metavar="LAT,LON",
            type=read_place_in_degrees,
            help="latitude and longitude of 0, 0, in degrees; the same for each import"
            " (default: {},{})".format(*CENTRE),
        ),
    ] = CENTRE
    ports: PortOptions
    at_once: Annotated[
        int,
        Argument(
            "--at-once", metavar="N", type=read_count, help="stations imported at once (default: %(default)s)"
        ),
    ] = 32
    undo: Annotated[
        bool,
        Argument(
            "--undo",
            action="store_true",
            help="delete the stations of this file instead",
        ),
    ] = False
    force: Annotated[
        bool,
        Argument(
            "--force",
            action="store_true",
            help="with --undo: also delete stations with reservations, and cancel these",
        ),
    ] = False
    broker: BrokerAddress
    gateway: GatewayAddress


def main(options: Options) -> int:
    if options.force and not options.undo:
        raise SettingError("--force: only with --undo")
    with as_settings():
        charger = Charger(
            account(options.name, options.broker, ACCOUNT),
            options.broker,
            limit=options.at_once,
            timeout=REQUEST_SECONDS,
            presence=False,
        )
    if options.undo:
        undo = UndoRun(
            file=options.file,
            broker=options.broker,
            charger=charger,
            centre=options.centre,
            force=options.force,
            at_once=options.at_once,
        )
        return run("import", lambda say: run_undo(undo, say, output_failure), interrupted=INTERRUPTED)
    asked = ImportRun(
        file=options.file,
        charger=charger,
        centre=options.centre,
        powers=options.ports.powers,
        kwh_price=options.ports.price,
        at_once=options.at_once,
    )
    return run("import", lambda say: run_import(asked, say, output_failure), interrupted=INTERRUPTED)
