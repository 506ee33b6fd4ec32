"""Stations as GeoJSON (RFC 7946): points in longitude and latitude."""

from collections.abc import Iterable
from typing import Any, Final

from cloud_service.monitor.geography import Center
from cloud_service.monitor.stations import describe
from cloud_service.overview.station import Station

MEDIA_TYPE: Final = "application/geo+json"


def feature_collection(stations: Iterable[Station], center: Center) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": [_feature(station, center) for station in stations]}


def _feature(station: Station, center: Center) -> dict[str, Any]:
    assert station.place is not None
    latitude, longitude = center.degrees(station.place.x, station.place.y)
    return {
        "type": "Feature",
        "id": station.number,
        "geometry": {"type": "Point", "coordinates": [longitude, latitude]},
        "properties": describe(station),
    }
