"""The menu of a charger's owner."""

from typing import Final

import msgspec
from rich.console import Console

from recharge.charger import Charger
from recharge.errors import OutcomeUnknown, RequestError
from recharge.records import Point
from recharge.simulator.charger import SimulatedCharger
from recharge.terminal.keyboard import Keyboard
from recharge.terminal.language import Language
from recharge.terminal.tables import points_table, reservations_table
from recharge.terminal.wording import describe_failure

QUIT: Final = "q"


class Menu:
    """Shows points and reservations of one station, and changes its points."""

    def __init__(
        self,
        charger: Charger,
        station_id: int,
        simulated: SimulatedCharger,
        console: Console,
        say: Language,
    ) -> None:
        self._charger = charger
        self._station_id = station_id
        self._simulated = simulated
        self._console = console
        self._say = say

    async def run(self, keyboard: Keyboard) -> None:
        """Runs until the owner quits or the input ends."""
        self._show_choices()
        while (choice := await keyboard.ask("")) not in (None, QUIT):
            try:
                await self._do(choice or "", keyboard)
            except (RequestError, OutcomeUnknown) as error:
                self._show(describe_failure(error, self._say))
            self._show_choices()

    def _show_choices(self) -> None:
        self._show(self._say("1 points   2 reservations   3 out of service   4 price   q quit"))

    async def _do(self, choice: str, keyboard: Keyboard) -> None:
        if choice == "1":
            self._console.print(points_table(await self._charger.points(self._station_id), self._say))
        elif choice == "2":
            await self._show_reservations()
        elif choice in ("3", "4"):
            point = await self._ask_point(keyboard)
            if point is not None:
                await (self._toggle_service(point) if choice == "3" else self._set_price(point, keyboard))

    async def _show_reservations(self) -> None:
        reservations = await self._charger.reservations(self._station_id)
        if reservations:
            self._console.print(reservations_table(reservations, self._say))
        else:
            self._show(self._say("No reservations"))

    async def _ask_point(self, keyboard: Keyboard) -> Point | None:
        answer = await keyboard.ask(self._say("Which point? "))
        point = self._simulated.points.get(int(answer)) if answer and answer.isdecimal() else None
        if point is None:
            self._show(self._say("No such point"))
        return point

    async def _toggle_service(self, point: Point) -> None:
        if self._simulated.toggle_service(point.point_id):
            self._show(self._say("Point {point} is in service again", point=point.point_id))
        else:
            self._show(self._say("Point {point} is out of service", point=point.point_id))

    async def _set_price(self, point: Point, keyboard: Keyboard) -> None:
        answer = await keyboard.ask(self._say("Price per kWh? "))
        try:
            price = float((answer or "").replace(",", "."))
        except ValueError:
            self._show(self._say("That is not a price"))
            return
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
