"""The screen of `recharge watch`: figures, a row for each point, the last events."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import ConsoleDimensions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from cloud_service.cli.overview_words import (
    STYLES,
    describe_event,
    describe_place,
    describe_state,
    place_width,
)
from cloud_service.language.language import Language
from cloud_service.overview.overview import Overview
from cloud_service.overview.records import Event, Point
from cloud_service.overview.station import Station

_EVENTS: Final = 5
_HEAD_LINES: Final = 7
"""Lines that are neither rows of the table nor events."""
_FEWEST_ROWS: Final = 3


def screen(
    overview: Overview, now: datetime, say: Language, *, size: ConsoleDimensions, with_vehicles: bool
) -> RenderableType:
    """What fits into so many columns and lines. Of more stations, those that changed last."""
    rows = max(_FEWEST_ROWS, size.height - _HEAD_LINES - _EVENTS)
    events = [event for _, event in overview.events][-_EVENTS:]
    lines = [
        Text(
            f"{event.at.astimezone():%H:%M:%S}  {_sentence(overview, event, say, with_vehicles)}",
            no_wrap=True,
            overflow="crop",
        )
        for event in events
    ]
    return Group(_figures(overview, now, say), _table(overview, rows, size.width, say), *lines)


def _sentence(overview: Overview, event: Event, say: Language, with_vehicles: bool) -> str:
    name = overview.name_of(event.reservation.station)
    return describe_event(event, name, say, with_vehicle=with_vehicles)


def _figures(overview: Overview, now: datetime, say: Language) -> Text:
    figures = overview.figures(now)
    points = say(
        "Points: {free} free, {reserved} reserved, {occupied} occupied, {broken} out of order",
        free=say.number(figures["pointsFree"], 0),
        reserved=say.number(figures["pointsReserved"], 0),
        occupied=say.number(figures["pointsOccupied"], 0),
        broken=say.number(figures["pointsOutOfOrder"], 0),
    )
    bookings = say(
        "Reservations: {reservations}; in the last minute: {minute}",
        reservations=say.number(figures["reservations"], 0),
        minute=say.number(figures["bookingsAMinute"], 0),
    )
    text = Text(f"{now.astimezone():%H:%M:%S}  ", style="bold")
    text.append(_condition(overview, say))
    text.append(f"\n{points}\n{bookings}", style="not bold")
    return text


def _condition(overview: Overview, say: Language) -> Text:
    """What is wrong first of all."""
    if not overview.broker:
        return Text(say("The connection to the network is lost; reconnecting"), style="bold red")
    service = overview.services.get("cloud_service")
    if service is None or not service.online:
        return Text(say("The cloud service is not running"), style="bold red")
    return Text(say("The network is running"), style="green")


def _table(overview: Overview, rows: int, width: int, say: Language) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(say("Station"), no_wrap=True, overflow="crop", max_width=place_width(width))
    for name, least in ((say("Point"), 5), ("kW", 4)):
        table.add_column(name, justify="right", no_wrap=True, overflow="crop", min_width=least)
    table.add_column(say("State"), no_wrap=True, overflow="crop", min_width=12)
    table.add_column(say("Queue"), justify="right", no_wrap=True, overflow="crop")
    table.add_column(say("Free from"), no_wrap=True, overflow="crop")
    # Each station has a row at least.
    stations = overview.changed_last(rows)
    if len(overview.stations) <= rows:
        stations.sort(key=lambda station: station.number)
    for row in list(_rows(stations, say))[:rows]:
        table.add_row(*row)
    return table


def _rows(stations: list[Station], say: Language) -> Iterator[tuple[str | Text, ...]]:
    """The rows of the points. Only the first of a station has its name."""
    for station in stations:
        title = Text(f"{station.number} {describe_place(station, say)}")
        if station.offline:
            title.stylize("red")
            title.append(f" {say('offline')}")
        if not station.points:
            yield title, "", "", "", "", ""
        for number, point in sorted(station.points.items()):
            yield (
                title,
                str(number),
                say.measure(point.power_in_use),
                _state(station, point, say),
                str(point.queue_length or ""),
                say.time(point.free_from, with_year=False) if point.free_from else "",
            )
            title = Text()


def _state(station: Station, point: Point, say: Language) -> Text:
    """A session is told from an occupied point of which nobody says whether a vehicle charges."""
    state = station.state_of(point)
    text = say("charging") if state == "occupied" and point.session else describe_state(state, say)
    return Text(text, style=STYLES[state])
