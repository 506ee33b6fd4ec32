"""Runs a charger: registers a station and its points, and tells when vehicles come and go."""

import os
from pathlib import Path
from typing import Annotated, get_args

from msgspec import Struct

from cloud_service.cli.client_options import PaceOptions, account, finite, not_negative, positive, run
from cloud_service.config.command_line import Argument
from cloud_service.config.values import UnusableValue, read_count
from cloud_service.gateway.settings import GatewayAddress
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.protocol.connectors import CONNECTORS, Connector
from cloud_service.protocol.requests import LONGEST_ADDRESS, LONGEST_NAME
from recharge.records import KEEP, Described, MQTTProtocol, Number
from recharge.simulator.saved_station import default_file
from recharge.terminal.keyboard import keyboard_of_terminal
from recharge.terminal.run_charger import ChargerRun, run_charger


def _name(text: str) -> str:
    return _at_most(LONGEST_NAME, text)


def _address(text: str) -> str:
    return _at_most(LONGEST_ADDRESS, text)


def _at_most(characters: int, text: str) -> str:
    if len(text) > characters:
        raise UnusableValue("longer than {most} characters: {text!r}...", most=characters, text=text[:40])
    return text


class Options(Struct, frozen=True, kw_only=True):
    name: Annotated[
        str | None,
        Argument(
            "--name",
            metavar="NAME",
            help="account of the charger (default: the broker's account, else charger-1)",
        ),
    ] = None
    x: Annotated[
        Number | None,
        Argument("--x", metavar="KM", type=finite, help="location of the station, kilometres east"),
    ] = None
    y: Annotated[
        Number | None,
        Argument("--y", metavar="KM", type=finite, help="location of the station, kilometres north"),
    ] = None
    points: Annotated[
        int | None,
        Argument(
            "--points",
            metavar="N",
            type=read_count,
            help="minimum number of points (default: as saved, else 2)",
        ),
    ] = None
    power: Annotated[
        Number | None,
        Argument(
            "--power",
            metavar="KW",
            type=positive,
            help="power of each point (default: as registered, else 22)",
        ),
    ] = None
    price: Annotated[
        Number | None,
        Argument(
            "--price",
            metavar="AMOUNT",
            type=not_negative,
            help="price per kWh (default: as registered, else 0.9)",
        ),
    ] = None
    station_name: Annotated[
        str | None,
        Argument(
            "--station-name",
            metavar="TEXT",
            type=_name,
            help="what people call the station (default: as registered; an empty text removes it)",
        ),
    ] = None
    station_address: Annotated[
        str | None,
        Argument(
            "--station-address",
            metavar="TEXT",
            type=_address,
            help="where people find the station (default: as registered; an empty text removes it)",
        ),
    ] = None
    connector: Annotated[
        Connector | None,
        Argument(
            "--connector",
            metavar="TYPE",
            choices=CONNECTORS,
            help="connector of each point, such as IEC_62196_T2 in OCPI (default: as registered)",
        ),
    ] = None
    state: Annotated[
        Path | None,
        Argument(
            "--state",
            metavar="FILE",
            type=Path,
            help="file that keeps the charger's state between runs (default:"
            " recharge/charger-NAME.json in XDG_STATE_HOME)",
        ),
    ] = None
    protocol: Annotated[
        MQTTProtocol,
        Argument(
            "--protocol", choices=get_args(MQTTProtocol), help="MQTT 5 or MQTT 3.1.1 (default: %(default)s)"
        ),
    ] = "mqtt5"
    yes: Annotated[bool, Argument("--yes", action="store_true", help="ask nothing and show no menu")] = False
    pace: PaceOptions
    broker: BrokerAddress
    gateway: GatewayAddress


def main(options: Options) -> int:
    name = account(options.name, options.broker, "charger-1")
    asked = ChargerRun(
        name=name,
        broker=options.broker,
        protocol=options.protocol,
        file=options.state or default_file(name, os.environ),
        keyboard=None if options.yes else keyboard_of_terminal(),
        x=options.x,
        y=options.y,
        points=options.points,
        power=options.power,
        kwh_price=options.price,
        station_name=_described(options.station_name),
        station_address=_described(options.station_address),
        connector=options.connector,
        time_scale=options.pace.time_scale,
        seed=options.pace.seed,
    )
    return run("charger", lambda say: run_charger(asked, say), interrupted=0)


def _described(text: str | None) -> Described:
    return KEEP if text is None else text or None
