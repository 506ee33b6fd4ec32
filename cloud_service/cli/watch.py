"""Follows the network in the terminal: stations, points, queues, and what happens.

Without a terminal it prints a line for each event. Ends with Ctrl-C.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.live import Live

from cloud_service.cli.client_options import run
from cloud_service.cli.observing import account_of, observed, sees_vehicles
from cloud_service.cli.overview_words import describe_event
from cloud_service.cli.watch_screen import screen
from cloud_service.config.command_line import Argument
from cloud_service.language.language import Language
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.overview.observer import Observer
from cloud_service.overview.overview import Overview
from cloud_service.overview.records import Event
from recharge.terminal.console import open_console

_LOOK_SECONDS: Final = 0.25
_TICK_LOOKS: Final = 4
"""After so many looks without a change the screen is drawn again, for the clock in it."""


class Options(Struct, frozen=True, kw_only=True):
    as_json: Annotated[
        bool, Argument("--json", action="store_true", help="print each event as a line of JSON instead")
    ] = False
    broker: BrokerAddress


def main(options: Options) -> int:
    return run("watch", lambda say: _watch(options, say), interrupted=0, ends_with_output=True)


async def _watch(options: Options, say: Language) -> int:
    with_vehicles = sees_vehicles(account_of(options.broker))
    console = open_console()
    async with observed(options.broker) as observer:
        if options.as_json:
            await _print_json(observer.overview, with_vehicles)
        elif console.is_terminal:
            await _draw(console, observer, say, with_vehicles)
        else:
            await _print_lines(console, observer.overview, say, with_vehicles)
    return 0


async def _print_json(overview: Overview, with_vehicles: bool) -> None:
    async for event in _events(overview):
        shown = event if with_vehicles else event.without_vehicle()
        print(msgspec.json.encode(shown).decode(), flush=True)


async def _print_lines(console: Console, overview: Overview, say: Language, with_vehicles: bool) -> None:
    async for event in _events(overview):
        name = overview.name_of(event.reservation.station)
        text = describe_event(event, name, say, with_vehicle=with_vehicles)
        console.print(f"{event.at.astimezone():%H:%M:%S}  {text}", soft_wrap=True)


async def _events(overview: Overview) -> AsyncIterator[Event]:
    seen = 0
    while True:
        events, seen = overview.events_since(seen), overview.number
        for event in events:
            yield event
        await asyncio.sleep(_LOOK_SECONDS)


async def _draw(console: Console, observer: Observer, say: Language, with_vehicles: bool) -> None:
    overview, shown, looks = observer.overview, -1, 0
    with Live(console=console, auto_refresh=False, screen=True) as live:
        while True:
            if overview.number != shown or looks >= _TICK_LOOKS:
                shown, looks = overview.number, 0
                now = datetime.now(UTC)
                picture = screen(overview, now, say, size=console.size, with_vehicles=with_vehicles)
                live.update(picture, refresh=True)
            await asyncio.sleep(_LOOK_SECONDS)
            looks += 1
