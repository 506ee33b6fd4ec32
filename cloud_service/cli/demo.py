"""Runs simulated chargers and vehicles until Ctrl-C, with one line for each thing that happens.

At one station a vehicle never comes, another stays too long, and a point fails: others move.
"""

from typing import Annotated

from msgspec import Struct

from cloud_service.cli.client_options import PaceOptions, run
from cloud_service.config.command_line import Argument
from cloud_service.config.values import read_count
from cloud_service.gateway.settings import GatewayAddress
from cloud_service.mqtt.address import BrokerAddress
from recharge.simulator.demo import Demo
from recharge.terminal.run_demo import run_demo


class Options(Struct, frozen=True, kw_only=True):
    chargers: Annotated[
        int,
        Argument(
            "--chargers", metavar="N", type=read_count, help="number of chargers (default: %(default)s)"
        ),
    ] = 3
    vehicles: Annotated[
        int,
        Argument(
            "--vehicles", metavar="N", type=read_count, help="number of vehicles (default: %(default)s)"
        ),
    ] = 5
    pace: PaceOptions
    broker: BrokerAddress
    gateway: GatewayAddress


def main(options: Options) -> int:
    demo = Demo(
        chargers=options.chargers,
        vehicles=options.vehicles,
        time_scale=options.pace.time_scale,
        seed=options.pace.seed,
        broker=options.broker,
        gateway=(options.gateway.host, options.gateway.port),
    )
    return run("demo", lambda say: run_demo(demo, say), interrupted=0, ends_with_output=True)
