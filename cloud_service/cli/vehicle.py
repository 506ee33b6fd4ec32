"""Runs a vehicle: drives, books a point by its wishes when the battery is low, charges there and leaves.

Without wishes, it books the nearest point.

With `show` or `cancel`, it only shows or cancels the reservation of --name, and asks nothing.
"""

from random import Random
from typing import Annotated, Literal, get_args

from msgspec import Struct

from cloud_service.cli.client_options import (
    INTERRUPTED,
    PaceOptions,
    account,
    as_settings,
    client_id_beside,
    finite,
    percent,
    percent_to_charge_at,
    positive,
    run,
)
from cloud_service.cli.wish_options import WishOptions
from cloud_service.config.command_line import Argument
from cloud_service.config.setting import SettingError
from cloud_service.config.values import read_count
from cloud_service.gateway.settings import GatewayAddress
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.protocol.roles import roles_of
from recharge import Vehicle
from recharge.account import AccountConnection
from recharge.records import Number, Protocol
from recharge.simulator.car import Car
from recharge.simulator.vehicle import Pace
from recharge.terminal.keyboard import keyboard_of_terminal
from recharge.terminal.run_reservation import ReservationRun, run_reservation
from recharge.terminal.run_vehicle import VehicleRun, run_vehicle

Action = Literal["show", "cancel"]


class Options(Struct, frozen=True, kw_only=True):
    action: Annotated[
        Action | None,
        Argument(
            nargs="?",
            choices=get_args(Action),
            help="show or cancel the reservation of --name, instead of driving",
        ),
    ] = None
    as_json: Annotated[
        bool,
        Argument("--json", action="store_true", help="with show or cancel: print the reservation as JSON"),
    ] = False
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
        Argument(
            "--name",
            metavar="NAME",
            help="ID of the vehicle; on MQTT, its account (default: drawn at random)",
        ),
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
    wishes: WishOptions
    pace: PaceOptions
    broker: BrokerAddress
    gateway: GatewayAddress


def main(options: Options) -> int:
    if options.action is not None:
        return _show_or_cancel(options, cancel=options.action == "cancel")
    if options.as_json:
        raise SettingError("--json: only with `recharge vehicle show` and `recharge vehicle cancel`")
    on_tcp = options.protocol == "tcp"
    wishes = options.wishes.wishes()
    if on_tcp and wishes is not None:
        raise SettingError("--protocol tcp: the old protocol has no wishes")
    random = Random(options.pace.seed)
    drawn_name = f"vehicle-{random.randrange(1000, 10_000)}"
    name = (options.name or drawn_name) if on_tcp else account(options.name, options.broker, drawn_name)
    with as_settings():
        look = None if on_tcp else AccountConnection(name, options.broker, presence=False)
        vehicle = Vehicle(
            name,
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
        wishes=wishes,
        quotes=not on_tcp,
        look=look,
    )
    return run("vehicle", lambda say: run_vehicle(asked, say), interrupted=INTERRUPTED)


def _show_or_cancel(options: Options, *, cancel: bool) -> int:
    name = options.name or (None if _acts_for_others(options) else options.broker.user)
    if name is None:
        raise SettingError("--name: whose reservation?")
    with as_settings():
        asked = ReservationRun(_quiet_vehicle(name, options), name, cancel=cancel, as_json=options.as_json)
    return run("vehicle", lambda say: run_reservation(asked, say), interrupted=INTERRUPTED)


def _acts_for_others(options: Options) -> bool:
    user = options.broker.user
    return options.protocol != "tcp" and user is not None and "operator" in roles_of(user)


def _quiet_vehicle(name: str, options: Options) -> Vehicle:
    """A vehicle beside the one that may be driving: it announces no presence."""
    if options.protocol == "tcp":
        own_account = name
    elif _acts_for_others(options):
        own_account = options.broker.user or name
    else:
        own_account = account(name, options.broker, name)
    return Vehicle(
        own_account,
        options.broker,
        protocol=options.protocol,
        gateway=(options.gateway.host, options.gateway.port),
        vehicle_id=name,
        client_id=client_id_beside(own_account, options.broker),
    )
