"""A monitor that a test directs: it serves the real page and speaks the real protocol.

It shows what a real network does not make on request: 50,000 stations, 500 changes a second, a gap in the
numbers, figures of an hour, queues at known times.
"""

import asyncio
import contextlib
import math
import random
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect
from xstatic.pkg import leaflet

import cloud_service
from tests.kit.processes import HOST, free_port
from tests.kit.waiting import DEADLINE

PAGE = Path(cloud_service.__file__).parent / "monitor" / "page"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
RUNS_FOR = timedelta(hours=5, minutes=12)
"""For so long its service and gateway have been running."""
STATES = ("free", "reserved", "occupied", "outOfOrder")
PLACES = ("Aldeia", "Boa Vista", "Campo Belo", "Dois Rios", "Estrela", "Figueira", "Guarani", "Horizonte")

Point = list[int | float | str]
Row = list[Any]
Message = dict[str, Any]


def random_points(chance: random.Random) -> list[Point]:
    powers = chance.choice([(11, 22), (22, 22, 50), (50, 50, 150, 150), (7.4,), (150,) * 8])
    return [
        [
            number,
            power,
            round(0.4 + power / 300, 2),
            chance.choices(STATES, (6, 2, 3, 0.4))[0],
            "IEC_62196_T2" if power < 43 else "IEC_62196_T2_COMBO",
        ]
        for number, power in enumerate(powers, 1)
    ]


