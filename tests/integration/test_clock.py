"""A wall clock that jumps, under a real service."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.integration.service_with_clock import set_off, with_clock
from tests.kit.people import Place, moment, people_of
from tests.kit.processes import Stack
from tests.kit.refusals import refused
from tests.kit.waiting import wait_until

YEAR_SECONDS = 365 * 24 * 3600
PLACE = Place(3, 4)


def test_a_clock_a_year_ahead_finishes_nothing_until_an_operator_restarts_the_service(tmp_path: Path) -> None:
    file = tmp_path / "off"
    set_off(file, 0)
    stack = Stack(tmp_path)
    stack.service = with_clock(stack, file)

    def said(text: str) -> None:
        wait_until(lambda: text in stack.service.log.read_text(), f"the log says {text!r}")

    with stack, people_of(stack) as people:
        station = people.charger().with_point(PLACE)
        vehicle, legacy = people.vehicle(), people.over_tcp().vehicle()
        booked = vehicle.book(PLACE)

        set_off(file, YEAR_SECONDS)
        said("jumped by +31,536,000 s")
        assert vehicle.find() == booked
        meanwhile = legacy.book(PLACE)
        assert meanwhile["chargingStationID"] == station
        assert moment(booked, "finishDateTime") < datetime.now(UTC) + timedelta(hours=2)
        set_off(file, 0)
        said("the clock is right again")
        assert [vehicle.find(), legacy.find()] == [booked, meanwhile]

        set_off(file, YEAR_SECONDS)
        stack.service.stop()
        stack.start_service()
        with refused("NOT_FOUND"):
            vehicle.find()
