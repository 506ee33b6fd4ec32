"""Reading an export and turning its rows into sites."""

import math
from collections import Counter

import pytest

from recharge.station_import.afdc import (
    Export,
    InvalidLine,
    MissingColumns,
    Row,
    Site,
    Skipped,
    missing_points,
    project,
    read_export,
    to_sites,
)

HEADER = (
    "Fuel Type Code,Station Name,Status Code,EV Level1 EVSE Num,EV Level2 EVSE Num,EV DC Fast Count,"
    "Latitude,Longitude,ID"
)
CENTRE = (47.4, -120.7)
POWERS = (1.9, 7.2, 50)


def read(*rows: str) -> Export:
    return read_export([HEADER + "\n", *(row + "\n" for row in rows)])


def test_blank_ports_are_none_and_all_three_levels_are_read() -> None:
    export = read("ELEC,A,E,1,,,47.0,-120.0,1", "ELEC,B,E,2,4,1,47.5,-121.5,2")

    assert export.rows == (Row(47.0, -120.0, (1, 0, 0)), Row(47.5, -121.5, (2, 4, 1)))
    assert export.skipped == {}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("LPG,A,E,,,,47.0,-120.0,1", Skipped.OTHER_FUEL),
        ("ELEC,A,P,,2,,47.0,-120.0,1", Skipped.NOT_OPEN),
        ("ELEC,A,T,,2,,47.0,-120.0,1", Skipped.NOT_OPEN),
        ("ELEC,A,E,,,,47.0,-120.0,1", Skipped.NO_PORTS),
        ("ELEC,A,E,0,0,0,47.0,-120.0,1", Skipped.NO_PORTS),
        ("ELEC,A,E,,two,,47.0,-120.0,1", Skipped.INVALID_PORTS),
        ("ELEC,A,E,,-2,,47.0,-120.0,1", Skipped.INVALID_PORTS),
        ("ELEC,A,E,,999999999,,47.0,-120.0,1", Skipped.INVALID_PORTS),
        ("ELEC,A,E,,2,,,-120.0,1", Skipped.NO_LOCATION),
        ("ELEC,A,E,,2,,north,-120.0,1", Skipped.NO_LOCATION),
        ("ELEC,A,E,,2,,nan,-120.0,1", Skipped.NO_LOCATION),
        ("ELEC,A,E,,2,,97.0,-120.0,1", Skipped.NO_LOCATION),
        ("ELEC,A,E,,2", Skipped.NO_LOCATION),
    ],
)
def test_a_row_that_is_no_open_station_is_counted_with_its_reason(row: str, reason: Skipped) -> None:
    export = read(row, "ELEC,Good,E,,2,,47.0,-120.0,2")

    assert export.skipped == {reason: 1}
    assert len(export.rows) == 1


def test_a_row_that_stands_twice_counts_once() -> None:
    export = read(*["ELEC,A,E,,2,,47.0,-120.0,1"] * 3)

    assert len(export.rows) == 1
    assert export.skipped == {Skipped.REPEATED: 2}


def test_rows_without_an_id_are_all_taken() -> None:
    assert len(read(*["ELEC,A,E,,2,,47.0,-120.0,"] * 2).rows) == 2


def test_a_file_without_the_columns_is_refused_by_their_names() -> None:
    with pytest.raises(MissingColumns, match=r"Fuel Type Code, .*Longitude"):
        read_export(["name,place\n", "a,b\n"])


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(MissingColumns, match="missing columns"):
        read_export([])


def test_a_file_that_is_no_csv_is_refused_with_the_line() -> None:
    with pytest.raises(InvalidLine, match="line 2"):
        read('ELEC,"A" b,E,,2,,47.0,-120.0,1')


def test_rows_at_one_location_are_one_station_with_the_sum_of_their_ports() -> None:
    export = read(
        "ELEC,A,E,,2,,47.0,-120.0,1", "ELEC,B,E,1,3,4,47.00,-120.000,2", "ELEC,C,E,,2,,47.0,-120.1,3"
    )

    first, second = to_sites(export.rows, CENTRE, POWERS)

    assert (first.x, first.y) == project(47.0, -120.0, CENTRE)
    assert first.points == {1.9: 1, 7.2: 5, 50: 4}
    assert second.points == {7.2: 2}


def test_kinds_of_the_same_power_are_one_kind() -> None:
    assert to_sites([Row(47.0, -120.0, (1, 2, 3))], CENTRE, (11, 11, 50)) == [
        Site(*project(47.0, -120.0, CENTRE), {11: 3, 50: 3})
    ]


def test_the_centre_is_at_zero_and_a_degree_is_111_km() -> None:
    assert project(*CENTRE, CENTRE) == (0.0, 0.0)
    x, y = project(48.4, -119.7, CENTRE)
    assert y == pytest.approx(111.195, abs=0.001)
    assert x == pytest.approx(111.195 * math.cos(math.radians(47.4)), abs=0.001)


def test_east_goes_on_across_the_date_line() -> None:
    x, _ = project(0.0, -179.0, (0.0, 179.0))
    assert x == pytest.approx(2 * 111.195, abs=0.001)


def test_what_is_missing_is_what_is_wanted_less_what_is_there() -> None:
    assert missing_points({7.2: 2, 50: 1}, [], POWERS) == [7.2, 7.2, 50]
    assert missing_points({7.2: 2, 50: 1}, [7.2, 50.0], POWERS) == [7.2]
    assert missing_points({7.2: 2}, [7.2, 7.2, 50], POWERS) == []


@pytest.mark.parametrize("changed", [(2.3, 7.2, 50), (1.9, 11, 50), (1.9, 7.2, 150)])
def test_other_powers_at_the_next_import_double_nothing(changed: tuple[float, float, float]) -> None:
    wanted = Counter(dict(zip(changed, (1, 2, 3), strict=True)))
    assert missing_points(wanted, [1.9, 7.2, 7.2, 50, 50, 50], changed) == []
