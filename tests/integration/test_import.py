"""`recharge import` against a network of real processes."""

import asyncio
import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_service.cli.import_stations import CENTRE
from recharge import Charger, Reservation, Vehicle
from recharge.station_import.afdc import Site, project
from recharge.station_import.undo import Undo, UndoTally, stations_by_place
from tests.integration.client_commands import EXAMPLES, ROOT, command, points_of
from tests.kit.processes import Stack
from tests.kit.scale import Scale
from tests.kit.waiting import DEADLINE, wait_until

REAL_FILE = ROOT.parent / "shared" / "data" / "afdc_washington_2024.csv"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A network of this module's own: it fills with stations."""
    with Stack(tmp_path_factory.mktemp("import")) as running:
        yield running


HEADER = (EXAMPLES / "stations.csv").read_text().splitlines()[0]


def imported(stack: Stack, file: Path, *words: str) -> dict[str, list[int]]:
    """Imports the file; the numbers of the summary by what they count, in order."""
    ended = stack.recharge("import", str(file), *words)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    counts: dict[str, list[int]] = {}
    for line in ended.stdout.splitlines():
        number, _, text = line.strip().partition("  ")
        if number.replace(",", "").isdecimal():
            counts.setdefault(text.strip(), []).append(int(number.replace(",", "")))
    return counts


def test_an_import_adds_what_is_missing_and_doubles_nothing(stack: Stack, tmp_path: Path) -> None:
    first = imported(stack, EXAMPLES / "stations.csv")
    assert first == {
        "rows in the file": [5],
        "left out: not open": [1],
        "left out: another fuel": [1],
        "stations in the file": [2],
        "added": [2, 13],
        "there already": [0, 0],
        "points in the file": [13],
    }
    again = imported(stack, EXAMPLES / "stations.csv", "--level2", "11")
    assert (again["added"], again["there already"]) == ([0, 0], [2, 13])

    updated = tmp_path / "updated.csv"
    text = (EXAMPLES / "stations.csv").read_text()
    updated.write_text(text.replace("ELEC,New car park,P", "ELEC,New car park,E").replace(",,,6,", ",,1,5,"))
    third = imported(stack, updated)
    assert (third["added"], third["there already"]) == ([1, 9], [2, 12])
    assert third["more at these stations, left as they are"] == [1]


def test_an_import_leaves_out_what_belongs_to_others(stack: Stack, tmp_path: Path) -> None:
    async def be_there_first() -> None:
        async with Charger("earlier", stack.address) as charger:
            await charger.register_station(*project(10.5, 20.5, CENTRE))

    asyncio.run(be_there_first())
    file = tmp_path / "stations.csv"
    file.write_text(f"{HEADER}\nELEC,A,E,,2,,10.5,20.5,1\nELEC,B,E,,1,,10.5,20.6,2\n")
    counts = imported(stack, file)
    assert counts["left out: the location has another owner's station"] == [1]
    assert counts["added"] == [1, 1]


