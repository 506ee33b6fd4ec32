"""What a charger tells of its charges becomes requests, each once, and nothing is lost with the gateway."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from cloud_service.ocpp.charges import Charges
from cloud_service.ocpp.leniencies import Leniencies
from cloud_service.ocpp.told import Ended, Meter, Metered, Started
from cloud_service.protocol.errors import NotFound
from cloud_service.protocol.ocpp import ChargerRecord

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
POINT = {"chargingStationID": 4, "chargingPointID": 1}


class Bench:
    """The charges of one charger, whose point 1 is connector 1. It is the service and the broker too."""

    def __init__(self) -> None:
        self.record = ChargerRecord("accepted", True, "ocpp-gateway", NOON, station=4, points={1: 1})
        self.asked: list[tuple[str, dict[str, Any]]] = []
        """What was asked of the service: the action, and its values without the point's."""
        self.ids: set[str] = set()
        self.gone = False
        """Whether the service has no session any more."""
        self.refuses = False
        """Whether no vehicle may charge."""
        self.leniencies = Leniencies()
        self.restart()

    def restart(self) -> None:
        """Another gateway takes over, which knows only what the broker has."""
        self.charges = Charges("post-7", self, self, self.leniencies, self._vehicle_of)

    async def keep(self, record: ChargerRecord) -> None:
        self.record = record

    async def request(self, action: str, values: Mapping[str, Any], *, request_id: str | None = None) -> Any:
        if request_id is not None:
            if request_id in self.ids:
                return None
            self.ids.add(request_id)
        assert POINT.items() <= values.items()
        self.asked.append((action, {key: value for key, value in values.items() if key not in POINT}))
        if self.gone and action in ("meterCharging", "finishCharging"):
            raise NotFound
        return None

    async def start(self, *, ago: timedelta = timedelta(), meter: float = 10.0) -> str:
        """Returns the transaction."""
        at = NOON - ago
        outcome = await self.charges.start(Started(1, "ana", meter, at), at.isoformat(), NOON)
        assert outcome.accepted
        return outcome.transaction

    async def measure(self, transaction: str, energy: float | None, power: float | None = None) -> None:
        await self.charges.measure(Metered(1, transaction, Meter(energy, power), NOON), NOON)

    async def stop(self, transaction: str, meter: float | None, ago: timedelta = timedelta()) -> None:
        await self.charges.stop(Ended(transaction, meter=meter, at=NOON - ago), NOON)

    async def _vehicle_of(self, tag: str) -> str | None:
        return None if self.refuses else tag


def _names(record: ChargerRecord) -> list[str]:
    return [each.transaction for each in record.transactions]


async def test_readings_are_told_while_the_vehicle_charges() -> None:
    bench = Bench()
    transaction = await bench.start()
    await bench.measure(transaction, 12.5, 7.2)
    await bench.measure(transaction, 13.0)
    await bench.measure(transaction, 13.0)
    await bench.measure(transaction, 13.0, 0.0)
    await bench.stop(transaction, 14.0)
    assert bench.asked == [
        ("startCharging", {"vehicleID": "ana"}),
        ("meterCharging", {"energy": 2.5, "power": 7.2}),
        ("meterCharging", {"energy": 3.0, "power": 7.2}),
        ("meterCharging", {"energy": 3.0, "power": 7.2}),
        ("meterCharging", {"energy": 3.0, "power": 0.0}),
        ("finishCharging", {"energy": 4.0}),
    ]


async def test_an_older_reading_takes_nothing_back() -> None:
    bench = Bench()
    transaction = await bench.start()
    await bench.measure(transaction, 15.0, 11.0)
    await bench.measure(transaction, 12.0, 3.0)
    assert bench.asked[1:] == [("meterCharging", {"energy": 5.0, "power": 11.0})] * 2
    await bench.stop(transaction, None)
    assert bench.asked[-1] == ("finishCharging", {"energy": 5.0})


async def test_a_power_alone_tells_no_energy() -> None:
    bench = Bench()
    transaction = await bench.start()
    await bench.measure(transaction, None, 7.0)
    assert [action for action, _ in bench.asked] == ["startCharging"]


async def test_a_session_that_the_service_has_ended_is_measured_on() -> None:
    bench = Bench()
    transaction = await bench.start()
    bench.gone = True
    await bench.measure(transaction, 11.0)
    await bench.stop(transaction, 12.0)
    assert bench.record.transactions == ()


async def test_readings_go_on_with_another_gateway() -> None:
    bench = Bench()
    transaction = await bench.start()
    bench.restart()
    assert await bench.start() == transaction
    await bench.measure(transaction, 10.5)
    assert bench.asked == [("startCharging", {"vehicleID": "ana"}), ("meterCharging", {"energy": 0.5})]


@pytest.mark.parametrize(("meter", "energy"), [(18.0, 8.0), (10.0, None), (None, None)])
async def test_the_energy_of_a_charge_that_goes_on_although_it_was_refused_is_booked(
    meter: float | None, energy: float | None
) -> None:
    bench = Bench()
    bench.refuses = True
    began = NOON - timedelta(minutes=2)
    outcome = await bench.charges.start(Started(1, "ana", 10.0, began), "", NOON)
    assert not outcome.accepted
    await bench.stop(outcome.transaction, meter)
    booked = [(action, values["energy"]) for action, values in bench.asked]
    assert booked == ([] if energy is None else [("recordCharging", energy)])
    assert bench.record.transactions == ()


