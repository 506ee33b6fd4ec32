"""The settings of the monitor."""

import re
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from cloud_service.config.setting import Section, Setting
from cloud_service.config.values import COUNT, HOST, NAMES, PORT, TEXT, TIME_ZONE, Kind, UnusableValue
from cloud_service.monitor.geography import Center

_HTTP = Section.HTTP
_OPEN_DATA = Section.OPEN_DATA


def _read_center(text: str) -> Center:
    try:
        latitude, longitude = map(float, text.split(","))
    except ValueError:
        raise UnusableValue("{text!r} is not LATITUDE,LONGITUDE, such as -12.97,-38.5", text=text) from None
    if not (abs(latitude) < _STEEPEST and abs(longitude) <= 180):
        raise UnusableValue("{text!r}: a latitude is from -89 to 89, a longitude from -180 to 180", text=text)
    return Center(latitude, longitude)


def _pattern(metavar: str, pattern: str, example: str) -> Kind:
    """The kind whose values match the pattern."""

    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise UnusableValue("{text!r} does not have the form of {example}", text=text, example=example)
        return text

    return Kind(metavar, read)


def _write_center(center: Any) -> str:
    return f"{center.latitude},{center.longitude}"


_STEEPEST: Final = 89
"""Nearer to a pole, longitudes mean too little."""
_CENTER: Final = Kind("LAT,LON", _read_center, _write_center)


class OcpiSettings(Struct, frozen=True):
    """What OCPI requires about the operator and the country, and stations do not say."""

    country_code: Annotated[
        str,
        Setting("ocpi_country_code", _pattern("CC", "[A-Z]{2}", "BR"), _OPEN_DATA, "country of the operator"),
    ] = "BR"
    party_id: Annotated[
        str,
        Setting(
            "ocpi_party_id",
            _pattern("ID", "[A-Z0-9]{3}", "RCH"),
            _OPEN_DATA,
            "ID of the operator in its country",
        ),
    ] = "RCH"
    country: Annotated[
        str,
        Setting("ocpi_country", _pattern("CCC", "[A-Z]{3}", "BRA"), _OPEN_DATA, "country of the stations"),
    ] = "BRA"
    city: Annotated[
        str, Setting("ocpi_city", _pattern("CITY", ".{1,45}", "Salvador"), _OPEN_DATA, "city of the stations")
    ] = "Feira de Santana"
    time_zone: Annotated[
        ZoneInfo, Setting("ocpi_time_zone", TIME_ZONE, _OPEN_DATA, "time zone of the stations")
    ] = ZoneInfo("America/Bahia")


class MonitorAddress(Struct, frozen=True):
    """Where the monitor listens. Port 0 picks a free port, which the monitor logs."""

    host: Annotated[str, Setting("http_host", HOST, _HTTP, "address of the monitor")] = "127.0.0.1"
    port: Annotated[int, Setting("http_port", PORT, _HTTP, "port of the monitor")] = 8080


class MonitorSettings(MonitorAddress, frozen=True):
    """Who may see the live map, and what the open data say about the network."""

    names: Annotated[
        tuple[str, ...],
        Setting("http_names", NAMES, _HTTP, "names by which browsers reach the monitor"),
    ] = ("localhost", "127.0.0.1", "::1")
    token: Annotated[
        str | None,
        Setting(
            "http_token",
            TEXT,
            _HTTP,
            "the token that viewers have to type; required except on the loopback address",
            secret=True,
        ),
    ] = None
    max_viewers: Annotated[int, Setting("http_max_viewers", COUNT, _HTTP, "pages open at once")] = 500
    center: Annotated[
        Center | None,
        Setting(
            "http_center",
            _CENTER,
            _OPEN_DATA,
            "latitude and longitude of (0, 0) on the plane, as the import of stations printed them;"
            " GeoJSON and OCPI need it",
        ),
    ] = None
    ocpi: OcpiSettings = OcpiSettings()
