"""Shows on one screen what runs, at which addresses, and how stations, points and reservations are.

Exits with 1 if the broker or the cloud service cannot be reached.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Struct

from cloud_service.cli.client_options import INTERRUPTED, run
from cloud_service.cli.observing import observed
from cloud_service.cli.status_screen import Address, Bookings, Status, show
from cloud_service.config.command_line import Argument
from cloud_service.gateway.settings import GatewayAddress
from cloud_service.language.language import Language
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.requester import OutcomeUnknown, Requester
from cloud_service.overview.observer import Observer
from cloud_service.overview.overview import Overview
from cloud_service.overview.records import Reservation
from cloud_service.overview.station import Station
from cloud_service.protocol.errors import RequestError
from recharge.terminal.console import open_console

_CONNECT_SECONDS: Final = 1.0
_ASK_SECONDS: Final = 5.0
_MOST_ASKED: Final = 50
"""Of so many stations the reservations are asked for: status is one screen, and must not be a load."""


class Options(Struct, frozen=True, kw_only=True):
    as_json: Annotated[bool, Argument("--json", action="store_true", help="print JSON")] = False
    broker: BrokerAddress
    gateway: GatewayAddress


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
    gateway = options.gateway
    clients = overview.clients
    return Status(
        at=now,
        is_running=is_running,
        services=sorted(overview.services.values(), key=lambda row: row.name),
        addresses=[
            Address("MQTT", f"{options.broker.host}:{options.broker.port}", True),
            Address("TCP", f"{gateway.host}:{gateway.port}", await _answers(gateway.host, gateway.port)),
        ],
        figures=overview.figures(now),
        bookings=await _bookings(observer.requester, overview, now) if is_running else None,
        online=sorted(name for name, (online, _) in clients.items() if online),
        gone=sorted(name for name, (online, _) in clients.items() if not online),
    )


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


async def _bookings(requester: Requester, overview: Overview, now: datetime) -> Bookings | None:
    """What is reserved now and next, asked of the service; None if it does not answer."""
    busy = [
        station
        for station in overview.known_stations()
        if any(point.queue_length for point in station.points.values())
    ]
    asked = busy[:_MOST_ASKED]
    try:
        lists = await asyncio.gather(*(_reservations_at(requester, station) for station in asked))
    except (OutcomeUnknown, ConnectionError):
        return None
    rows = sorted((row for rows in lists for row in rows), key=lambda row: row.start)
    under_way = sum(row.start <= now < row.finish for row in rows)
    return Bookings(under_way, [row for row in rows if row.start > now], len(busy) - len(asked))


async def _reservations_at(requester: Requester, station: Station) -> list[Reservation]:
    """The station's reservations without the vehicles' names."""
    try:
        rows: list[dict[str, Any]] = await requester.request(
            "receiveAllReservations",
            {"chargingStationID": station.number, "limit": 100},
            timeout=_ASK_SECONDS,
        )
    except RequestError:
        return []  # the station was deleted meanwhile, or may not be asked about
    return [msgspec.convert({**row, "vehicleID": None}, Reservation) for row in rows]
