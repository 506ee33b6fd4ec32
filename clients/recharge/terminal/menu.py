"""What a charger's owner can do by hand while the charger runs."""

from collections.abc import Mapping
from typing import Final

import msgspec
from rich.box import ROUNDED
from rich.console import Console
from rich.table import Table

from cloud_service.mqtt.requester import OutcomeUnknown
from cloud_service.protocol.errors import RequestError
from recharge.charger import Charger
from recharge.language import Language
from recharge.records import Availability, Point, Reservation
from recharge.simulator.attendant import Attendant
from recharge.terminal.keyboard import Keyboard

AVAILABILITY: Final[Mapping[Availability, str]] = {
    "livre": "free",
    "ocupado": "occupied",
    "reservado": "reserved",
}


class Menu:
    """Of one station. Ends when its reader wants to, or has gone."""

    def __init__(
        self, charger: Charger, station_id: int, attendant: Attendant, console: Console, say: Language
    ) -> None:
        self._charger = charger
        self._station_id = station_id
        self._attendant = attendant
        self._console = console
        self._say = say

    async def run(self, keyboard: Keyboard) -> None:
        self._show(self._say("1 points   2 reservations   3 out of order   4 price   q quit"))
        while (choice := await keyboard.ask("")) not in (None, "q"):
            try:
                await self._do(choice or "", keyboard)
            except RequestError as error:
                self._show(self._say("The network refuses: {reason}", reason=error.message))
            except OutcomeUnknown as error:
                self._show(self._say("The network does not answer: {reason}", reason=error))
            self._show(self._say("1 points   2 reservations   3 out of order   4 price   q quit"))

    async def _do(self, choice: str, keyboard: Keyboard) -> None:
        if choice == "1":
            points = await self._charger.points(self._station_id)
            self._console.print(points_table(points, self._say))
        elif choice == "2":
            reservations = await self._charger.reservations(self._station_id)
            table = reservations_table(reservations, self._say)
            self._console.print(table if reservations else self._say("No reservations"))
        elif choice in ("3", "4"):
            point = await self._ask_point(keyboard)
            if point is not None:
                await (self._switch(point) if choice == "3" else self._set_price(point, keyboard))

    async def _ask_point(self, keyboard: Keyboard) -> Point | None:
        answer = await keyboard.ask(self._say("Which point? "))
        point = self._attendant.points.get(int(answer)) if answer and answer.isdecimal() else None
        if point is None:
            self._show(self._say("There is no such point"))
        return point

    async def _switch(self, point: Point) -> None:
        in_order = self._attendant.switch(point.point_id)
        text = "Point {point} is in order again" if in_order else "Point {point} is out of order"
        self._show(self._say(text, point=point.point_id))

    async def _set_price(self, point: Point, keyboard: Keyboard) -> None:
        answer = await keyboard.ask(self._say("The price of one kWh? "))
        try:
            price = float((answer or "").replace(",", "."))
        except ValueError:
            self._show(self._say("That is no price"))
            return
        await self._attendant.update(msgspec.structs.replace(point, kwh_price=price))
        text = "One kWh costs {price} at point {point} now"
        self._show(self._say(text, price=self._say.number(price, 2), point=point.point_id))

    def _show(self, text: str) -> None:
        self._console.print(text, style="dim", soft_wrap=True)


def points_table(points: list[Point], say: Language) -> Table:
    """A row a point."""
    table = Table(say("Point"), say("Power"), say("Price of one kWh"), say("Availability"), box=ROUNDED)
    for point in points:
        power, price = f"{say.measure(point.power)} kW", say.number(point.kwh_price, 2)
        table.add_row(str(point.point_id), power, price, say(AVAILABILITY[point.availability]))
    return table


def reservations_table(reservations: list[Reservation], say: Language) -> Table:
    """A row a reservation, the next one first."""
    table = Table(say("Point"), say("Vehicle"), say("Start"), say("End"), say("Price"), box=ROUNDED)
    for reservation in sorted(reservations, key=lambda one: one.start):
        table.add_row(
            str(reservation.point_id),
            str(reservation.vehicle_id),
            say.time(reservation.start),
            say.time(reservation.finish),
            say.number(reservation.price, 2),
        )
    return table
