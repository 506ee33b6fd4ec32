"""Shows on one screen what runs, at which addresses, and the state of stations, points and reservations.

Exits with 1 if the broker or the cloud service cannot be reached.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from heapq import nsmallest
from typing import Annotated, Final

import msgspec
from msgspec import Struct

from cloud_service.cli.client_options import INTERRUPTED, run
from cloud_service.cli.observing import observed
from cloud_service.cli.status_screen import Address, Bookings, Status, show
from cloud_service.config.command_line import Argument
from cloud_service.gateway.settings import GatewayAddress
from cloud_service.language.language import Language
from cloud_service.local.access import reachable
from cloud_service.monitor.settings import MonitorAddress
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.requester import OutcomeUnknown, Requester
from cloud_service.overview.lists import list_reservations, without_vehicle
from cloud_service.overview.observer import Observer
from cloud_service.overview.overview import Overview
from cloud_service.overview.records import Reservation
from cloud_service.overview.station import Station
from cloud_service.protocol.errors import RequestError
from recharge.terminal.console import open_console

_CONNECT_SECONDS: Final = 1.0
_ASK_SECONDS: Final = 5.0
"""For so long stations are asked for their reservations."""
_ASKED_AT_ONCE: Final = 50
_MOST_NEXT: Final = 20
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Options(Struct, frozen=True, kw_only=True):
    as_json: Annotated[bool, Argument("--json", action="store_true", help="print JSON")] = False
    broker: BrokerAddress
    gateway: GatewayAddress
    monitor: MonitorAddress


def main(options: Options) -> int:
    return run("status", lambda say: _status(options, say), interrupted=INTERRUPTED)


async def _status(options: Options, say: Language) -> int:
    async with observed(options.broker) as observer:
        status = await _look(options, observer)
    if options.as_json:
        print(msgspec.json.format(msgspec.json.encode(status), indent=4).decode())
    else:
        show(status, open_console(), say)
    return 0 if status.is_running else 1


async def _look(options: Options, observer: Observer) -> Status:
    overview, now = observer.overview, datetime.now(UTC)
    is_running = (service := overview.services.get("cloud_service")) is not None and service.online
    clients = overview.clients
    return Status(
        at=now,
        is_running=is_running,
        services=sorted(overview.services.values(), key=lambda row: row.name),
        addresses=await _addresses(options),
        figures=overview.figures(now),
        bookings=await _bookings(observer.requester, overview) if is_running else None,
        online=sorted(name for name, (online, _) in clients.items() if online),
        gone=sorted(name for name, (online, _) in clients.items() if not online),
    )


async def _addresses(options: Options) -> list[Address]:
    gateway, monitor = options.gateway, options.monitor
    map_host = reachable(monitor.host)
    return [
        Address("MQTT", f"{options.broker.host}:{options.broker.port}", True),
        Address("TCP", f"{gateway.host}:{gateway.port}", await _answers(gateway.host, gateway.port)),
        Address("HTTP", f"http://{map_host}:{monitor.port}/", await _answers(map_host, monitor.port)),
    ]


async def _answers(host: str, port: int) -> bool:
    """Whether somebody listens at this address."""
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


async def _bookings(requester: Requester, overview: Overview) -> Bookings | None:
    """What is reserved now and next, asked of the service; None if it does not answer.

    Where time does not suffice for every station, those come first whose reservations end soon.
    """
    busy = sorted(filter(_is_reserved, overview.known_stations()), key=_free_from)
    survey = _Survey(requester, busy)
    try:
        await survey.run()
    except (OutcomeUnknown, ConnectionError):
        return None
    now = overview.network_time(datetime.now(UTC))
    under_way = sum(row.start <= now < row.finish for row in survey.rows)
    following = nsmallest(_MOST_NEXT, (row for row in survey.rows if row.start > now), key=_start)
    names = {row.station: name for row in following if (name := overview.name_of(row.station)) is not None}
    return Bookings(under_way, following, survey.left, names)


class _Survey:
    """Asks stations for their reservations, some at once, until there is no time left."""

    def __init__(self, requester: Requester, stations: list[Station]) -> None:
        self.rows: list[Reservation] = []
        self.left = len(stations)
        """Stations that were not asked."""
        self._requester = requester
        self._stations = iter(stations)

    async def run(self) -> None:
        """Raises OutcomeUnknown or ConnectionError if the service does not answer."""
        deadline = asyncio.get_running_loop().time() + _ASK_SECONDS
        await asyncio.gather(*(self._ask_in_turn(deadline) for _ in range(_ASKED_AT_ONCE)))

    async def _ask_in_turn(self, deadline: float) -> None:
        clock = asyncio.get_running_loop().time
        while clock() < deadline and (station := next(self._stations, None)) is not None:
            self.rows += await self._reservations_at(station)
            self.left -= 1

    async def _reservations_at(self, station: Station) -> list[Reservation]:
        """The station's reservations without the vehicles' names."""
        listed = list_reservations(self._requester, station.number, timeout=_ASK_SECONDS)
        try:
            return [without_vehicle(row) async for row in listed]
        except RequestError:
            return []  # the station was deleted meanwhile, or may not be asked about


def _is_reserved(station: Station) -> bool:
    return any(point.queue_length for point in station.points.values())


def _free_from(station: Station) -> datetime:
    """When the first of its points is free."""
    return min((point.free_from for point in station.points.values() if point.free_from), default=_NEVER)


def _start(reservation: Reservation) -> datetime:
    return reservation.start
