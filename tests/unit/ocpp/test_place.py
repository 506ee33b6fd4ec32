"""How a charger's place becomes a station and its points, and what statuses change there."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from cloud_service.ocpp.clocks import ChargerClock
from cloud_service.ocpp.leniencies import Leniencies
from cloud_service.ocpp.story import Habits, Story
from cloud_service.ocpp.told import Alive, Started, Status, StatusTold
from cloud_service.protocol.ocpp import ChargerRecord, Place, PlacePoint

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLACE = Place(3, 4, (PlacePoint(1, 22, 0.9), PlacePoint(2, 11, 0.5)))


class Bench:
    """A charger that nobody has seen before, and the service, whose station 4 is empty."""

    def __init__(self) -> None:
        self.record = ChargerRecord("accepted", True, "ocpp-gateway", NOON)
        self.station = 4
        self.points: list[dict[str, Any]] = []
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.leniencies = Leniencies()
        self.connects()

    def connects(self) -> None:
        """Also again: nothing is known but what the broker has."""
        clock, habits = ChargerClock(self.leniencies), Habits(300, True, timedelta(), 15)
        self.story = Story("post-7", self, self, clock, self.leniencies, habits)
        self.story.stands(PLACE)

    async def keep(self, record: ChargerRecord) -> None:
        self.record = record

    async def request(self, action: str, values: Mapping[str, Any], *, request_id: str | None = None) -> Any:
        self.asked.append((action, values))
        if action == "newChargingPoint":
            number = len(self.points) + 7
            self.points.append({**values, "chargingPointID": number})
            return number
        if action == "updateChargingPoint":
            (point,) = (each for each in self.points if each["chargingPointID"] == values["chargingPointID"])
            point.update(values)
        answers = {"newChargingStation": self.station, "receiveAllChargingPoints": self.points}
        return answers.get(action, [])

    async def changes(self, told: Any = None) -> list[tuple[Any, ...]]:
        """What follows from a message: the actions that change something, each with its point."""
        self.asked.clear()
        await self.story.hear(told or Alive(), "", NOON)
        return [
            (action, *(values[key] for key in ("chargingPointID",) if key in values))
            for action, values in self.asked
            if not action.startswith("receive")
        ]

    async def becomes(self, connector: int, status: Status) -> list[tuple[Any, ...]]:
        return await self.changes(StatusTold(connector, status, status, NOON))

    def conditions(self) -> list[tuple[str, bool]]:
        return [(each["availability"], each["operational"]) for each in self.points]


NEW = [("newChargingStation",), ("newChargingPoint",), ("newChargingPoint",)]


async def test_a_station_and_its_points_are_made_once() -> None:
    bench = Bench()
    assert await bench.changes() == NEW
    assert await bench.changes() == []
    bench.connects()
    assert await bench.changes() == [("newChargingStation",)], "which finds the one that there is"
    assert (bench.record.station, bench.record.points) == (4, {1: 7, 2: 8})


async def test_points_that_nobody_has_written_down_are_found_again() -> None:
    bench = Bench()
    await bench.changes()
    bench.record = replace(bench.record, points={})
    bench.connects()
    assert await bench.changes() == [("newChargingStation",)]
    assert bench.record.points == {1: 7, 2: 8}


async def test_a_point_that_is_no_longer_as_the_operator_says_is_changed() -> None:
    bench = Bench()
    await bench.changes()
    bench.story.stands(replace(PLACE, points=(PLACE.points[0], PlacePoint(2, 11, 0.7))))
    assert await bench.changes() == [("newChargingStation",), ("updateChargingPoint", 8)]
    assert [each["kWhPrice"] for each in bench.points] == [0.9, 0.7]


async def test_a_further_point_is_made() -> None:
    bench = Bench()
    await bench.changes()
    bench.story.stands(replace(PLACE, points=(*PLACE.points, PlacePoint(3, 50, 1))))
    assert await bench.changes() == [("newChargingStation",), ("newChargingPoint",)]
    assert bench.record.points == {1: 7, 2: 8, 3: 9}


async def test_one_that_was_deleted_is_made_again() -> None:
    bench = Bench()
    await bench.changes()
    bench.points[1]["chargingPointID"] = 70
    bench.connects()
    assert await bench.changes() == [("newChargingStation",), ("newChargingPoint",)]
    assert bench.record.points == {1: 7, 2: 9}


async def test_at_another_station_nothing_of_the_first_counts() -> None:
    bench = Bench()
    await bench.becomes(1, "faulted")
    bench.station, bench.points = 5, []
    bench.connects()
    assert await bench.changes() == NEW
    assert (bench.record.station, bench.record.statuses) == (5, {})


@pytest.mark.parametrize(
    ("connector", "operational"), [(1, [False, True]), (2, [True, False]), (0, [False, False])]
)
@pytest.mark.parametrize("status", ["faulted", "unavailable"])
async def test_a_status_concerns_its_connector_or_all(
    status: Status, connector: int, operational: list[bool]
) -> None:
    bench = Bench()
    for each in (1, 2):
        await bench.becomes(each, "free")
    assert bench.conditions() == [("livre", True)] * 2
    await bench.becomes(connector, status)
    assert bench.conditions() == [("livre", each) for each in operational]
    assert await bench.becomes(connector, status) == [], "it is known"
    await bench.becomes(connector, "free")
    assert bench.conditions() == [("livre", True)] * 2
    assert await bench.becomes(connector, "free") == [], "it is known"


async def test_a_connector_that_is_no_point_has_no_effect() -> None:
    bench = Bench()
    await bench.changes()
    assert await bench.becomes(3, "faulted") == []
    assert bench.record.statuses == {}
    assert not (await bench.story.hear(Started(3, "ana", 0.0, NOON), "", NOON)).accepted
    assert bench.leniencies.all == ("connector 3: not one of its points",)


async def test_a_plugged_vehicle_occupies_nothing_before_it_charges() -> None:
    bench = Bench()
    await bench.changes()
    assert await bench.becomes(1, "occupied") == []


async def test_a_free_connector_ends_a_session_of_which_the_charger_knows_nothing() -> None:
    bench = Bench()
    await bench.changes()
    assert await bench.becomes(1, "free") == [("updateChargingPoint", 7)]
    assert await bench.changes(Started(1, "ana", 0.0, NOON)) == [("startCharging", 7)]
    await bench.becomes(1, "occupied")
    assert await bench.becomes(1, "free") == [], "the charger still has to tell the end"
