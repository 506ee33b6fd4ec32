"""The network's stations for everybody: Locations of OCPI 2.2.1, in pages."""

from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from cloud_service.monitor.answers import json_answer
from cloud_service.monitor.geography import Center
from cloud_service.monitor.locations import SUCCESS, last_updated, location, timestamp
from cloud_service.monitor.settings import MonitorSettings
from cloud_service.overview.overview import Overview
from cloud_service.overview.station import Station
from cloud_service.protocol.errors import BadRequest, NotFound

PAGE: Final = 1000


class _Page(Struct, frozen=True):
    """The parameters of OCPI's lists: those that changed in [date_from, date_to), and a part of them."""

    offset: int = 0
    limit: int = PAGE
    date_from: datetime | None = None
    date_to: datetime | None = None

    @classmethod
    def read(cls, request: Request) -> "_Page":
        """Raises BadRequest that names the parameter."""
        try:
            page = msgspec.convert(dict(request.query_params), cls, strict=False)
        except msgspec.ValidationError as error:
            raise BadRequest(str(error)) from None
        if page.offset < 0 or page.limit < 1:
            raise BadRequest("limit is 1 or more, and offset 0 or more")
        return page

    def has(self, moment: datetime) -> bool:
        return (self.date_from is None or _in_utc(self.date_from) <= moment) and (
            self.date_to is None or moment < _in_utc(self.date_to)
        )


class OpenData:
    def __init__(self, overview: Overview, settings: MonitorSettings) -> None:
        self._overview = overview
        self._settings = settings

    async def locations(self, request: Request) -> Response:
        page = _Page.read(request)
        center = set_center(self._settings)
        limit = min(page.limit, PAGE)
        found = sorted(
            (station for station in self._overview.known_stations() if page.has(last_updated(station))),
            key=_number,
        )
        shown = found[page.offset : page.offset + limit]
        answer = json_answer(
            {
                "data": [location(station, center, self._settings.ocpi) for station in shown],
                "status_code": SUCCESS,
                "status_message": "Success",
                "timestamp": timestamp(datetime.now(UTC)),
            }
        )
        answer.headers["X-Total-Count"] = str(len(found))
        answer.headers["X-Limit"] = str(PAGE)
        if page.offset + limit < len(found):
            following = request.url.include_query_params(offset=page.offset + limit, limit=limit)
            answer.headers["Link"] = f'<{following}>; rel="next"'
        return answer


def set_center(settings: MonitorSettings) -> Center:
    """Raises NotFound unless a setting says where the plane lies on the Earth."""
    if settings.center is None:
        raise NotFound(
            "where the stations are on the Earth is not known:"
            " set RECHARGE_HTTP_CENTER to the centre of the import, such as -12.97,-38.5"
        )
    return settings.center


def _number(station: Station) -> int:
    return station.number


def _in_utc(moment: datetime) -> datetime:
    """OCPI's times are in UTC, even without an offset."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
