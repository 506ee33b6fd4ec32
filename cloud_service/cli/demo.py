"""Be a few chargers and vehicles that live, until Ctrl-C: one line per happening."""

import asyncio
from argparse import ArgumentParser, Namespace
from random import Random
from typing import Final

from rich.console import Console

from cloud_service.cli.client_options import add_pace, count, run, say
from cloud_service.cli.settings import broker_address
from cloud_service.mqtt.requester import OutcomeUnknown
from cloud_service.protocol.errors import RequestError
from recharge.charger import Charger
from recharge.language import Language
from recharge.simulator.attendant import Attendant
from recharge.simulator.driving import Car
from recharge.simulator.journey import Journey, Pace
from recharge.simulator.registration import WantedStation, register
from recharge.simulator.saved_station import SavedStation
from recharge.terminal.screen import Lines, introduction
from recharge.vehicle import Protocol, Vehicle

POWERS: Final = (22, 7.2, 50)
"""In kW; the chargers take turns."""
PROTOCOLS: Final[tuple[Protocol, ...]] = ("mqtt5", "mqtt311", "tcp")
"""The vehicles take turns."""
AREA: Final = 8.0
"""Kilometres from the middle in each direction where they all are."""
PATIENCE: Final = 60.0
"""Seconds to wait for a reply: the demo may start before the service."""
REST: Final = 5.0
"""Seconds that a vehicle rests after a charge."""
LONG_REST: Final = 60.0
"""Seconds that it rests when it could not have one."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--chargers", metavar="N", type=count, default=3, help="(default: 3)")
    parser.add_argument("--vehicles", metavar="N", type=count, default=5, help="(default: 5)")
    add_pace(parser)


def main(options: Namespace) -> int:
    return run(Demo(options, say()).run(), ended=0)


class Demo:
    """Its chargers stand where the seed says, so that the next run finds its stations again.

    On an open broker each has a name of its own. With an account, an operator's, they all use that.
    """

    def __init__(self, options: Namespace, say: Language) -> None:
        self._options = options
        self._say = say
        self._broker = broker_address(options)
        self._console = Console(highlight=False)

    async def run(self) -> int:
        """Until it is cancelled. Raises ConnectionError where the broker is not reached."""
        times = self._say.measure(self._options.time_scale)
        Lines(self._console, self._say).tell(self._say("Time passes {times} times as fast", times=times))
        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(self._options.chargers):
                    tasks.create_task(self._be_charger(number))
                for number in range(self._options.vehicles):
                    tasks.create_task(self._be_vehicle(number))
        except* ConnectionError as group:
            raise group.exceptions[0] from None
        return 0

    async def _be_charger(self, number: int) -> None:
        name = f"demo-charger-{number + 1}"
        random = self._random(name)
        wish = WantedStation(*self._place(random), power=POWERS[number % len(POWERS)])
        lines = Lines(self._console, self._say, name)
        account = self._broker.user
        charger = Charger(
            account or name,
            self._broker,
            client_id=name if account is None else f"{account}-{name}",
            timeout=PATIENCE,
            presence=account is None,
        )
        async with charger:
            known = await register(charger, None, wish, _forget)
            assert known.station_id is not None
            lines.tell(introduction(known, self._say))
            attendant = Attendant(
                charger, known.points, time_scale=self._options.time_scale, tell=_quietly, say=self._say
            )
            await attendant.run(known.station_id)

    async def _be_vehicle(self, number: int) -> None:
        name = f"demo-vehicle-{number + 1}"
        random = self._random(name)
        lines = Lines(self._console, self._say, name)
        x, y = self._place(random)
        car = Car(x, y, random.uniform(25, 60), home=(x, y))
        pace = Pace(time_scale=self._options.time_scale)
        async with (
            self._vehicle(name, PROTOCOLS[number % len(PROTOCOLS)]) as vehicle,
            Journey(vehicle, car, pace, random, lines, self._say) as journey,
        ):
            while True:
                went_well = await self._round(journey, lines)
                await asyncio.sleep(REST if went_well else LONG_REST)

    def _vehicle(self, name: str, protocol: Protocol) -> Vehicle:
        account = None if protocol == "tcp" else self._broker.user
        return Vehicle(
            account or name,
            self._broker,
            protocol=protocol,
            gateway=(self._options.tcp_host, self._options.tcp_port),
            vehicle_id=account and name,
            client_id=name if account is None else f"{account}-{name}",
            timeout=PATIENCE,
        )

    async def _round(self, journey: Journey, lines: Lines) -> bool:
        """One journey. What goes wrong is told: in a living network the next one may go well."""
        try:
            return await journey.round()
        except RequestError as error:
            lines.tell(self._say("The network refuses: {reason}", reason=error.message))
        except (OutcomeUnknown, ConnectionError) as error:
            lines.tell(self._say("The network does not answer: {reason}", reason=error))
        return False

    def _random(self, name: str) -> Random:
        return Random(f"{name} {self._options.seed}")

    def _place(self, random: Random) -> tuple[float, float]:
        return round(random.uniform(-AREA, AREA), 1), round(random.uniform(-AREA, AREA), 1)


def _forget(_: SavedStation) -> None:
    """A station of the demo is found again by its location."""


def _quietly(_: str) -> None:
    """What happens at a charger its vehicles tell."""
