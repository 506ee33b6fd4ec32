"""Runs a charger interactively: registers its station, then shows what happens and a menu."""

import asyncio
from pathlib import Path
from random import Random
from typing import Final

from msgspec import Struct
from rich.console import Console

from cloud_service.language.language import Language
from cloud_service.mqtt.address import BrokerAddress
from recharge.account import AccountConnection
from recharge.charger import Charger
from recharge.errors import OutcomeUnknown, RequestError
from recharge.records import Connector, Described, MQTTProtocol, Number
from recharge.simulator import saved_station
from recharge.simulator.charger import SimulatedCharger
from recharge.simulator.connection import watch_connection
from recharge.simulator.network_clock import read_clock
from recharge.simulator.registration import RegisteredStation, WantedStation, register
from recharge.simulator.saved_station import SavedStation, SavedStationError
from recharge.simulator.vehicle import Pace
from recharge.terminal.console import open_console
from recharge.terminal.keyboard import Keyboard
from recharge.terminal.menu import Menu
from recharge.terminal.prompts import Prompts, Quit
from recharge.terminal.screen import Lines
from recharge.terminal.wording import describe_failure, explain

AREA_KM: Final = 8.0
"""A location that nobody chose is drawn this near to the origin, in x and in y."""


class ChargerRun(Struct, frozen=True):
    """What the owner asked for. None leaves what is saved or registered, or takes a default.

    KEEP leaves a description as it is; None removes it.

    `file` holds what is saved between runs. `keyboard` is None when nobody can answer.
    """

    name: str
    broker: BrokerAddress
    protocol: MQTTProtocol
    file: Path
    keyboard: Keyboard | None
    x: Number | None
    y: Number | None
    points: int | None
    power: Number | None
    kwh_price: Number | None
    station_name: Described
    station_address: Described
    connector: Connector | None
    time_scale: float
    seed: int | None


async def run_charger(asked: ChargerRun, say: Language) -> int:
    """Runs until the owner quits. Returns the exit status; raises ConnectionError without a broker."""
    console = open_console()
    lines = Lines(console, say)
    try:
        saved = saved_station.load(asked.file)
        wanted = await _choose(asked, saved, console, say)
        look = AccountConnection(asked.name, asked.broker, protocol=asked.protocol, presence=False)
        pace = Pace(time_scale=asked.time_scale).by(await read_clock(look))
        async with Charger(asked.name, asked.broker, protocol=asked.protocol) as charger:
            registered = await register(
                charger, wanted, saved, lambda station: saved_station.save(asked.file, station)
            )
            lines.tell(say("Charger {name}", name=asked.name))
            lines.registered(registered)
            async with watch_connection(charger, lines.report):
                await _simulate(asked, charger, registered, pace, console, say)
        lines.tell(say("The charger is offline; its station stays registered"))
    except Quit:
        lines.tell(say("Nothing was registered"))
        return 0
    except (RequestError, OutcomeUnknown) as error:
        lines.tell(describe_failure(error, say))
        return 1
    except SavedStationError as error:
        lines.tell(explain(error, say))
        return 1
    return 0


async def _choose(
    asked: ChargerRun, saved: SavedStation | None, console: Console, say: Language
) -> WantedStation:
    """Takes the location from the flags, else from the saved station, else from the owner, else draws it.

    Raises Quit.
    """
    random = Random(asked.seed)
    location: list[Number] = [round(random.uniform(-AREA_KM, AREA_KM), 1) for _ in "xy"]
    x, y = asked.x, asked.y
    if saved is not None:
        location = [saved.x, saved.y]
    elif asked.keyboard is not None:
        prompts = Prompts(asked.keyboard, say, console.print)
        if x is None:
            x = await prompts.kilometres(say("Station location, kilometres east: "))
        if y is None:
            y = await prompts.kilometres(say("Kilometres north: "))
    return WantedStation(
        location[0] if x is None else x,
        location[1] if y is None else y,
        points=asked.points,
        power=asked.power,
        kwh_price=asked.kwh_price,
        name=asked.station_name,
        address=asked.station_address,
        connector=asked.connector,
    )


async def _simulate(
    asked: ChargerRun,
    charger: Charger,
    registered: RegisteredStation,
    pace: Pace,
    console: Console,
    say: Language,
) -> None:
    """Runs until the owner quits; without a keyboard, until the task is cancelled."""
    station_id = registered.station.station_id
    simulated = SimulatedCharger(
        charger,
        station_id,
        registered.points,
        plan=pace.plan,
        report=Lines(console, say).report,
    )
    if asked.keyboard is None:
        await simulated.run()
        return
    running = asyncio.create_task(simulated.run(), name="simulated charger")
    try:
        await Menu(charger, station_id, simulated, console, say, asked.keyboard).run()
    finally:
        running.cancel()
        await asyncio.wait([running])
