"""A person who answers the questions of `recharge charger` and `recharge vehicle` in every way there is."""

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recharge import Charger, Point, Reservation, Vehicle
from tests.kit.processes import Stack
from tests.kit.terminal import Terminal

BOOK = "Book a charge? [Y/n]"
DRIVE = "Drive there? [Y/n]"
CANCEL = "Cancel the reservation? Otherwise it stays. [Y/n]"
NOT_UNDERSTOOD = "Please answer y or n; q quits"
ENGLISH = {"LANGUAGE": "en"}
PLACE = ("--x", "100", "--y", "0")

QUITS: dict[str, tuple[Callable[[Terminal], None], int]] = {
    "q": (lambda terminal: terminal.types("q"), 0),
    "end of input": (Terminal.ends_input, 0),
    "Ctrl-C": (Terminal.interrupts, 130),
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A network with one station, near the vehicles."""
    with Stack(tmp_path_factory.mktemp("prompts")) as running:

        async def register() -> None:
            async with Charger("host", running.address) as charger:
                station = await charger.register_station(100, 0)
                for _ in range(20):
                    await charger.add_point(station.station_id, 50, 0.9)

        asyncio.run(register())
        yield running


def vehicle(stack: Stack, folder: Path, name: str, *words: str) -> Terminal:
    pace = ("--battery", "20", "--time-scale", "3000")
    return Terminal(stack, folder, "vehicle", "--name", name, *PLACE, *pace, *words, **ENGLISH)


def charger(stack: Stack, folder: Path, name: str, *words: str) -> Terminal:
    return Terminal(stack, folder, "charger", "--name", name, *words, **ENGLISH)


def reservation_of(stack: Stack, name: str) -> Reservation | None:
    async def find() -> Reservation | None:
        async with Vehicle(name, stack.address) as found:
            return await found.reservation()

    return asyncio.run(find())


def points_at(stack: Stack, name: str, x: float, y: float) -> list[Point]:
    async def find() -> list[Point]:
        async with Charger(name, stack.address) as found:
            return await found.points((await found.register_station(x, y)).station_id)

    return asyncio.run(find())


def test_an_answer_that_is_not_understood_is_asked_for_again(stack: Stack, tmp_path: Path) -> None:
    with vehicle(stack, tmp_path, "unclear") as terminal:
        for question in (BOOK, DRIVE, CANCEL):
            terminal.sees(question)
            for answer in ("quit", "maybe", "nay", "0"):
                terminal.types(answer)
                terminal.sees(NOT_UNDERSTOOD)
                terminal.sees(question)
            terminal.types("y" if question == BOOK else "n")
        terminal.sees("The reservation stays; continue with --name unclear")
        assert terminal.ends() == 0


@pytest.mark.parametrize("way", QUITS)
def test_quitting_before_the_booking_books_nothing(stack: Stack, tmp_path: Path, way: str) -> None:
    quits, status = QUITS[way]
    name = "leaves-" + way.replace(" ", "-")
    with vehicle(stack, tmp_path, name) as terminal:
        terminal.sees(BOOK)
        quits(terminal)
        terminal.sees("Nothing is reserved")
        assert terminal.ends() == status
        assert "Traceback" not in terminal.screen
    assert reservation_of(stack, name) is None


@pytest.mark.parametrize("way", QUITS)
@pytest.mark.parametrize("question", [DRIVE, CANCEL])
def test_quitting_after_the_booking_keeps_it(stack: Stack, tmp_path: Path, question: str, way: str) -> None:
    quits, status = QUITS[way]
    name = f"keeps-{way.replace(' ', '-')}-{question[0]}"
    with vehicle(stack, tmp_path, name) as terminal:
        terminal.sees(BOOK)
        terminal.types("y")
        terminal.sees(DRIVE)
        if question == CANCEL:
            terminal.types("n")
            terminal.sees(CANCEL)
        quits(terminal)
        terminal.sees(f"The reservation stays; continue with --name {name}")
        assert terminal.ends() == status
    assert reservation_of(stack, name) is not None


def test_no_books_nothing_and_says_so(stack: Stack, tmp_path: Path) -> None:
    with vehicle(stack, tmp_path, "unwilling") as terminal:
        terminal.sees(BOOK)
        terminal.types("N")
        terminal.sees("Nothing was booked")
        assert terminal.ends() == 0
    assert reservation_of(stack, "unwilling") is None


def test_the_next_run_goes_on_with_the_reservation(stack: Stack, tmp_path: Path) -> None:
    with vehicle(stack, tmp_path, "returning") as first:
        first.sees(BOOK)
        first.types("")
        first.sees(DRIVE)
        first.types("q")
        assert first.ends() == 0
    kept = reservation_of(stack, "returning")
    assert kept is not None

    with vehicle(stack, tmp_path, "returning") as second:
        second.sees("This vehicle has a reservation already:")
        second.sees(DRIVE)
        second.types("n")
        second.sees(CANCEL)
        second.types("n")
        second.sees("The reservation stays")
        assert second.ends() == 0
        assert BOOK not in second.screen
    assert reservation_of(stack, "returning") == kept

    with vehicle(stack, tmp_path, "returning") as third:
        third.sees(DRIVE)
        third.types("n")
        third.sees(CANCEL)
        third.types("y")
        third.sees("The reservation is cancelled")
        assert third.ends() == 0
    assert reservation_of(stack, "returning") is None


def test_what_was_reserved_is_what_is_charged(stack: Stack, tmp_path: Path) -> None:
    """At 20.5 percent a battery of 24.9 kWh lacks 19.8 kWh, which cost 17.82."""
    words = ("--capacity", "24.9", "--battery", "20.5", "--critical", "21")
    with vehicle(stack, tmp_path, "promised", *words) as terminal:
        terminal.sees(BOOK)
        terminal.types("y")
        terminal.sees("17.82 (0.90 per kWh)")
        terminal.sees(DRIVE)
        terminal.types("y")
        terminal.sees("with 19.8 kWh for 17.82; left the charging point")
        assert terminal.ends() == 0


@pytest.mark.parametrize("protocol", ["mqtt5", "mqtt311", "tcp"])
@pytest.mark.parametrize("seed", ["1", "2"])
def test_an_unattended_vehicle_pays_what_was_reserved(stack: Stack, protocol: str, seed: str) -> None:
    name = ("--name", f"pays-{protocol}-{seed}", "--protocol", protocol, "--seed", seed)
    words = ("--battery", "20.04", "--critical", "20.1", "--capacity", "60", "--time-scale", "600")
    driven = stack.recharge("vehicle", "--yes", *name, *PLACE, *words)
    assert driven.returncode == 0, driven.stdout + driven.stderr
    reserved = re.search(r"Reserved point .*, for ([0-9.]+)\n", driven.stdout)
    charged = re.search(r"kWh for ([0-9.]+); left the charging point", driven.stdout)
    assert reserved
    assert charged
    assert charged[1] == reserved[1]


def test_a_location_that_is_no_number_is_asked_for_again(stack: Stack, tmp_path: Path) -> None:
    with charger(stack, tmp_path, "placed") as terminal:
        for question, value in (("kilometres east: ", "31,5"), ("Kilometres north: ", "-2")):
            terminal.sees(question)
            for answer in ("abc", "", "nan", "inf", "1e999", "1_0"):
                terminal.types(answer)
                terminal.sees("Please enter a number of kilometres")
                terminal.sees(question)
            terminal.types(value)
        terminal.sees("Station")
        terminal.sees("at (31.5, -2)")
        terminal.types("q")
        terminal.sees("The charger is offline; its station stays registered")
        assert terminal.ends() == 0


@pytest.mark.parametrize("way", ["q", "end of input"])
@pytest.mark.parametrize("question", ["kilometres east: ", "Kilometres north: "])
def test_quitting_before_the_location_registers_nothing(
    stack: Stack, tmp_path: Path, question: str, way: str
) -> None:
    with charger(stack, tmp_path, "nowhere") as terminal:
        terminal.sees("kilometres east: ")
        if question == "Kilometres north: ":
            terminal.types("77")
            terminal.sees(question)
        QUITS[way][0](terminal)
        terminal.sees("Nothing was registered")
        assert terminal.ends() == 0
    assert not list(tmp_path.rglob("charger-nowhere.json"))


def test_the_menu_asks_until_it_understands(stack: Stack, tmp_path: Path) -> None:
    with charger(stack, tmp_path, "menu", "--x", "200", "--y", "0", "--points", "2") as terminal:
        terminal.sees("[1] points  [2] reservations  [3] out of order  [4] price  [q] quit")
        for answer in ("", "5", "price", "11"):
            terminal.types(answer)
            terminal.sees("Please type 1, 2, 3, 4 or q")
        terminal.types("4")
        terminal.sees("Which point? ")
        for answer in ("7", "x", ""):
            terminal.types(answer)
            terminal.sees("Please type one of 1, 2; q quits")
        terminal.types("2")
        terminal.sees("Price per kWh? ")
        for answer in ("nan", "inf", "-1", "free", "", "1e999"):
            terminal.types(answer)
            terminal.sees("Please enter a price of 0 or more")
            terminal.sees("Price per kWh? ")
        terminal.types("0,25")
        terminal.sees("One kWh now costs 0.25 at point 2")
        assert [point.kwh_price for point in points_at(stack, "menu", 200, 0)] == [0.9, 0.25]
        terminal.types("4")
        terminal.sees("Which point? ")
        terminal.types("1")
        terminal.sees("Price per kWh? ")
        terminal.types("q")
        terminal.sees("The charger is offline; its station stays registered")
        assert terminal.ends() == 0
    assert [point.kwh_price for point in points_at(stack, "menu", 200, 0)] == [0.9, 0.25]


@pytest.mark.parametrize("way", QUITS)
def test_a_menu_can_be_left_at_every_question(stack: Stack, tmp_path: Path, way: str) -> None:
    for keys in ([], ["3"], ["4"], ["4", "1"]):
        with charger(stack, tmp_path, "left", "--x", "300", "--y", "0") as terminal:
            terminal.sees("[q] quit")
            for key, question in zip(keys, ("Which point? ", "Price per kWh? "), strict=False):
                terminal.types(key)
                terminal.sees(question)
            QUITS[way][0](terminal)
            assert terminal.ends() == 0
            assert "Traceback" not in terminal.screen


def test_a_name_of_another_client_is_no_style(stack: Stack, tmp_path: Path) -> None:
    words = ("x=400", "y=0", "actualBatteryPercentage=20", "batteryCapacity=40")
    with charger(stack, tmp_path, "plain", "--x", "400", "--y", "0") as terminal:
        terminal.sees("[q] quit")
        asked = stack.recharge("request", "--tcp", "scheduleReservation", "vid=[/red]:car:", *words)
        assert asked.returncode == 0, asked.stderr
        terminal.types("2")
        terminal.sees("[/red]:car:")
        terminal.types("q")
        assert terminal.ends() == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("vehicle", "--battery", "1000"), "'1000' is not from 0 to 100 percent"),
        (("vehicle", "--battery", "-1"), "'-1' is not from 0 to 100 percent"),
        (("vehicle", "--battery", "nan"), "'nan' is not a number"),
        (("vehicle", "--critical", "100"), "'100' is not at least 0 and below 100 percent"),
        (("vehicle", "--critical", "101"), "'101' is not at least 0 and below 100 percent"),
        (("vehicle", "--capacity", "0"), "'0' is not above 0"),
        (("vehicle", "--x", "1_0"), "'1_0' is not a number"),
        (("vehicle", "--time-scale", "1e300"), "'1e300' is not from 0.001 to 1000000"),
        (("charger", "--price", "-0.1"), "'-0.1' is below 0"),
        (("charger", "--power", "inf"), "'inf' is not a number"),
        (("request", "findReservation", "--timeout", "nan"), "'nan' is not a number above 0"),
        (("request", "findReservation", "--timeout", "1e300"), "'1e300' is more than a day"),
    ],
)
def test_a_number_that_cannot_be_is_refused(stack: Stack, words: tuple[str, ...], sentence: str) -> None:
    ended = stack.recharge(*words[:-2], f"{words[-2]}={words[-1]}")
    assert ended.returncode == 2
    assert sentence in ended.stderr