def test_an_import_that_was_killed_goes_on_where_it_stopped(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "stations.csv"
    rows = (f"ELEC,S{number},E,,2,1,{30 + number / 1000},10,{number}" for number in range(600))
    file.write_text("\n".join((HEADER, *rows)))
    with command(stack, tmp_path, "import", str(file), "--at-once", "4") as interrupted:
        wait_until(lambda: "60 of 600" in interrupted.tail() or not interrupted.running, "it is under way")
        interrupted.check()
        interrupted.kill()
    rest = imported(stack, file)
    stations, points = rest["added"]
    assert 0 < stations < 600
    assert 0 < points < 1800
    assert stations + rest["there already"][0] == 600
    assert points + rest["there already"][1] == 1800
    again = imported(stack, file)
    assert (again["added"], again["there already"]) == ([0, 0], [600, 1800])
    assert "more at these stations, left as they are" not in again


def test_a_file_that_is_no_export_is_refused_in_one_sentence(stack: Stack, tmp_path: Path) -> None:
    for file in (tmp_path / "nowhere.csv", ROOT / "pyproject.toml"):
        ended = stack.recharge("import", str(file))
        assert ended.returncode == 1
        assert f"Cannot read {file}: " in ended.stdout
        assert "Traceback" not in ended.stderr


def test_an_export_that_a_spreadsheet_has_written_is_read(stack: Stack, tmp_path: Path) -> None:
    rows = ("ELEC;A;E;;2,0;;11,5;21,5;1,0", "ELEC;B;E;;2,5;;11,6;21,5;2,0", "ELEC;C;E;;1,0;;0;0;3,0")
    text = "\r\n".join(("sep=;", HEADER.replace(",", ";"), *rows))
    file = tmp_path / "stations.csv.gz"
    file.write_bytes(gzip.compress(text.encode("utf-16")))
    counts = imported(stack, file)
    assert counts["added"] == [1, 2]
    assert counts["left out: invalid number of ports"] == [1]
    assert counts["left out: the location is 0, 0"] == [1]


def test_an_import_that_leaves_everything_out_is_no_success(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "stations.csv"
    for rows in ("", "ELEC,A,E,,2.5,,12.5,22.5,1\n"):
        file.write_text(f"{HEADER}\n{rows}")
        ended = stack.recharge("import", str(file))
        assert ended.returncode == 1
        assert ended.stderr.startswith("Nothing was imported")
        assert ("line 2 is left out: invalid number of ports" in ended.stdout) == bool(rows)


@pytest.mark.skipif(not REAL_FILE.exists(), reason=f"no file of real stations at {REAL_FILE}")
def test_a_real_network_comes_in_within_a_minute_and_once(stack: Stack, scale: Scale) -> None:
    """Or within some, where other work shares the machine."""
    began = time.monotonic()
    first = imported(stack, REAL_FILE)
    assert time.monotonic() - began < scale(share=240, full=60)
    assert (first["stations in the file"], first["points in the file"]) == ([2460], [6653])
    assert first["added"] == [2460, 6653]
    assert first["left out: another fuel"] == [85]
    again = imported(stack, REAL_FILE)
    assert (again["added"], again["there already"]) == ([0, 0], [2460, 6653])


def undone(stack: Stack, file: Path, *words: str, status: int = 0) -> tuple[dict[str, int], str]:
    """Undoes an import; the numbers of the summary by what they count, and everything it printed."""
    ended = stack.recharge("import", "--undo", str(file), *words)
    assert ended.returncode == status, ended.stdout + ended.stderr
    counts = {}
    for line in ended.stdout.splitlines():
        number, _, text = line.strip().partition("  ")
        if number.isdecimal():
            counts[text.strip()] = int(number)
    return counts, ended.stdout


def test_undoing_deletes_what_the_import_brought_and_nothing_else(stack: Stack, tmp_path: Path) -> None:
    """Neither what was there before, nor a station with a reservation unless it is forced."""

    async def be_there_first() -> int:
        async with Charger("neighbour", stack.address) as charger:
            station = await charger.register_station(*project(50.5, 20.5, CENTRE))
            await charger.add_point(station.station_id, 50, 0.4)
            return station.station_id

    async def book(x: float, y: float) -> Reservation:
        async with Vehicle("far-away", stack.address) as vehicle:
            return await vehicle.book(x, y, 50, 10)

    foreign = asyncio.run(be_there_first())
    file = tmp_path / "stations.csv"
    rows = (f"ELEC,{number},E,,2,,50.5,{20.5 + number},{number}" for number in range(4))
    file.write_text("\n".join((HEADER, *rows)))
    imported(stack, file)
    reservation = asyncio.run(book(*project(50.5, 21.5, CENTRE)))

    first, said = undone(stack, file, status=1)
    assert first["deleted"] == 2
    assert (first["left: another owner's station"], first["left: stations with reservations"]) == (1, 1)
    assert f"Station {reservation.station_id} stays: reservations 1. --force cancels them." in said
    again, _ = undone(stack, file, status=1)
    assert (again["deleted"], again["not there"]) == (0, 2)

    forced, said = undone(stack, file, "--force")
    assert (forced["deleted"], forced["not there"], forced["reservations cancelled"]) == (1, 2, 1)
    assert "4 of 4 stations" in said
    last, _ = undone(stack, file)
    assert (last["deleted"], last["not there"]) == (0, 3)
    assert len(points_of(stack, "neighbour", foreign)) == 1
    assert imported(stack, file)["added"] == [3, 6]


def test_undoing_finds_what_was_registered_a_moment_ago(stack: Stack) -> None:
    """The retained state follows the replies."""

    async def register_and_look() -> tuple[int, int | None]:
        async with Charger("hasty", stack.address) as charger:
            station = await charger.register_station(62.5, 60.5)
            found = await stations_by_place(stack.address, "hasty-undo")
            await charger.delete_station(station.station_id)
        return station.station_id, found.get((62.5, 60.5))

    registered, found = asyncio.run(register_and_look())
    assert found == registered


def test_undoing_believes_the_service_where_the_retained_state_still_shows_a_station(stack: Stack) -> None:
    """It neither deletes what is registered there meanwhile, nor registers a station to find out."""

    async def undo() -> tuple[UndoTally, int]:
        async with Charger("importer", stack.address) as charger:
            gone = await charger.register_station(60.5, 60.5)
            await charger.delete_station(gone.station_id)
            undoing = Undo(charger, {(60.5, 60.5): gone.station_id}, force=False, on_station=lambda _: None)
            await undoing.run([Site(60.5, 60.5, {})], 1)
            following = await charger.register_station(61.5, 60.5)
        return undoing.tally, following.station_id - gone.station_id

    tally, given_since = asyncio.run(undo())
    assert (tally.absent, tally.removed, given_since) == (1, 0, 1)


def test_force_needs_undo(stack: Stack) -> None:
    refused = stack.recharge("import", str(EXAMPLES / "stations.csv"), "--force")
    assert (refused.returncode, refused.stderr) == (1, "recharge import: --force: only with --undo\n")


DESCRIBED = """\
Fuel Type Code,Station Name,City,State,Status Code,EV Level1 EVSE Num,EV Level2 EVSE Num,EV DC Fast Count,\
Latitude,Longitude,ID,EV Connector Types
ELEC,Library,Lacey,WA,E,,2,1,48.5,-121.5,901,CHADEMO J1772
"""


def test_names_addresses_and_connectors_come_along(stack: Stack, tmp_path: Path) -> None:
    """Also for a station that is there already, and without doing anything to its reservations."""
    file = tmp_path / "described.csv"
    bare = DESCRIBED.replace("Library,Lacey,WA", ",,").replace("CHADEMO J1772", "")
    steps: list[tuple[str, str | None, str | None, list[str | None] | None]] = [
        (bare, None, None, [None] * 3),
        (DESCRIBED, "Library", "Lacey, WA", ["IEC_62196_T1", "IEC_62196_T1", "CHADEMO"]),
        (bare, "Library", "Lacey, WA", ["IEC_62196_T1", "IEC_62196_T1", "CHADEMO"]),
        (DESCRIBED.replace("Library", "New library"), "New library", "Lacey, WA", None),
    ]
    for text, name, address, connectors in steps:
        file.write_text(text)
        imported(stack, file)
        asyncio.run(_is_described(stack, name, address, connectors))


async def _is_described(
    stack: Stack, name: str | None, address: str | None, connectors: list[str | None] | None
) -> None:
    async with (
        Charger("operator-import", stack.address, client_id="reader", presence=False) as charger,
        Vehicle("import-reader", stack.address) as reader,
    ):
        station = await charger.register_station(*project(48.5, -121.5, CENTRE))
        async with asyncio.timeout(DEADLINE):
            while (told := await reader.station(station.station_id)) is None or (
                (told.name, told.address) != (name, address)
            ):
                await asyncio.sleep(0.05)
        points = await charger.points(station.station_id)
        assert connectors is None or [point.connector for point in points] == connectors
        reservation = await reader.reservation()
        if reservation is None:
            await reader.book(station.x, station.y, 50, 40)
        else:
            assert sorted(point.availability for point in points) == ["livre", "livre", "reservado"]
