"""Runs a vehicle: drives, books the nearest point when the battery is low, charges there and leaves."""

from random import Random
from typing import Annotated, get_args

from msgspec import Struct

from cloud_service.cli.client_options import (
    INTERRUPTED,
    PaceOptions,
    account,
    as_settings,
    finite,
    percent,
    percent_to_charge_at,
    positive,
    run,
)
from cloud_service.config.command_line import Argument
from cloud_service.config.values import read_count
from cloud_service.gateway.settings import GatewayAddress
from cloud_service.mqtt.address import BrokerAddress
from recharge import Vehicle
from recharge.records import Number, Protocol
from recharge.simulator.car import Car
from recharge.simulator.vehicle import Pace
from recharge.terminal.keyboard import keyboard_of_terminal
from recharge.terminal.run_vehicle import VehicleRun, run_vehicle


class Options(Struct, frozen=True, kw_only=True):
    protocol: Annotated[
        Protocol,
        Argument(
            "--protocol",
            choices=get_args(Protocol),
            help="MQTT 5, MQTT 3.1.1, or the old protocol over raw TCP (default: %(default)s)",
        ),
    ] = "mqtt5"
    name: Annotated[
        str | None,
        Argument("--name", help="ID of the vehicle; on MQTT, its account (default: drawn at random)"),
    ] = None
    x: Annotated[
        Number,
        Argument("--x", metavar="KM", type=finite, help="home, kilometres east (default: %(default)g)"),
    ] = 0.0
    y: Annotated[
        Number,
        Argument("--y", metavar="KM", type=finite, help="home, kilometres north (default: %(default)g)"),
    ] = 0.0
    capacity: Annotated[
        Number,
        Argument(
            "--capacity", metavar="KWH", type=positive, help="capacity of the battery (default: %(default)g)"
        ),
    ] = 40.0
    battery: Annotated[
        Number | None,
        Argument(
            "--battery",
            metavar="PERCENT",
            type=percent,
            help="charge of the battery at the start, 0 to 100 (default: drawn at random, 30 to 45)",
        ),
    ] = None
    critical: Annotated[
        Number,
        Argument(
            "--critical",
            metavar="PERCENT",
            type=percent_to_charge_at,
            help="charge of the battery at which the vehicle books a point, below 100 (default: %(default)g)",
        ),
    ] = 20.0
    rounds: Annotated[
        int,
        Argument("--rounds", metavar="N", type=read_count, help="number of charges (default: %(default)s)"),
    ] = 1
    yes: Annotated[
        bool, Argument("--yes", action="store_true", help="ask nothing: book, drive there and charge")
    ] = False
    pace: PaceOptions
    broker: BrokerAddress
    gateway: GatewayAddress


def main(options: Options) -> int:
    random = Random(options.pace.seed)
    drawn_name = f"vehicle-{random.randrange(1000, 10_000)}"
    on_tcp = options.protocol == "tcp"
    with as_settings():
        vehicle = Vehicle(
            (options.name or drawn_name) if on_tcp else account(options.name, options.broker, drawn_name),
            options.broker,
            protocol=options.protocol,
            gateway=(options.gateway.host, options.gateway.port),
        )
    asked = VehicleRun(
        vehicle=vehicle,
        car=Car(
            x=options.x,
            y=options.y,
            battery=random.uniform(30, 45) if options.battery is None else options.battery,
            capacity=options.capacity,
            home=(options.x, options.y),
        ),
        pace=Pace(critical=options.critical, time_scale=options.pace.time_scale),
        random=random,
        charges=options.rounds,
        keyboard=None if options.yes else keyboard_of_terminal(),
    )
    return run("vehicle", lambda say: run_vehicle(asked, say), interrupted=INTERRUPTED)
