"""What the screens print, on a terminal of 60 columns too."""

import asyncio
import io

import pytest
from rich.console import Console

from cloud_service.language.language import ENGLISH, Language
from recharge.simulator.car import Car
from recharge.simulator.observer import Activity, Booked, Progress, Question
from recharge.terminal.screen import Lines, PlainScreen, TerminalScreen
from tests.unit.recharge.samples import reservation

CAR = Car(0, 0, battery=42.0)


def narrow_terminal() -> Console:
    return Console(file=io.StringIO(), width=60, force_terminal=True, color_system=None)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def redirected() -> Console:
    return Console(file=io.StringIO(), width=60)


def test_redirected_output_has_one_line_for_each_report() -> None:
    console = redirected()
    Lines(console, ENGLISH, "demo-vehicle-1").report(Booked(reservation(), 2.5))
    assert printed(console).count("\n") == 1
    assert "demo-vehicle-1  Reserved point 2 of station 3, 50 kW" in printed(console)


def test_redirected_output_has_one_line_for_each_tenth_of_the_battery() -> None:
    console = redirected()
    screen = PlainScreen(console, ENGLISH)
    for battery in (42, 41.9, 40.1, 39.9, 39.0):
        screen.progress(Progress(Car(0, 0, battery), Activity.CHARGING))
    assert [line[10:] for line in printed(console).splitlines()] == [
        "Charging: battery at 42%",
        "Charging: battery at 40%",
    ]


@pytest.mark.parametrize("activity", Activity)
def test_the_battery_fits_in_60_columns(activity: Activity, portuguese: Language) -> None:
    for say in (ENGLISH, portuguese):
        console = narrow_terminal()
        with TerminalScreen(console, say, None) as screen:
            screen.progress(Progress(CAR, activity, minutes_left=1234))
        shown = [line for line in printed(console).splitlines() if "42%" in line]
        assert shown
        for line in shown:
            assert line.rstrip().endswith(say("{minutes} min to go", minutes=say.number(1234, 0)))


def test_a_booking_is_a_table_on_a_terminal() -> None:
    console = narrow_terminal()
    with TerminalScreen(console, ENGLISH, None) as screen:
        screen.report(Booked(reservation(), 2.5))
    assert "3, 2.5 km away" in printed(console)
    assert "45.00 (0.90 per kWh)" in printed(console)


def test_without_a_keyboard_the_driver_agrees() -> None:
    with TerminalScreen(narrow_terminal(), ENGLISH, None) as screen:
        assert asyncio.run(screen.agrees(Question.BOOK, CAR))
