"""What a person sees and types: calm lines, a battery, a table, a question."""

from datetime import datetime
from typing import Final

from rich.box import ROUNDED
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from recharge.language import Language
from recharge.records import Reservation
from recharge.simulator.driving import Car
from recharge.simulator.saved_station import SavedStation
from recharge.terminal.keyboard import Keyboard

PLAIN_STEP: Final = 10
"""Where there is no bar, the battery is told every so many percent."""


class Lines:
    """One line per happening, with the time and, where several speak, with the name of who does."""

    def __init__(self, console: Console, say: Language, name: str = "") -> None:
        self._console = console
        self._say = say
        self._name = name

    def tell(self, text: str) -> None:
        line = Text(f"{datetime.now().astimezone():%H:%M:%S}  ", style="dim", end="")
        line.append(f"{self._name}  " if self._name else "", style="not dim bold cyan")
        line.append(text, style="not dim")
        self._console.print(line, soft_wrap=True)

    def gauge(self, car: Car, doing: str, detail: str = "") -> None:
        """Nothing: those who speak in lines tell what happens only."""

    def show(self, reservation: Reservation, kilometres: float | None) -> None:
        text = self._say(
            "Reserved point {point} of station {station}, {power} kW, {start} to {finish}, for {price}",
            station=reservation.station_id,
            point=reservation.point_id,
            power=self._say.measure(reservation.power),
            start=self._say.time(reservation.start),
            finish=self._say.time(reservation.finish),
            price=self._say.number(reservation.price, 2),
        )
        self.tell(text)

    async def agrees(self, question: str) -> bool:
        """Always: nobody is there to be asked."""
        return True


class PlainScreen(Lines):
    """Lines, one for each ten percent of the battery too: for output that is no terminal."""

    def __init__(self, console: Console, say: Language) -> None:
        super().__init__(console, say)
        self._told: tuple[str, int] | None = None

    def gauge(self, car: Car, doing: str, detail: str = "") -> None:
        now = doing, int(car.battery // PLAIN_STEP)
        if now != self._told:
            self._told = now
            battery = self._say.number(car.battery, 0)
            self.tell(self._say("{doing}: battery at {battery} %", doing=doing, battery=battery))


class TerminalScreen(Lines):
    """`with TerminalScreen(...)`: below the lines a battery drains and fills; questions, with a keyboard."""

    def __init__(self, console: Console, say: Language, keyboard: Keyboard | None) -> None:
        super().__init__(console, say)
        self._keyboard = keyboard
        self._live = Live(console=console, transient=True, auto_refresh=False)

    def __enter__(self) -> "TerminalScreen":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def gauge(self, car: Car, doing: str, detail: str = "") -> None:
        bar = ProgressBar(total=100, completed=car.battery, width=40, complete_style=_colour(car.battery))
        row = Table.grid(padding=(0, 1))
        row.add_column(width=24)
        row.add_row(doing, bar, f"{self._say.number(car.battery, 0):>3} %", Text(detail, style="dim"))
        self._live.update(row, refresh=True)

    def show(self, reservation: Reservation, kilometres: float | None) -> None:
        self._console.print(reservation_table(reservation, kilometres, self._say))

    async def agrees(self, question: str) -> bool:
        if self._keyboard is None:
            return True
        self._live.update("", refresh=True)
        self._live.stop()
        answer = await self._keyboard.ask(f"{question} {self._say('[Y/n]')} ")
        self._live.start()
        return answer is not None and answer.strip().lower()[:1] != "n"


def reservation_table(reservation: Reservation, kilometres: float | None, say: Language) -> Table:
    """The reservation, a row a fact."""
    table = Table(
        title=say("Reservation {number}", number=reservation.reservation_id), show_header=False, box=ROUNDED
    )
    table.title_justify = "left"
    table.add_column(style="dim")
    table.add_column()
    place = str(reservation.station_id)
    if kilometres is not None:
        place += say(", {kilometres} km away", kilometres=say.number(kilometres))
    price, each = say.number(reservation.price, 2), say.number(reservation.kwh_price, 2)
    for name, value in (
        (say("Station"), place),
        (say("Charging point"), str(reservation.point_id)),
        (say("Power"), f"{say.measure(reservation.power)} kW"),
        (say("Start"), say.time(reservation.start)),
        (say("End"), say.time(reservation.finish)),
        (say("Price"), say("{price} ({each} per kWh)", price=price, each=each)),
    ):
        table.add_row(name, value)
    return table


def introduction(known: SavedStation, say: Language) -> str:
    """A registered charger in one line."""
    return say(
        "Station {station} at ({x}, {y}), points {points}",
        station=known.station_id,
        x=say.measure(known.x),
        y=say.measure(known.y),
        points=", ".join(f"{point.point_id} ({say.measure(point.power)} kW)" for point in known.points),
    )


def _colour(battery: float) -> str:
    if battery > 50:
        return "green"
    return "yellow" if battery > 25 else "red"
