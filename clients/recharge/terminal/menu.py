"""The menu of a charger's owner."""

from typing import Final

import msgspec
from rich.console import Console

from cloud_service.language.language import Language
from recharge.charger import Charger
from recharge.errors import OutcomeUnknown, RequestError
from recharge.records import Point
from recharge.simulator.charger import SimulatedCharger
from recharge.terminal.keyboard import Keyboard
from recharge.terminal.prompts import Prompts, Quit
from recharge.terminal.tables import points_table, reservations_table
from recharge.terminal.wording import describe_failure

CHOICES: Final = ("1", "2", "3", "4")


class Menu:
    """Shows points and reservations of one station, and changes its points."""

    def __init__(
        self,
        charger: Charger,
        station_id: int,
        simulated: SimulatedCharger,
        console: Console,
        say: Language,
        keyboard: Keyboard,
    ) -> None:
        self._charger = charger
        self._station_id = station_id
        self._simulated = simulated
        self._console = console
        self._say = say
        self._prompts = Prompts(keyboard, say, self._show)

    async def run(self) -> None:
        """Runs until the owner quits or the input ends."""
        accepted = self._say("Please type 1, 2, 3, 4 or q")
        try:
            while True:
                self._show(self._say("[1] points  [2] reservations  [3] out of order  [4] price  [q] quit"))
                choice = await self._prompts.ask("", _read_choice, accepted)
                try:
                    await self._do(choice)
                except (RequestError, OutcomeUnknown) as error:
                    self._show(describe_failure(error, self._say))
        except Quit:
            return

    async def _do(self, choice: str) -> None:
        if choice == "1":
            self._console.print(points_table(await self._charger.points(self._station_id), self._say))
        elif choice == "2":
            await self._show_reservations()
        elif not self._simulated.points:
            self._show(self._say("The station has no points"))
        else:
            point = await self._ask_point()
            await (self._toggle_service(point) if choice == "3" else self._set_price(point))

    async def _show_reservations(self) -> None:
        reservations = await self._charger.reservations(self._station_id)
        if reservations:
            self._console.print(reservations_table(reservations, self._say))
        else:
            self._show(self._say("No reservations"))

    async def _ask_point(self) -> Point:
        def read(typed: str) -> Point | None:
            return next((point for number, point in points.items() if typed == str(number)), None)

        points = dict(self._simulated.points)
        accepted = self._say("Please type one of {points}; q quits", points=", ".join(map(str, points)))
        return await self._prompts.ask(self._say("Which point? "), read, accepted)

    async def _toggle_service(self, point: Point) -> None:
        if self._simulated.toggle_service(point.point_id):
            self._show(self._say("Point {point} is in order again", point=point.point_id))
        else:
            self._show(self._say("Point {point} is out of order", point=point.point_id))

    async def _set_price(self, point: Point) -> None:
        price = await self._prompts.price(self._say("Price per kWh? "))
        # The point may have changed while the owner was typing.
        point = self._simulated.points.get(point.point_id, point)
        await self._simulated.update(msgspec.structs.replace(point, kwh_price=price))
        self._show(
            self._say(
                "One kWh now costs {price} at point {point}",
                price=self._say.number(price, 2),
                point=point.point_id,
            )
        )

    def _show(self, text: str) -> None:
        self._console.print(text, style="dim")


def _read_choice(typed: str) -> str | None:
    return typed if typed in CHOICES else None
