"""The screen of `recharge status`."""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cloud_service.cli.overview_words import describe_since, describe_station
from cloud_service.language.language import Language
from cloud_service.overview.records import Reservation, ServiceState

_MOST_NEXT: Final = 3
_MOST_NAMES: Final = 8
_MAP: Final = "HTTP"
_RECENT: Final = timedelta(hours=1)


class Address(Struct, frozen=True):
    """Where clients reach the network."""

    name: str
    address: str
    answers: bool


class Bookings(Struct, frozen=True):
    """Reservations of the stations that were asked; `not_asked` is the number of the other stations."""

    under_way: int
    next: list[Reservation]
    not_asked: int
    names: dict[int, str]
    """Of the stations of `next`, those that have one."""


class Status(Struct, frozen=True):
    """Everything on the screen. `bookings` are None if the service does not say."""

    at: datetime
    is_running: bool
    services: list[ServiceState]
    addresses: list[Address]
    figures: dict[str, float]
    bookings: Bookings | None
    online: list[str]
    gone: list[str]


def show(status: Status, console: Console, say: Language) -> None:
    """Prints the status, a fact in each row."""
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="crop")
    for service in status.services:
        table.add_row(service.name, _service(service, status.at, say))
    for address in status.addresses:
        table.add_row(say("Map") if address.name == _MAP else address.name, _address(address, say))
    table.add_row(say("Stations"), _stations(status.figures, say))
    table.add_row(say("Points"), _points(status.figures, say))
    table.add_row(say("Reservations"), _bookings(status, say))
    table.add_row(say("Online"), _names(status.online, say))
    table.add_row(say("Gone"), _names(status.gone, say))
    table.add_row(say("Problems"), _problems(status, say))
    console.print(table)


def _service(service: ServiceState, now: datetime, say: Language) -> Text:
    if not service.online:
        return Text(say("not running"), style="red")
    text = Text(say("running"), style="green")
    parts = (describe_since(service.since, now, say), f"{service.version or ''}")
    return text.append("".join(f"  {part}" for part in parts if part), style="default")


def _address(address: Address, say: Language) -> Text:
    text = Text(address.address)
    return text if address.answers else text.append(f"  {say('does not answer')}", style="red")


def _stations(figures: dict[str, float], say: Language) -> str:
    return say(
        "{free} with a free point, {busy} busy, {broken} out of order, {offline} offline,"
        " {empty} without points",
        free=say.number(figures["stationsFree"], 0),
        busy=say.number(figures["stationsBusy"], 0),
        broken=say.number(figures["stationsOutOfOrder"], 0),
        offline=say.number(figures["stationsOffline"], 0),
        empty=say.number(figures["stationsWithoutPoints"], 0),
    )


def _points(figures: dict[str, float], say: Language) -> str:
    return say(
        "{free} free, {reserved} reserved, {occupied} occupied ({power} kW), {broken} out of order;"
        " sessions under way: {sessions}",
        free=say.number(figures["pointsFree"], 0),
        reserved=say.number(figures["pointsReserved"], 0),
        occupied=say.number(figures["pointsOccupied"], 0),
        power=say.measure(figures["powerUnderWay"]),
        broken=say.number(figures["pointsOutOfOrder"], 0),
        sessions=say.number(figures["sessions"], 0),
    )


def _bookings(status: Status, say: Language) -> str:
    total = say.number(status.figures["reservations"], 0)
    bookings = status.bookings
    if bookings is None:
        return total
    lines = [say("{total}, of which under way: {now}", total=total, now=say.number(bookings.under_way, 0))]
    lines += [
        say(
            "{start} to {finish}: {station}, point {point}",
            start=say.time(row.start),
            finish=say.time(row.finish),
            station=describe_station(row.station, bookings.names.get(row.station), say),
            point=row.point,
        )
        for row in bookings.next[:_MOST_NEXT]
    ]
    if bookings.not_asked:
        lines.append(say("not asked about: {stations} stations", stations=say.number(bookings.not_asked, 0)))
    return "\n".join(lines)


def _names(names: list[str], say: Language) -> str:
    if not names:
        return "0"
    shown = ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
    return f"{say.number(len(names), 0)}: {shown}"


def _problems(status: Status, say: Language) -> Text:
    """What a client can know of them: the log of a process says what its errors are."""
    found = []
    if not status.is_running:
        found.append(say("The cloud service is not running"))
    if status.is_running and status.bookings is None:
        found.append(say("The cloud service does not answer"))
    found += [
        say("Nobody listens at {address}", address=address.address)
        for address in status.addresses
        if not address.answers and address.name != _MAP
    ]
    found += [
        say(
            "errors of {service} in the last hour: {errors}; see its log",
            service=service.name,
            errors=service.errors,
        )
        for service in status.services
        if service.online and service.errors
    ]
    restarts = [
        say("{service} was started in the last hour", service=service.name)
        for service in status.services
        if service.online and _is_recent(service.since, status.at)
    ]
    lines = [Text(line, style="red") for line in found] + [Text(line, style="yellow") for line in restarts]
    return Text("\n").join(lines) if lines else Text(say("none"), style="green")


def _is_recent(since: str | None, now: datetime) -> bool:
    try:
        return now - datetime.fromisoformat(since or "").astimezone() < _RECENT
    except ValueError:
        return False
