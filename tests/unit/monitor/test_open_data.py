"""Stations in longitude and latitude, as GeoJSON and as OCPI's Locations."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cloud_service.config.command_line import CommandLine
from cloud_service.monitor.geography import Center
from cloud_service.monitor.geojson import feature_collection
from cloud_service.monitor.locations import location
from cloud_service.monitor.settings import MonitorSettings, OcpiSettings
from cloud_service.monitor.stations import describe
from cloud_service.overview.records import read_point, read_station, to_point
from cloud_service.overview.station import Station
from recharge.station_import.afdc import project

SALVADOR = Center(-12.97, -38.5)
POINT = (
    b'{"power": %s, "kWhPrice": 0.9, "availability": "%s", "connector": %s,'
    b' "updated": "2026-03-01T12:30:00+00:00"}'
)


def station(power: float = 22, availability: str = "livre", connector: str | None = None) -> Station:
    place = b'{"x_position": 3, "y_position": -4, "updated": "2026-03-01T12:00:00.123+00:00"}'
    stated = b"null" if connector is None else f'"{connector}"'.encode()
    body = POINT % (str(power).encode(), availability.encode(), stated)
    return Station(7, read_station(place), points={1: to_point(read_point(body))})


def only_connector(found: Mapping[str, Any]) -> Mapping[str, Any]:
    [evse] = found["evses"]
    [connector] = evse["connectors"]
    assert isinstance(connector, dict)
    return connector


@given(some.floats(-80, 80), some.floats(-180, 180), some.floats(-3, 3), some.floats(-3, 3))
def test_the_import_comes_back(latitude: float, longitude: float, north: float, east: float) -> None:
    place = latitude + north, (longitude + east + 180) % 360 - 180
    x, y = project(*place, (latitude, longitude))
    back = Center(latitude, longitude).degrees(x, y)
    assert back[0] == pytest.approx(place[0], abs=2e-6)
    assert math.isclose((back[1] - place[1] + 180) % 360, 180, abs_tol=2e-5)


def test_geojson_has_the_longitude_first() -> None:
    [feature] = feature_collection([station()], SALVADOR)["features"]
    longitude, latitude = feature["geometry"]["coordinates"]
    assert (round(longitude, 2), round(latitude, 2)) == (-38.47, -13.01)
    assert feature["properties"]["points"][0]["state"] == "free"


def test_a_location_has_all_that_ocpi_requires() -> None:
    found = location(station(), SALVADOR, OcpiSettings())
    assert found["id"] == "7"
    assert found["publish"] is True
    assert re.fullmatch(r"-?\d{1,2}\.\d{5,7}", found["coordinates"]["latitude"])
    assert re.fullmatch(r"-?\d{1,3}\.\d{5,7}", found["coordinates"]["longitude"])
    assert found["last_updated"] == "2026-03-01T12:30:00Z"
    assert len(found["country_code"]) == 2
    assert len(found["party_id"]) == len(found["country"]) == 3
    assert 0 < len(found["address"]) <= 45
    assert 0 < len(found["city"]) <= 45
    [evse] = found["evses"]
    assert evse["uid"] == "7-1"
    assert set(only_connector(found)) >= {
        "id", "standard", "format", "power_type", "max_voltage", "max_amperage", "last_updated",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("availability", "status"), [("livre", "AVAILABLE"), ("reservado", "RESERVED"), ("ocupado", "CHARGING")]
)
def test_states_in_ocpis_words(availability: str, status: str) -> None:
    there = station(availability=availability)
    assert location(there, SALVADOR, OcpiSettings())["evses"][0]["status"] == status
    there.offline = True
    assert location(there, SALVADOR, OcpiSettings())["evses"][0]["status"] == "UNKNOWN"
    there.absent = True
    assert location(there, SALVADOR, OcpiSettings())["evses"][0]["status"] == "INOPERATIVE"


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"operational": False}, "OUTOFORDER"),
        ({"session": {"since": "2026-03-01T12:00:00Z", "until": "2026-03-01T13:00:00Z"}}, "CHARGING"),
    ],
)
def test_what_chargers_tell_of_a_point_in_ocpis_words(more: dict[str, Any], status: str) -> None:
    body = {"power": 22, "kWhPrice": 0.9, "availability": "reservado", **more}
    there = station()
    there.points[1] = to_point(read_point(json.dumps(body).encode()))
    assert location(there, SALVADOR, OcpiSettings())["evses"][0]["status"] == status
    [point] = describe(there)["points"]
    assert (point["state"] == "outOfOrder", point["session"] is not None) == (
        "operational" in more,
        "session" in more,
    )


@pytest.mark.parametrize(
    ("power", "connector", "expected"),
    [
        (7, None, ("IEC_62196_T2", "AC_1_PHASE", 230, 30)),
        (22, None, ("IEC_62196_T2", "AC_3_PHASE", 230, 32)),
        (150, None, ("IEC_62196_T2_COMBO", "DC", 400, 375)),
        (50, "CHADEMO", ("CHADEMO", "DC", 400, 125)),
        (3.5, "IEC_62196_T1", ("IEC_62196_T1", "AC_1_PHASE", 230, 15)),
    ],
)
def test_connectors(power: float, connector: str | None, expected: tuple[object, ...]) -> None:
    found = only_connector(location(station(power, connector=connector), SALVADOR, OcpiSettings()))
    names = ("standard", "power_type", "max_voltage", "max_amperage")
    assert tuple(found[name] for name in names) == expected
    assert found["max_electric_power"] == power * 1000


def test_a_station_that_never_said_when_has_a_last_updated() -> None:
    there = Station(1, read_station(b'{"x_position": 0, "y_position": 0}'))
    assert location(there, SALVADOR, OcpiSettings())["last_updated"] == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize("text", ["-12.97", "1,2,3", "north,east", "90,0", "0,181", "nan,0"])
def test_a_center_that_is_none_is_refused(text: str) -> None:
    line = CommandLine("recharge monitor", (MonitorSettings,), "")
    with pytest.raises(SystemExit):
        line.read([f"--http-center={text}"], {})


def test_a_center_is_read() -> None:
    line = CommandLine("recharge monitor", (MonitorSettings,), "")
    assert line.read(["--http-center=-12.97,-38.5"], {}).record(MonitorSettings).center == SALVADOR
