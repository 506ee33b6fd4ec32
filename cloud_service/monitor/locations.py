"""Stations as Locations of OCPI 2.2.1, the form in which operators offer their data to others."""

from datetime import UTC, datetime
from typing import Any, Final

from cloud_service.monitor.geography import Center
from cloud_service.monitor.settings import OcpiSettings
from cloud_service.overview.records import Point, PointState
from cloud_service.overview.station import Station

SUCCESS: Final = 1000
_EVSE_STATUS: Final[dict[PointState, str]] = {
    "free": "AVAILABLE",
    "reserved": "RESERVED",
    "occupied": "CHARGING",
    "outOfOrder": "OUTOFORDER",
}
_LONGEST_TEXT: Final = 45
_STRONGEST_AC: Final = 43
"""kW. A point of unknown connector counts as a Type 2 socket up to this power, and as CCS above."""
_STRONGEST_SINGLE_PHASE: Final = 7.4
_AC_VOLTS: Final = 230
"""For each phase, as OCPI requires."""
_DC_VOLTS: Final = 400
_UNKNOWN: Final = datetime(1970, 1, 1, tzinfo=UTC)


def location(station: Station, center: Center, party: OcpiSettings) -> dict[str, Any]:
    place = station.place
    assert place is not None
    latitude, longitude = center.degrees(place.x, place.y)
    described = {
        "country_code": party.country_code,
        "party_id": party.party_id,
        "id": str(station.number),
        "publish": True,
        "address": (place.address or place.name or f"Station {station.number}")[:_LONGEST_TEXT],
        "city": party.city,
        "country": party.country,
        "coordinates": {"latitude": f"{latitude:.6f}", "longitude": f"{longitude:.6f}"},
        "evses": [_evse(station, number, point) for number, point in sorted(station.points.items())],
        "time_zone": party.time_zone.key,
        "last_updated": timestamp(last_updated(station)),
    }
    return {**described, "name": place.name} if place.name else described


def last_updated(station: Station) -> datetime:
    """When the station or one of its points last changed."""
    assert station.place is not None
    moments = [station.place.updated, *(point.updated for point in station.points.values())]
    return max((moment for moment in moments if moment is not None), default=_UNKNOWN)


def _evse(station: Station, number: int, point: Point) -> dict[str, Any]:
    updated = timestamp(point.updated or _UNKNOWN)
    return {
        "uid": f"{station.number}-{number}",
        "status": _status(station, point),
        "connectors": [_connector(point, updated)],
        "last_updated": updated,
    }


def _status(station: Station, point: Point) -> str:
    """OCPI distinguishes points that need a repair from those whose charger has been offline for long."""
    if point.state == "outOfOrder":
        return "OUTOFORDER"
    if station.absent:
        return "INOPERATIVE"
    if station.offline:
        return "UNKNOWN"
    return "CHARGING" if point.session is not None else _EVSE_STATUS[point.state]


def _connector(point: Point, updated: str) -> dict[str, Any]:
    standard = point.connector or ("IEC_62196_T2" if point.power <= _STRONGEST_AC else "IEC_62196_T2_COMBO")
    watts = point.power * 1000
    if standard == "CHADEMO" or standard.endswith("_COMBO"):
        power_type, volts, amperes = "DC", _DC_VOLTS, watts / _DC_VOLTS
    elif point.power > _STRONGEST_SINGLE_PHASE:
        power_type, volts, amperes = "AC_3_PHASE", _AC_VOLTS, watts / (3 * _AC_VOLTS)
    else:
        power_type, volts, amperes = "AC_1_PHASE", _AC_VOLTS, watts / _AC_VOLTS
    return {
        "id": "1",
        "standard": standard,
        "format": "CABLE" if power_type == "DC" else "SOCKET",
        "power_type": power_type,
        "max_voltage": volts,
        "max_amperage": max(1, round(amperes)),
        "max_electric_power": round(watts),
        "last_updated": updated,
    }


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, to the second, as OCPI writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
