"""Lists the stations and their points, as the broker has them now."""

import math
from typing import Annotated

import msgspec
from msgspec import Struct
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from cloud_service.cli.client_options import INTERRUPTED, finite, run
from cloud_service.cli.observing import observed, station_as_json
from cloud_service.cli.overview_words import describe_place, place_width
from cloud_service.config.command_line import Argument
from cloud_service.config.values import UnusableValue, read_count
from cloud_service.language.language import Language
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.overview.search import has_text
from cloud_service.overview.station import Station
from recharge.records import Number
from recharge.terminal.console import open_console


def _place(text: str) -> tuple[Number, Number]:
    x, comma, y = text.partition(",")
    if not comma:
        raise UnusableValue("{text!r} is not two numbers such as 3,4.5", text=text)
    return finite(x), finite(y)


class Options(Struct, frozen=True, kw_only=True):
    near: Annotated[
        tuple[Number, Number] | None,
        Argument(
            "--near",
            metavar="X,Y",
            type=_place,
            help="sort by distance from this place, in kilometres",
        ),
    ] = None
    search: Annotated[
        str,
        Argument(
            "--search",
            metavar="TEXT",
            help="only stations with this text in their ID, name, address or connectors",
        ),
    ] = ""
    free: Annotated[
        bool, Argument("--free", action="store_true", help="only stations with a point that is free now")
    ] = False
    offline: Annotated[
        bool,
        Argument(
            "--offline",
            action="store_true",
            help="only stations whose charger is known to be offline, or that have no point in order",
        ),
    ] = False
    limit: Annotated[
        int | None, Argument("--limit", metavar="N", type=read_count, help="at most this many (default: all)")
    ] = None
    as_json: Annotated[bool, Argument("--json", action="store_true", help="print JSON")] = False
    broker: BrokerAddress


def main(options: Options) -> int:
    return run("stations", lambda say: _list(options, say), interrupted=INTERRUPTED)


async def _list(options: Options, say: Language) -> int:
    async with observed(options.broker) as observer:
        stations = select(list(observer.overview.known_stations()), options)
    if options.as_json:
        rows = [{**station_as_json(station), **_distance_key(station, options.near)} for station in stations]
        print(msgspec.json.format(msgspec.json.encode(rows), indent=4).decode())
        return 0
    console = open_console()
    if stations:
        console.print(stations_table(stations, options.near, say, width=console.width))
    else:
        console.print(say("No stations match"))
    return 0


def select(stations: list[Station], options: Options) -> list[Station]:
    """Those that were asked for, in their order."""
    if options.search:
        stations = [station for station in stations if has_text(station, options.search)]
    if options.free:
        stations = [station for station in stations if station.figure == "stationsFree"]
    if options.offline:
        stations = [
            station for station in stations if station.figure in ("stationsOffline", "stationsOutOfOrder")
        ]
    near = options.near
    stations.sort(key=lambda station: (0 if near is None else _distance(station, near), station.number))
    return stations[: options.limit]


def _distance(station: Station, near: tuple[Number, Number]) -> float:
    assert station.place is not None
    return math.hypot(station.place.x - near[0], station.place.y - near[1])


def _distance_key(station: Station, near: tuple[Number, Number] | None) -> dict[str, float]:
    return {} if near is None else {"distance": _distance(station, near)}


def stations_table(
    stations: list[Station], near: tuple[Number, Number] | None, say: Language, *, width: int
) -> Table:
    """A row for each station, with its distance from a place."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("ID", justify="right", no_wrap=True)
    table.add_column(say("Station"), no_wrap=True, overflow="crop", max_width=place_width(width))
    if near is not None:
        table.add_column("km", justify="right", no_wrap=True)
    table.add_column(say("Free"), justify="right", no_wrap=True)
    table.add_column("kW", justify="right", no_wrap=True)
    table.add_column(say("Price per kWh"), justify="right")
    table.add_column("", no_wrap=True, overflow="crop")
    for station in stations:
        distance = [] if near is None else [say.number(_distance(station, near))]
        table.add_row(str(station.number), describe_place(station, say), *distance, *_cells(station, say))
    return table


def _cells(station: Station, say: Language) -> list[str | Text]:
    points = station.points.values()
    free = sum(station.state_of(point) == "free" for point in points)
    return [
        f"{free}/{len(points)}",
        _range({point.power for point in points}, say),
        _range({point.price for point in points}, say, digits=2),
        Text(_trouble(station, say), style="red"),
    ]


def _trouble(station: Station, say: Language) -> str:
    """Why some of its points, or all, cannot be used."""
    if station.offline:
        return say("offline")
    broken = sum(station.state_of(point) == "outOfOrder" for point in station.points.values())
    return say("{count} out of order", count=broken) if broken else ""


def _range(numbers: set[float], say: Language, digits: int | None = None) -> str:
    """The least and the largest of some numbers."""
    texts = [
        say.measure(number) if digits is None else say.number(number, digits)
        for number in sorted(numbers)[:: max(1, len(numbers) - 1)]
    ]
    return "-".join(texts)