async def test_each_end_without_a_name_ends_the_only_charge() -> None:
    bench = Bench()
    await bench.stop("-1", 18.0)
    for meter in (10.0, 20.0):
        transaction = await bench.start(meter=meter)
        await bench.stop("-1", meter + 5)
        assert bench.record.transaction(transaction) is None
    assert bench.asked[1::2] == [("finishCharging", {"energy": 5.0})] * 2


async def test_a_charge_at_a_point_that_is_gone_ends_without_the_service() -> None:
    bench = Bench()
    transaction, old = await bench.start(), await bench.start(ago=timedelta(days=2))
    bench.record = replace(bench.record, points={2: 1})
    await bench.measure(transaction, 15.0)
    for each in (transaction, old):
        await bench.stop(each, 18.0)
    assert bench.record.transactions == ()
    assert bench.asked == [("startCharging", {"vehicleID": "ana"})]


async def test_nothing_happens_twice_if_a_gateway_dies_before_the_broker_knows_it() -> None:
    bench = Bench()
    before = bench.record
    await bench.start()
    bench.record = before
    bench.restart()
    transaction = await bench.start()
    before = bench.record
    await bench.stop(transaction, 12.0)
    bench.record = before
    bench.restart()
    await bench.stop(transaction, 12.0)
    assert bench.asked == [("startCharging", {"vehicleID": "ana"}), ("finishCharging", {"energy": 2.0})]


async def test_a_charge_that_began_unseen_is_measured_once_it_is_a_session() -> None:
    bench = Bench()
    transaction = await bench.start(ago=timedelta(hours=2))
    assert bench.asked == []
    await bench.measure(transaction, 15.0)
    assert bench.asked == [("startCharging", {"vehicleID": "ana"}), ("meterCharging", {"energy": 5.0})]


class TestOffline:
    BEGAN, ENDED = timedelta(days=2), timedelta(days=1, hours=23)
    RECORDED = (
        "recordCharging",
        {
            "startDateTime": (NOON - BEGAN).isoformat(),
            "finishDateTime": (NOON - ENDED).isoformat(),
            "energy": 8.0,
            "vehicleID": "ana",
        },
    )

    async def test_a_charge_that_is_over_is_booked_once(self) -> None:
        bench = Bench()
        for _ in range(3):
            transaction = await bench.start(ago=self.BEGAN)
            await bench.stop(transaction, 18.0, self.ENDED)
            bench.restart()
        assert bench.asked == [self.RECORDED]
        assert bench.record.transactions == ()
        assert bench.leniencies.all == ()

    async def test_also_if_its_end_is_told_before_its_begin(self) -> None:
        bench = Bench()
        await bench.charges.stop(Ended("x", meter=18.0, at=NOON - self.ENDED), NOON)
        bench.restart()
        for meter in (None, 10.0, 10.0):  # a reading with the tag comes first, and the begin twice
            started = Started(1, "ana", meter, NOON - self.BEGAN, "x")
            assert (await bench.charges.start(started, "", NOON)).accepted
        assert bench.asked == [self.RECORDED]
        assert (bench.record.transactions, bench.record.early_ends) == ((), ())

    async def test_ends_without_a_begin_are_bounded(self) -> None:
        bench = Bench()
        open_one = await bench.start()
        for number in range(200):
            await bench.stop(f"x{number}", 18.0, self.ENDED)
        assert 0 < len(bench.record.early_ends) < 100
        assert _names(bench.record) == [open_one]

    async def test_what_is_kept_of_charges_is_bounded(self) -> None:
        bench = Bench()
        for meter in range(200):
            await bench.stop(await bench.start(ago=self.BEGAN, meter=meter), 300.0, self.ENDED)
        for meter in range(200):
            last = await bench.start(ago=self.ENDED, meter=meter)
        assert len(bench.record.closed) < 100
        assert len(bench.record.transactions) < 100
        assert bench.record.transaction(last) is not None

    async def test_once_also_if_the_gateway_died_before_the_broker_knew(self) -> None:
        bench = Bench()
        transaction = await bench.start(ago=self.BEGAN)
        before = bench.record
        await bench.stop(transaction, 18.0, self.ENDED)
        bench.record = before
        bench.restart()
        await bench.stop(transaction, 18.0, self.ENDED)
        assert bench.asked == [self.RECORDED]

    async def test_it_ends_no_session_of_another_charge(self) -> None:
        bench = Bench()
        now = await bench.start()
        old = await bench.start(ago=self.BEGAN)
        await bench.stop(old, 18.0, self.ENDED)
        assert bench.asked == [("startCharging", {"vehicleID": "ana"}), self.RECORDED]
        assert _names(bench.record) == [now]

    async def test_an_end_of_now_is_not_in_the_future_of_a_service_whose_clock_is_behind(self) -> None:
        bench = Bench()
        transaction = await bench.start(ago=self.BEGAN)
        await bench.stop(transaction, 18.0, -timedelta(hours=1))
        ((_, values),) = bench.asked
        assert datetime.fromisoformat(values["finishDateTime"]) <= NOON - timedelta(seconds=5)

    async def test_without_energy_nothing_is_booked(self) -> None:
        bench = Bench()
        transaction = await bench.start(ago=self.BEGAN)
        await bench.stop(transaction, None, self.ENDED)
        assert bench.asked == []
        assert bench.leniencies.all == ("told no energy of a charge while it was not connected",)

    async def test_a_clock_without_seconds_makes_no_charge_of_no_length(self) -> None:
        bench = Bench()
        transaction = await bench.start(ago=self.BEGAN)
        await bench.stop(transaction, 18.0, self.BEGAN)
        ((_, values),) = bench.asked
        assert values["finishDateTime"] == (NOON - self.BEGAN + timedelta(seconds=1)).isoformat()