def random_stations(count: int, seed: int = 7) -> dict[int, Row]:
    """Towns of stations on a plane, some of them offline."""
    chance = random.Random(seed)
    side = 12 * math.sqrt(count / 40)
    towns = [(chance.uniform(-side, side), chance.uniform(-side, side)) for _ in range(max(4, count // 60))]
    rows: dict[int, Row] = {}
    for number in range(1, count + 1):
        x, y = chance.choice(towns)
        spread = side / 7
        name = f"{chance.choice(PLACES)} {number}" if number % 3 else None
        place = [round(chance.gauss(x, spread), 2), round(chance.gauss(y, spread), 2)]
        address = f"Rua {chance.choice(PLACES)}, {number}"
        rows[number] = [number, *place, name, int(chance.random() < 0.06), random_points(chance), address]
    return rows


def figures_of(rows: dict[int, Row]) -> dict[str, float]:
    points = [point for row in rows.values() for point in row[5]]
    count = {state: sum(point[3] == state for point in points) for state in STATES}
    online = [[point[3] for point in row[5]] for row in rows.values() if not row[4]]
    free = sum("free" in states for states in online)
    busy = sum("free" not in states and bool({"reserved", "occupied"} & set(states)) for states in online)
    empty = online.count([])
    return {
        "stationsFree": free,
        "stationsBusy": busy,
        "stationsOutOfOrder": len(online) - free - busy - empty,
        "stationsOffline": len(rows) - len(online),
        "stationsWithoutPoints": empty,
        "pointsFree": count["free"],
        "pointsReserved": count["reserved"],
        "pointsOccupied": count["occupied"],
        "pointsOutOfOrder": count["outOfOrder"],
        "reservations": count["reserved"] + 2 * count["occupied"],
        "reservationsNow": count["occupied"],
        "reservationsSoon": count["reserved"],
        "sessions": count["occupied"],
        "bookingsAMinute": round(len(rows) / 20),
        "powerUnderWay": sum(point[1] for point in points if point[3] == "occupied"),
        "energyUnderWay": 7.5 * count["occupied"],
    }


def last_hour(figures: dict[str, float], seed: int = 3) -> dict[str, list[float | None]]:
    """A wandering line to each figure; nothing is known of the first minutes."""
    chance = random.Random(seed)
    history: dict[str, list[float | None]] = {}
    for name, last in figures.items():
        line = [last]
        for _ in range(54):
            line.append(max(0.0, line[-1] + chance.gauss(0, 0.05) * (last + 3)))
        history[name] = [None] * 5 + line[::-1]
    return history


class ScriptedMonitor:
    """`with ScriptedMonitor(rows) as monitor:` serves at `monitor.address` from a thread of its own."""

    def __init__(self, rows: dict[int, Row], *, booking: bool = False) -> None:
        self.rows = rows
        self.booking = booking
        self.port = free_port()
        self.number = 1
        self.broker = True
        self.silent = False  # whether it leaves what viewers send unanswered
        self.events: list[Message] = []
        self.reservations: dict[int, list[Message]] = {}
        self.sessions: dict[tuple[int, int], Message] = {}
        self.clock_speed: float | None = None
        self.lately = {"movesAnHour": 4, "noShowsAnHour": 2}
        self.asked: list[Message] = []  # what viewers sent over the WebSocket
        self.bookings: list[Message] = []
        self.wholes = 0
        self.history = last_hour(figures_of(rows))
        self._viewers: set[WebSocket] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    # Directing it

    def change(self, *rows: Row, gone: tuple[int, ...] = (), events: tuple[Message, ...] = ()) -> None:
        """Changes stations, and tells the viewers."""
        self.number += 1
        self.rows.update({row[0]: row for row in rows})
        for station in gone:
            self.rows.pop(station, None)
        self.events.extend(events)
        self._tell(self._difference(list(rows), list(gone), list(events)))

    def lose_message(self, *rows: Row) -> None:
        """Changes stations, and tells nobody: the next difference comes after a gap."""
        self.number += 1
        self.rows.update({row[0]: row for row in rows})

    def lose_broker(self, lost: bool = True) -> None:
        self.broker = not lost
        self.change()

    def chatter(self, changes_a_second: int) -> Callable[[], None]:
        """Changes random stations five times a second, until the function that it returns has returned."""
        chance = random.Random(5)
        enough, ended = threading.Event(), threading.Event()

        async def run() -> None:
            while not enough.is_set():
                for row in (changed := chance.sample(list(self.rows.values()), changes_a_second // 5)):
                    row[5] = random_points(chance)
                self.number += 1
                await self._send(self._difference(changed, [], []))
                await asyncio.sleep(0.2)
            ended.set()

        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(run(), self._loop)

        def stop() -> None:
            enough.set()
            assert ended.wait(DEADLINE), "the changes do not end"

        return stop

    # What it sends

    def _common(self) -> Message:
        since = (datetime.now(UTC) - RUNS_FOR).isoformat()
        services = [
            {"name": name, "online": True, "since": since, "version": "1.0", "clockSpeed": self.clock_speed}
            for name in ("cloud_service", "gateway")
        ]
        # Adding up 50,000 stations five times a second would be what a test measures.
        figures = figures_of(self.rows) if len(self.rows) < 1000 else {"stationsFree": self.number}
        figures |= self.lately
        return {"number": self.number, "services": services, "broker": self.broker, "figures": figures}

    def _whole(self) -> Message:
        self.wholes += 1
        rest = {"stations": list(self.rows.values()), "history": self.history, "events": self.events[-50:]}
        return {"whole": True, **self._common(), **rest}

    def _difference(self, rows: list[Row], gone: list[int], events: list[Message]) -> Message:
        rest = {"since": self.number - 1, "stations": rows, "gone": gone, "events": events}
        return {"whole": False, **self._common(), **rest}

    def _tell(self, message: Message) -> None:
        self._run(self._send(message))

    async def _send(self, message: Message) -> None:
        for viewer in list(self._viewers):
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await viewer.send_json(message)

    # What it answers

    async def _live(self, viewer: WebSocket) -> None:
        await viewer.accept()
        whole = self._whole()
        self._viewers.add(viewer)  # what changes from now on comes behind the whole
        try:
            await viewer.send_json(whole)
            while True:
                self.asked.append(await viewer.receive_json())
                if not self.silent:
                    await viewer.send_json(self._whole())
        except WebSocketDisconnect:
            pass
        finally:
            self._viewers.discard(viewer)

    async def _station(self, request: Request) -> Response:
        row = self.rows.get(int(request.path_params["id"]))
        if row is None:
            error = {"code": "NOT_FOUND", "message": "there is no such station"}
            return JSONResponse({"error": error}, 404)
        mine = self.reservations.get(row[0], [])
        points = [
            {
                "chargingPointID": point[0],
                "session": self.sessions.get((row[0], int(point[0]))),
                "reservations": [r for r in mine if r["chargingPointID"] == point[0]],
            }
            for point in row[5]
        ]
        presence = {
            "online": not row[4],
            "since": (datetime.now(UTC) - timedelta(minutes=48)).isoformat(),
        }
        return JSONResponse({"presence": presence, "points": points})

    async def _book(self, request: Request) -> Response:
        wish = await request.json()
        self.bookings.append(wish)
        row = min(self.rows.values(), key=lambda row: math.dist(row[1:3], (wish["x"], wish["y"])))
        start = datetime.now(UTC) + timedelta(minutes=5)
        reservation = a_reservation(row[0], row[5][0][0], start, 1.5)
        return JSONResponse({**reservation, "reservationID": 1, "price": 28.8})

    async def _cancel(self, request: Request) -> Response:
        self.bookings.append({"cancelled": await request.json()})
        return JSONResponse({"result": "Sucesso"})

    async def _page(self, request: Request) -> Response:
        return JSONResponse({"booking": self.booking, "version": "1.0", "center": None})

    async def _index(self, request: Request) -> Response:
        return FileResponse(PAGE / "index.html", headers={"Content-Security-Policy": POLICY})

    def _application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self._index),
                Mount("/page", StaticFiles(directory=PAGE)),
                Mount("/leaflet", StaticFiles(directory=leaflet.BASE_DIR)),
                WebSocketRoute("/api/live", self._live),
                Route("/api/page", self._page),
                Route("/api/stations/{id:int}", self._station),
                Route("/api/reservations", self._book, methods=["POST"]),
                Route("/api/reservations/{id:int}", self._cancel, methods=["DELETE"]),
            ],
        )

    # Starting and ending

    def start(self) -> None:
        """Starts it, again where it was stopped, and waits until it answers."""
        settings = uvicorn.Config(
            self._application(), HOST, self.port, ws="websockets-sansio", log_config=None, lifespan="off"
        )
        self._server = server = uvicorn.Server(settings)
        ready = threading.Event()

        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            async with _noticing(server, ready):
                await server.serve()

        self._thread = threading.Thread(target=lambda: asyncio.run(serve()), name="scripted monitor")
        self._thread.start()
        assert ready.wait(DEADLINE), "the scripted monitor does not start"

    def stop(self) -> None:
        """Ends it and every connection."""
        assert self._server is not None
        assert self._thread is not None
        self._server.force_exit = self._server.should_exit = True
        self._thread.join(DEADLINE)
        self._viewers.clear()

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(DEADLINE)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@contextlib.asynccontextmanager
async def _noticing(server: uvicorn.Server, ready: threading.Event) -> AsyncIterator[None]:
    async def notice() -> None:
        while not server.started:
            await asyncio.sleep(0.01)
        ready.set()

    task = asyncio.create_task(notice())
    try:
        yield
    finally:
        task.cancel()


def a_reservation(station: int, point: int, start: datetime, hours: float, **more: Any) -> Message:
    finish = start + timedelta(hours=hours)
    return {
        "chargingStationID": station,
        "chargingPointID": point,
        "startDateTime": start.isoformat(),
        "finishDateTime": finish.isoformat(),
        "state": "reserved",
        **more,
    }


def an_event(type_: str, reservation: Message, reason: str | None = None, **more: Any) -> Message:
    return {
        "type": type_,
        "at": datetime.now(UTC).isoformat(),
        "reason": reason,
        "reservation": reservation,
        **more,
    }
