"""The routes of the monitor."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from secrets import compare_digest, token_hex
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from xstatic.pkg import leaflet

from cloud_service import __version__
from cloud_service.metrics.endpoint import registry, render
from cloud_service.monitor.answers import ERROR_HANDLERS, json_answer
from cloud_service.monitor.event_stream import EventStream
from cloud_service.monitor.feed import Feed
from cloud_service.monitor.figures import Measurements
from cloud_service.monitor.geojson import MEDIA_TYPE, feature_collection
from cloud_service.monitor.guard import COOKIE, Guard, has_login, login_cookie
from cloud_service.monitor.live import Live
from cloud_service.monitor.open_data import OpenData, set_center
from cloud_service.monitor.query import Query
from cloud_service.monitor.settings import MonitorSettings
from cloud_service.monitor.stations import Stations, describe
from cloud_service.overview.observer import Observer
from cloud_service.protocol.errors import BadRequest, NotFound, TooLarge

log = logging.getLogger(__name__)

FILES: Final = Path(__file__).parent / "page"
DESCRIPTION: Final = Path(__file__).parent / "openapi.json"
"""In OpenAPI 3.1."""
VEHICLE_PREFIX: Final = "map-"
"""The prefix of vehicles that book from the map, which cancels no other vehicle's bookings."""
_LARGEST_BODY: Final = 4096
_is_id = re.compile("[1-9][0-9]{0,30}").fullmatch


def create_application(
    observer: Observer,
    settings: MonitorSettings,
    measurements: Measurements,
    *,
    books: bool,
    ending: Callable[[], bool],
) -> ASGIApp:
    """`books`: the account is an operator's, so vehicles' names are shown, and the map books.

    `ending` is set when the process ends, so that open connections end too.
    """
    live = Live(Feed(observer.overview, names=books), measurements.load, settings.max_viewers)
    routes = _Routes(observer, settings, books=books)
    application = Starlette(
        routes=[
            Route("/", routes.index),
            Route("/login", routes.log_in, methods=["POST"]),
            Mount("/page", StaticFiles(directory=FILES)),
            Mount("/leaflet", StaticFiles(directory=leaflet.BASE_DIR)),
            WebSocketRoute("/api/live", live.serve),
            *described_routes(observer, settings, measurements, books=books, ending=ending),
        ],
        exception_handlers=dict(ERROR_HANDLERS),
    )
    return Guard(application, names=settings.names, token=settings.token)


def described_routes(
    observer: Observer,
    settings: MonitorSettings,
    measurements: Measurements,
    *,
    books: bool,
    ending: Callable[[], bool],
) -> list[Route]:
    """The routes that DESCRIPTION describes."""
    routes = _Routes(observer, settings, books=books)
    load = measurements.load
    events = EventStream(observer.overview, names=books, load=load, most=settings.max_viewers, ending=ending)
    booking = [
        Route("/api/reservations", routes.book, methods=["POST"]),
        Route("/api/reservations/{id}", routes.cancel, methods=["DELETE"]),
    ]
    return [
        Route("/api/page", routes.page),
        Route("/api/stations", routes.stations),
        Route("/api/stations/{id}", routes.station),
        Route("/api/events", events.serve),
        Route("/api/locations", OpenData(observer.overview, settings).locations),
        *(booking if books else []),
        Route("/openapi.json", routes.description),
        Route("/healthz", routes.healthy),
        Route("/readyz", routes.ready),
        Route("/metrics", _Metrics(measurements).serve),
    ]


class _Routes:
    def __init__(self, observer: Observer, settings: MonitorSettings, *, books: bool) -> None:
        self._observer = observer
        self._stations = Stations(observer.overview, observer.requester)
        self._settings = settings
        self._books = books

    async def index(self, request: Request) -> Response:
        token = self._settings.token
        logged_in = token is None or has_login(request.headers, token)
        return FileResponse(FILES / ("index.html" if logged_in else "login.html"))

    async def log_in(self, request: Request) -> Response:
        given = parse_qs((await _body(request)).decode("utf-8", "replace")).get("token", [""])[0]
        answer = RedirectResponse("/", 303)
        token = self._settings.token
        if token is not None and compare_digest(given.encode(), token.encode()):
            secure = request.url.scheme == "https"
            answer.set_cookie(COOKIE, login_cookie(token), httponly=True, samesite="strict", secure=secure)
        return answer

    async def page(self, request: Request) -> Response:
        center = self._settings.center
        return json_answer(
            {
                "booking": self._books,
                "version": __version__,
                "center": center and [center.latitude, center.longitude],
            }
        )

    async def stations(self, request: Request) -> Response:
        query = Query.read(request)
        found = self._stations.page(query.matches, query.near)
        shown = found[query.offset : query.offset + query.limit]
        if query.format == "geojson":
            return json_answer(feature_collection(shown, set_center(self._settings)), media_type=MEDIA_TYPE)
        return json_answer({"total": len(found), "stations": [describe(station) for station in shown]})

    async def station(self, request: Request) -> Response:
        station = self._stations.find(_number(request, "station"))
        if station is None:
            raise NotFound(f"there is no station {request.path_params['id']}")
        return json_answer(await self._stations.details(station))

    async def book(self, request: Request) -> Response:
        wish = await _object(request)
        wish["vid"] = VEHICLE_PREFIX + token_hex(6)
        return json_answer(await self._observer.requester.request("scheduleReservation", wish), 201)

    async def cancel(self, request: Request) -> Response:
        vehicle = (await _object(request)).get("vehicleID")
        if not isinstance(vehicle, str) or not vehicle.startswith(VEHICLE_PREFIX):
            raise BadRequest("vehicleID is not that of a booking from the map")
        asked = {"reservationID": _number(request, "reservation"), "vehicleID": vehicle}
        return json_answer({"result": await self._observer.requester.request("deleteReservation", asked)})

    async def description(self, request: Request) -> Response:
        return FileResponse(DESCRIPTION, media_type="application/json")

    async def healthy(self, request: Request) -> Response:
        return json_answer({"version": __version__})

    async def ready(self, request: Request) -> Response:
        ready = self._observer.overview.broker
        return json_answer({"broker": ready}, 200 if ready else 503)


class _Metrics:
    def __init__(self, measurements: Measurements) -> None:
        self._registry = registry(lambda: measurements.latest)

    async def serve(self, request: Request) -> Response:
        """Renders in a thread, so that a scrape holds up no viewer."""
        accepted = request.headers.get("accept", "")
        text, media_type = await run_in_threadpool(render, self._registry, accepted)
        return Response(text, headers={"Content-Type": media_type})


def _number(request: Request, what: str) -> int:
    """The ID in the path. Raises NotFound if it cannot be an ID."""
    text: str = request.path_params["id"]
    if not _is_id(text):
        raise NotFound(f"there is no {what} {text[:40]}")
    return int(text)


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_BODY:
            raise TooLarge(f"more than {_LARGEST_BODY} bytes")
    return body


async def _object(request: Request) -> dict[str, Any]:
    try:
        return msgspec.json.decode(await _body(request), type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadRequest(f"not a JSON object: {error}") from None
