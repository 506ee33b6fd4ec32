"""The parameters of a list of stations."""

import math
from typing import Final, Literal

import msgspec
from msgspec import Struct
from starlette.requests import Request

from cloud_service.overview.search import has_text
from cloud_service.overview.station import Station
from cloud_service.protocol.errors import BadRequest

PAGE: Final = 1000
"""The largest number of stations in one answer."""
_NAMES: Final = {"minPower": "min_power", "maxPrice": "max_price"}


class Query(Struct, frozen=True):
    """Which stations, in which order and form."""

    limit: int = 100
    offset: int = 0
    query: str = ""
    min_power: float = 0
    max_price: float = math.inf
    free: bool = False
    near: tuple[float, float] | None = None
    format: Literal["json", "geojson"] = "json"

    @classmethod
    def read(cls, request: Request) -> "Query":
        """Raises BadRequest that names the parameter."""
        given: dict[str, object] = dict(request.query_params)
        if isinstance(near := given.get("near"), str):
            given["near"] = near.split(",")
        try:
            named = {_NAMES.get(key, key): value for key, value in given.items()}
            query = msgspec.convert(named, cls, strict=False)
        except msgspec.ValidationError as error:
            raise BadRequest(_in_words_of_the_interface(str(error))) from None
        query.check()
        return query

    def check(self) -> None:
        """Raises BadRequest for values that no list of stations has."""
        if not (1 <= self.limit <= PAGE and self.offset >= 0):
            raise BadRequest(f"limit is from 1 to {PAGE}, and offset 0 or more")
        if self.near is not None and not all(map(math.isfinite, self.near)):
            raise BadRequest("near is X,Y: two finite numbers")
        if not (0 <= self.min_power < math.inf and self.max_price >= 0):
            raise BadRequest("minPower and maxPrice are numbers of 0 or more")

    def matches(self, station: Station) -> bool:
        if self.query and not has_text(station, self.query):
            return False
        if self.free and station.offline:
            return False
        asks_for_point = self.free or self.min_power > 0 or self.max_price < math.inf
        return not asks_for_point or any(
            point.power >= self.min_power
            and point.price <= self.max_price
            and (not self.free or station.state_of(point) == "free")
            for point in station.points.values()
        )


def _in_words_of_the_interface(message: str) -> str:
    for parameter, field in _NAMES.items():
        message = message.replace(field, parameter)
    return message
