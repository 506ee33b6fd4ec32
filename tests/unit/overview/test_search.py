"""Which stations a text finds."""

import pytest

from cloud_service.overview.records import Point, StationMessage
from cloud_service.overview.search import has_text
from cloud_service.overview.station import Station

STATION = Station(
    242,
    StationMessage(-7.3, 4.1, "São João", "Avenida Getúlio Vargas, 17"),
    points={
        1: Point(50, 1, "free", 0, None, "CHADEMO", None, None),
        2: Point(22, 1, "free", 0, None, None, None, None),
    },
)


@pytest.mark.parametrize("text", ["242", "42", "são", "SAO JO", "getulio", "vargas, 17", "chademo", ""])
def test_id_name_address_and_connectors_are_searched(text: str) -> None:
    assert has_text(STATION, text)


@pytest.mark.parametrize("text", ["243", "CCS", "-7.3", "free"])
def test_nothing_else_is(text: str) -> None:
    assert not has_text(STATION, text)


def test_a_station_may_have_neither() -> None:
    assert has_text(Station(7, StationMessage(0, 0)), "7")
    assert not has_text(Station(7), "x")
