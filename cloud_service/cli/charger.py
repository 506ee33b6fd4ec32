"""Be a charger: a station with its points, which are occupied and freed as vehicles come and go."""

import asyncio
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from random import Random

from rich.console import Console

from cloud_service.cli.client_options import account, add_pace, count, finite, positive, price, run, say
from cloud_service.cli.settings import broker_address
from cloud_service.mqtt.requester import OutcomeUnknown
from cloud_service.protocol.errors import RequestError
from recharge.charger import Charger
from recharge.language import Language
from recharge.records import Number
from recharge.simulator import saved_station as memory
from recharge.simulator.attendant import Attendant
from recharge.simulator.registration import WantedStation, register
from recharge.simulator.saved_station import MemoryUnusable, SavedStation
from recharge.terminal.keyboard import Keyboard
from recharge.terminal.menu import Menu
from recharge.terminal.screen import Lines, introduction


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--name", help="the charger's account (default: the broker's account, else charger-1)"
    )
    parser.add_argument("--x", metavar="KM", type=finite, help="where it stands, kilometres east")
    parser.add_argument("--y", metavar="KM", type=finite, help="where it stands, kilometres north")
    parser.add_argument("--points", metavar="N", type=count, help="how many points it has (default: 2)")
    parser.add_argument("--power", metavar="KW", type=positive, help="of each point (default: 22)")
    parser.add_argument("--price", metavar="AMOUNT", type=price, help="of one kWh (default: 0.9)")
    parser.add_argument(
        "--state",
        metavar="FILE",
        type=Path,
        help="what it remembers between runs (default: recharge/charger-NAME.json below XDG_STATE_HOME)",
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
    return run(_live(options, say()), ended=0)


async def _live(options: Namespace, say: Language) -> int:
    broker = broker_address(options)
    name = account(options, "charger-1")
    file = options.state or memory.default_file(name, os.environ)
    console = Console(highlight=False)
    lines = Lines(console, say)
    keyboard = Keyboard() if not options.yes and sys.stdin.isatty() else None
    try:
        remembered = memory.load(file)
        wish = await _wish(options, remembered, keyboard, say)
        async with Charger(name, broker, protocol=options.protocol) as charger:
            known = await register(charger, remembered, wish, lambda now: memory.save(file, now))
            assert known.station_id is not None
            lines.tell(say("Charger {name}", name=name))
            lines.tell(introduction(known, say))
            attendant = Attendant(
                charger, known.points, time_scale=options.time_scale, tell=lines.tell, say=say
            )
            menu = Menu(charger, known.station_id, attendant, console, say)
            await _attend(attendant, known.station_id, menu, keyboard)
    except (RequestError, MemoryUnusable) as error:
        lines.tell(say("That did not work: {reason}", reason=error))
        return 1
    except OutcomeUnknown as error:
        lines.tell(say("The network does not answer: {reason}", reason=error))
        return 1
    return 0


async def _wish(
    options: Namespace, remembered: SavedStation | None, keyboard: Keyboard | None, say: Language
) -> WantedStation:
    """Where nothing says where a new charger stands, its owner is asked; else its place is drawn."""
    random = Random(options.seed)
    drawn_x, drawn_y = (round(random.uniform(-8, 8), 1) for _ in "xy")
    x, y = options.x, options.y
    if remembered is not None:
        drawn_x, drawn_y = remembered.x, remembered.y
    elif keyboard is not None:
        x = await _asked(x, keyboard, say("Where does it stand? Kilometres east: "))
        y = await _asked(y, keyboard, say("Kilometres north: "))
    return WantedStation(
        drawn_x if x is None else x,
        drawn_y if y is None else y,
        points=options.points,
        power=options.power,
        kwh_price=options.price,
    )


async def _asked(given: Number | None, keyboard: Keyboard, question: str) -> Number | None:
    """What the flag gave, else what the owner types; None where that is no number."""
    if given is not None:
        return given
    try:
        return finite((await keyboard.ask(question) or "").replace(",", "."))
    except ArgumentTypeError:
        return None


async def _attend(attendant: Attendant, station_id: int, menu: Menu, keyboard: Keyboard | None) -> None:
    """Until the owner quits; without a keyboard, for ever."""
    attending = asyncio.create_task(attendant.run(station_id), name="attendant")
    try:
        await (attending if keyboard is None else menu.run(keyboard))
    finally:
        attending.cancel()
        await asyncio.wait([attending])
