"""Reading an export and turning its rows into sites."""

import math
from collections import Counter

import pytest

from recharge.station_import.afdc import (
    MAX_NAMED,
    Export,
    InvalidLine,
    InvalidRow,
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

    assert export.rows == (Row(47.0, -120.0, (1, 0, 0), "A"), Row(47.5, -121.5, (2, 4, 1), "B"))
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
        ("ELEC,A,E,,2.5,,47.0,-120.0,1", Skipped.INVALID_PORTS),
        ("ELEC,A,E,,1e999,,47.0,-120.0,1", Skipped.INVALID_PORTS),
        ("ELEC,A,E,,1_0,,47.0,-120.0,1", Skipped.INVALID_PORTS),
        ("ELEC,A,E,,2,,4_7.0,-120.0,1", Skipped.NO_LOCATION),
        ("ELEC,A,E,,2,,0,0,1", Skipped.AT_ZERO),
        ("ELEC,A,E,,2,,0.000,-0.0,1", Skipped.AT_ZERO),
        ("ELEC,A,E,nan,<NA>,,47.0,-120.0,1", Skipped.NO_PORTS),
    ],
)
def test_a_row_that_is_no_open_station_is_counted_with_its_reason(row: str, reason: Skipped) -> None:
    export = read(row, "ELEC,Good,E,,2,,47.0,-120.0,2")

    assert export.skipped == {reason: 1}
    assert len(export.rows) == 1


def test_a_table_with_blank_cells_has_made_decimals_of_whole_numbers() -> None:
    export = read("ELEC,A,E,nan,2.0,1.,47.0,-120.0,12.0", "ELEC,A,E,,2,1,47.0,-120.0,12")

    assert export == Export((Row(47.0, -120.0, (0, 2, 1), "A"),), {Skipped.REPEATED: 1})


def test_a_place_on_the_equator_or_on_the_meridian_of_greenwich_is_one() -> None:
    export = read("ELEC,A,E,,2,,0,32.5,1", "ELEC,B,E,,2,,51.5,0,2")

    assert [(row.latitude, row.longitude) for row in export.rows] == [(0, 32.5), (51.5, 0)]


def test_invalid_rows_are_named_with_their_lines() -> None:
    rows = ("ELEC,A,E,,2.5,,47.0,-120.0,1", "", 'ELEC,"B\nb",E,,2,,0,0,2', "LPG,C,E,,,,,,3")
    export = read_export("\n".join((HEADER, *rows)).splitlines(keepends=True))

    assert export.invalid == (InvalidRow(2, Skipped.INVALID_PORTS), InvalidRow(5, Skipped.AT_ZERO))
    assert export.skipped == {Skipped.INVALID_PORTS: 1, Skipped.AT_ZERO: 1, Skipped.OTHER_FUEL: 1}


def test_only_the_first_invalid_rows_are_named_and_all_are_counted() -> None:
    export = read(*["ELEC,A,E,,many,,47.0,-120.0,"] * (MAX_NAMED + 5))

    assert len(export.invalid) == MAX_NAMED
    assert export.skipped == {Skipped.INVALID_PORTS: MAX_NAMED + 5}


GOOD = Export((Row(47.25, -120.5, (0, 2, 1), "A"),), {})


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("first", ["", "sep={}\r\n", '"SEP={}"\n'])
def test_separators_are_recognised(separator: str, first: str) -> None:
    lines = [HEADER, "ELEC,A,E,,2,1,47.25,-120.5,1"]
    text = first.format(separator) + "".join(line.replace(",", separator) + "\r\n" for line in lines)

    assert read_export(text.splitlines(keepends=True)) == GOOD


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_comma_that_does_not_separate_is_a_decimal_one(separator: str) -> None:
    lines = [HEADER.replace(",", separator), "ELEC;A;E;;2,0;1;47,25;-120,5;1".replace(";", separator)]

    assert read_export(line + "\n" for line in lines) == GOOD


def test_a_number_with_two_commas_is_not_guessed_at() -> None:
    lines = [HEADER.replace(",", ";"), "ELEC;A;E;;2;1;47,25,1;-120,5;1"]

    assert read_export(line + "\n" for line in lines).skipped == {Skipped.NO_LOCATION: 1}


def test_columns_are_found_in_any_case_with_blanks_around_and_after_blank_lines() -> None:
    header = " , ".join(name.upper() for name in HEADER.split(","))
    lines = [
        "\r\n",
        "  \r\n",
        header + "\r\n",
        "\r\n",
        " elec ,A, e ,, 2 ,1, 47.25 , -120.5 ,1\r\n",
        ",,,\r\n",
    ]

    assert read_export(lines) == GOOD


def test_only_the_columns_that_are_missing_are_named_beside_those_that_are_there() -> None:
    with pytest.raises(MissingColumns) as caught:
        read_export([HEADER.replace("Latitude", "lat") + "\n"])

    assert caught.value.names == ("Latitude",)
    assert str(caught.value).startswith(
        "missing columns: Latitude; the file has Fuel Type Code, Station Name"
    )


def test_what_a_file_has_instead_of_columns_is_shown_in_short() -> None:
    with pytest.raises(MissingColumns) as caught:
        read_export(["\x1b[2J" + ",".join(["x" * 500] * 500)])

    assert len(caught.value.found) < 1500
    assert "\x1b" not in caught.value.found
    assert caught.value.found.endswith("and 470 more")


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
