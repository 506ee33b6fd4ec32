"""Runs simulated chargers and vehicles until Ctrl-C, with one line for each thing that happens."""

from argparse import ArgumentParser, Namespace

from cloud_service.cli.client_options import add_pace, count, run
from cloud_service.cli.settings import broker_address
from recharge.simulator.demo import Demo
from recharge.terminal.run_demo import run_demo


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--chargers", metavar="N", type=count, default=3, help="number of chargers (default: %(default)s)"
    )
    parser.add_argument(
        "--vehicles", metavar="N", type=count, default=5, help="number of vehicles (default: %(default)s)"
    )
    add_pace(parser)


def main(options: Namespace) -> int:
    demo = Demo(
        chargers=options.chargers,
        vehicles=options.vehicles,
        time_scale=options.time_scale,
        seed=options.seed,
        broker=broker_address(options),
        gateway=(options.tcp_host, options.tcp_port),
    )
    return run("demo", lambda say: run_demo(demo, say), interrupted=0)
