"""Names, addresses and connectors of an export."""

import pytest

from recharge import Point
from recharge.station_import.afdc import Row, Site, project, read_export, to_sites
from recharge.station_import.descriptions import (
    MissingConnectors,
    read_address,
    read_connectors,
    read_name,
)

CENTRE = (47.4, -120.7)
POWERS = (1.9, 7.2, 50)
HEADER = (
    "Fuel Type Code,Station Name,City,State,ZIP,Status Code,EV Level1 EVSE Num,EV Level2 EVSE Num,"
    "EV DC Fast Count,Latitude,Longitude,ID,EV Connector Types,Country\n"
)


def test_a_row_is_described() -> None:
    (row,) = read_export(
        [HEADER, "ELEC,City Hall,Lacey,WA,98503,E,,2,1,47.0,-122.8,1,J1772 J1772COMBO,US\n"]
    ).rows
    assert (row.name, row.address) == ("City Hall", "Lacey, WA 98503, US")
    assert row.connectors == ((), ("IEC_62196_T1", "IEC_62196_T1"), ("IEC_62196_T1_COMBO",))


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({}, None),
        ({"City": " ", "Country": ""}, None),
        ({"Street Address": "1 Main St", "City": "Lacey"}, "1 Main St, Lacey"),
        ({"State": "WA"}, "WA"),
        ({"Street Address": "nan", "State": "WA", "ZIP": "98503.0", "Country": "<NA>"}, "WA 98503"),
        ({"ZIP": "98503", "Country": "US"}, "98503, US"),
        ({"City": "x" * 300}, "x" * 256),
    ],
)
def test_an_address_has_the_parts_that_there_are(values: dict[str, str], address: str | None) -> None:
    assert read_address(values) == address


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", None),
        ("NaN", None),
        (" \t", None),
        ("a\n  b\x1b[2J", "a b [2J"),
        ("é" * 200, "é" * 128),
        ("Sé", "Sé"),
    ],
)
def test_a_name_is_one_line_that_the_network_takes(text: str, name: str | None) -> None:
    assert read_name({"Station Name": text}) == name


@pytest.mark.parametrize(
    ("codes", "ports", "connectors"),
    [
        ("J1772", (0, 2, 0), ((), ("IEC_62196_T1",) * 2, ())),
        ("j1772, tesla", (0, 3, 0), ((), ("IEC_62196_T1", "TESLA_S", "IEC_62196_T1"), ())),
        ("J1772 NEMA520", (1, 2, 0), (("NEMA_5_20",), ("IEC_62196_T1",) * 2, ())),
        ("CHADEMO J1772COMBO", (0, 0, 3), ((), (), ("IEC_62196_T1_COMBO", "CHADEMO", "IEC_62196_T1_COMBO"))),
        ("J1772 J1772COMBO TESLA", (0, 1, 2), ((), ("IEC_62196_T1",), ("IEC_62196_T1_COMBO", "TESLA_S"))),
        ("J1772", (0, 0, 2), ((), (), ())),
        ("", (1, 1, 1), ((), (), ())),
        ("SOMETHING", (1, 1, 1), ((), (), ())),
    ],
)
def test_each_kind_of_port_takes_its_connectors_in_turn(
    codes: str, ports: tuple[int, int, int], connectors: tuple[tuple[str, ...], ...]
) -> None:
    assert read_connectors({"EV Connector Types": codes}, ports) == connectors


def test_rows_at_one_location_are_called_as_the_first_that_has_a_name() -> None:
    rows = [
        Row(47.0, -120.0, (0, 1, 0), None, "here", ((), ("IEC_62196_T1",), ())),
        Row(47.0, -120.0, (0, 1, 1), "One", None, ((), ("TESLA_S",), ("CHADEMO",))),
        Row(47.0, -120.0, (0, 1, 0), "Two", "there"),
    ]
    assert to_sites(rows, CENTRE, POWERS) == [
        Site(
            *project(47.0, -120.0, CENTRE),
            {7.2: 3, 50: 1},
            "One",
            "here",
            {7.2: ("IEC_62196_T1", "TESLA_S"), 50: ("CHADEMO",)},
        )
    ]


def test_points_without_a_connector_come_before_new_ones() -> None:
    bare, known, other = (
        Point(number, 1, 50, 0.4, "livre", connector)
        for number, connector in enumerate((None, "CHADEMO", "TESLA_S"), 1)
    )
    missing = MissingConnectors(("CHADEMO", "IEC_62196_T1_COMBO", "CHADEMO"), [bare, known, other])
    assert missing.for_existing() == [(bare, "IEC_62196_T1_COMBO")]
    assert [missing.next(), missing.next()] == ["CHADEMO", None]
