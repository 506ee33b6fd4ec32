"""Which station and points a charger registers."""

import asyncio
from typing import cast

from recharge import Charger
from recharge.simulator.registration import RegisteredStation, WantedStation, register
from recharge.simulator.saved_station import SavedStation
from tests.unit.recharge.simulator.fakes import FakeCharger


class Registration:
    """Registers stations with one charger, and keeps what it saves."""

    def __init__(self) -> None:
        self.charger = FakeCharger()
        self.saved: list[SavedStation] = []

    def register(self, wanted: WantedStation) -> RegisteredStation:
        saved = self.saved[-1] if self.saved else None
        return asyncio.run(register(cast(Charger, self.charger), wanted, saved, self.saved.append))


def test_a_new_station_has_two_points_of_22_kw() -> None:
    registered = Registration().register(WantedStation(1, 2))
    assert [(point.power, point.kwh_price) for point in registered.points] == [(22, 0.9), (22, 0.9)]


def test_the_location_is_saved_before_the_registration() -> None:
    registration = Registration()
    registered = registration.register(WantedStation(1, 2))
    assert registration.saved == [
        SavedStation(1, 2),
        SavedStation(1, 2, registered.station.station_id, registered.points),
    ]


def test_a_second_run_changes_what_the_owner_asks_for_and_keeps_the_rest() -> None:
    registration = Registration()
    first = registration.register(WantedStation(1, 2, points=3, power=11))
    second = registration.register(WantedStation(1, 5, kwh_price=0))
    assert second.station.station_id == first.station.station_id
    assert (second.station.x, second.station.y) == (1, 5)
    assert [(point.power, point.kwh_price) for point in second.points] == [(11, 0)] * 3


def test_fewer_points_are_wanted_but_none_is_deleted() -> None:
    registration = Registration()
    registration.register(WantedStation(1, 2, points=3))
    assert len(registration.register(WantedStation(1, 2, points=1)).points) == 3


def test_descriptions_that_the_owner_gives_are_registered_and_changed() -> None:
    registration = Registration()
    first = registration.register(WantedStation(1, 2, name="Town hall", address="Main Street 1"))
    assert (first.station.name, first.station.address) == ("Town hall", "Main Street 1")
    assert [point.connector for point in first.points] == [None, None]
    second = registration.register(WantedStation(1, 2, points=3, name="Library", connector="CHADEMO"))
    assert second.station.name == "Library"
    assert [point.connector for point in second.points] == ["CHADEMO"] * 3
    third = registration.register(WantedStation(1, 2))
    assert [point.connector for point in third.points] == ["CHADEMO"] * 3
