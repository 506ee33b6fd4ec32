"""What follows from what a charger tells, and from what it does not tell."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloud_service.mqtt.requester import OutcomeUnknown
from cloud_service.ocpp.clocks import ChargerClock
from cloud_service.ocpp.leniencies import Leniencies
from cloud_service.ocpp.story import UNFINISHED, Habits, Story
from cloud_service.ocpp.told import Booted, Meter, Metered, Outcome, Started, Status, StatusTold, TagShown
from cloud_service.protocol.ocpp import ChargerRecord, Place, PlacePoint

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ANSWERS: Mapping[str, Any] = {
    "receiveAllChargingPoints": [{"chargingPointID": 1, "power": 22, "kWhPrice": 0.9}],
    "receiveAllReservations": [
        {"chargingPointID": 1, "vehicleID": vehicle} for vehicle in ("Ana", "Eva", "eva", 7)
    ],
}


class Bench:
    """A charger in its place. It is the service and the broker too."""

    def __init__(self, *, walk_ins: bool = True) -> None:
        self.record = ChargerRecord("accepted", True, "ocpp-gateway", NOON)
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.station = 4
        self.away = False
        """Whether the service does not answer."""
        self.leniencies = Leniencies()
        habits = Habits(300, walk_ins, timedelta(), 15)
        clock = ChargerClock(self.leniencies)
        self.story = Story("post-7", self, self, clock, self.leniencies, habits)
        self.story.stands(Place(3, 4, (PlacePoint(1, 22, 0.9),)))

    async def keep(self, record: ChargerRecord) -> None:
        self.record = record

    async def request(self, action: str, values: Mapping[str, Any], *, request_id: str | None = None) -> Any:
        if self.away:
            raise OutcomeUnknown
        self.asked.append((action, values))
        return self.station if action == "newChargingStation" else ANSWERS.get(action)

    async def hear(self, told: Any) -> Outcome:
        return await self.story.hear(told, "", NOON)

    async def becomes(self, status: Status) -> None:
        await self.hear(StatusTold(1, status, status, NOON))

    async def charges(self) -> None:
        started = await self.hear(Started(1, "ana", 10.0, NOON))
        await self.hear(Metered(1, started.transaction, Meter(13.0), NOON))

    def operational(self) -> list[bool]:
        """What the service was told of the point."""
        return [values["operational"] for action, values in self.asked if action == "updateChargingPoint"]

    def ends(self) -> list[Mapping[str, Any]]:
        return [values for action, values in self.asked if action == "finishCharging"]


async def test_a_charge_whose_end_is_lost_ends_with_its_last_reading() -> None:
    bench = Bench()
    await bench.charges()
    await bench.becomes("free")
    await bench.story.pass_time(NOON + UNFINISHED - SECOND)
    assert bench.ends() == []
    await bench.story.pass_time(NOON + UNFINISHED)
    assert bench.ends() == [{"chargingStationID": 4, "chargingPointID": 1, "energy": 3.0}]
    assert bench.leniencies.all == ("did not tell that a charge had ended",)
    await bench.story.pass_time(NOON + 2 * UNFINISHED)
    assert len(bench.ends()) == 1


@pytest.mark.parametrize("later", ["occupied", "faulted"])
async def test_one_that_only_seems_to_be_over_goes_on(later: Status) -> None:
    bench = Bench()
    await bench.charges()
    await bench.becomes("free")
    await bench.becomes(later)
    await bench.story.pass_time(NOON + 2 * UNFINISHED)
    assert bench.ends() == []
    assert bench.record.session_on(1) is not None


async def test_another_connector_of_its_evse_ends_no_charge() -> None:
    bench = Bench()
    await bench.charges()
    told: tuple[tuple[int, Status], ...] = ((1, "occupied"), (2, "free"), (2, "faulted"))
    for part, status in told:
        await bench.hear(StatusTold(1, status, status, NOON, part))
        await bench.story.pass_time(NOON + 2 * UNFINISHED)
    assert bench.ends() == []
    assert all(bench.operational())


@pytest.mark.parametrize("settled", [True, False])
async def test_a_status_reaches_a_service_that_was_away(*, settled: bool) -> None:
    bench = Bench()
    if settled:
        await bench.becomes("free")
    bench.away = True
    with pytest.raises(OutcomeUnknown):
        await bench.becomes("faulted")
    with pytest.raises(OutcomeUnknown):
        await bench.story.pass_time(NOON)
    bench.away = False
    for _ in range(2):
        await bench.story.pass_time(NOON)
    assert bench.operational()[-1:] == [False]
    assert len(bench.operational()) == 1 + settled


async def test_a_charger_that_moves_ends_its_charges_where_it_was() -> None:
    bench = Bench()
    await bench.charges()
    bench.station = 5
    bench.story.stands(Place(8, 9, (PlacePoint(2, 22, 0.9),)))
    await bench.hear(Booted())
    assert bench.ends() == [{"chargingStationID": 4, "chargingPointID": 1, "energy": 3.0}]
    assert (bench.record.station, bench.record.points) == (5, {2: 1})


async def test_a_charger_without_a_place_has_no_effect() -> None:
    bench = Bench()
    bench.story.stands(None)
    for told in (Booted("Maker"), StatusTold(1, "faulted", "Faulted"), Started(1, "ana", 0.0, NOON)):
        assert not (await bench.hear(told)).accepted
    assert bench.asked == []
    assert bench.record.vendor == "Maker"


@pytest.mark.parametrize(
    ("tag", "vehicle"),
    [("ANA", "Ana"), ("eva", "eva"), ("Eva", "Eva"), ("EVA", "Eva"), ("7", "7"), ("bia", None), ("", None)],
)
async def test_only_vehicles_with_a_reservation(tag: str, vehicle: str | None) -> None:
    accepted = vehicle is not None
    bench = Bench(walk_ins=False)
    assert (await bench.hear(TagShown(tag))).accepted is accepted
    assert (await bench.hear(Started(1, tag, 0.0, NOON))).accepted is accepted
    started = [values for action, values in bench.asked if action == "startCharging"]
    assert [values["vehicleID"] for values in started] == ([vehicle] if accepted else [])
