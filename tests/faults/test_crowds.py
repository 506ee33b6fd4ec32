"""200 vehicles at one point in the same instant, over MQTT and TCP."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cloud_service.mqtt.requester import Requester
from recharge import tcp as legacy
from tests.faults.checker import FIVE_MINUTES
from tests.faults.kept import kept_by
from tests.kit.postgres import Postgres
from tests.kit.processes import HOST, Stack
from tests.kit.scale import Scale
from tests.kit.shared_stack import SharedStack

VEHICLES = 200
SERVICES = 4


@pytest.mark.timeout(3600)
def test_200_vehicles_at_one_point(tmp_path: Path, scale: Scale, figure: Callable[[str], None]) -> None:
    rounds = scale(share=8, full=500)
    with Stack(tmp_path, log_level="warning") as stack:
        asyncio.run(_rounds(stack, rounds))
        _check_kept(stack)
    figure(f"{VEHICLES} vehicles at one point at once, half over MQTT and half over TCP: {rounds} rounds")


@pytest.mark.timeout(3600)
def test_200_vehicles_at_one_point_through_several_services(
    tmp_path: Path, scale: Scale, figure: Callable[[str], None]
) -> None:
    rounds = scale(share=3, full=100)
    with (
        Postgres(tmp_path / "postgres.log") as postgres,
        SharedStack(tmp_path, state=postgres.new_database(), services=SERVICES) as stack,
    ):
        asyncio.run(_rounds(stack, rounds))
        _check_kept(stack)
    figure(
        f"{VEHICLES} vehicles at one point at once through {SERVICES} services on PostgreSQL,"
        f" half over MQTT and half over TCP: {rounds} rounds"
    )


def _check_kept(stack: Stack) -> None:
    kept = kept_by(stack)
    assert list(kept.findings) == []
    assert len(kept.tables.reservations) == VEHICLES


async def _rounds(stack: Stack, rounds: int) -> None:
    async with Requester(stack.address, "operator") as operator:
        station = await operator.request("newChargingStation", {"x_position": 0, "y_position": 0})
        for number in range(1, rounds + 1):
            equipment = {"power": 50, "kWhPrice": 1, "availability": "livre"}
            point = await operator.request("newChargingPoint", {"chargingStationID": station, **equipment})
            assert point == number, "an ID was given twice"
            rows = await _book_at_once(stack, operator, number)
            _check(rows, point)
            if number < rounds:
                values = {"chargingStationID": station, "chargingPointID": point}
                assert await operator.request("deleteChargingPoint", values) == "Sucesso"


async def _book_at_once(stack: Stack, operator: Requester, number: int) -> list[dict[str, Any]]:
    random = Random(number)

    def values(vehicle: int) -> dict[str, Any]:
        percentage = random.randint(0, 95)
        return {"vid": vehicle, "x": 1, "y": 1, "actualBatteryPercentage": percentage, "batteryCapacity": 40}

    rows: list[dict[str, Any]] = await asyncio.gather(
        *(operator.request("scheduleReservation", values(vehicle)) for vehicle in range(VEHICLES // 2)),
        *(
            legacy.request("scheduleReservation", values(vehicle), host=HOST, port=stack.tcp_port)
            for vehicle in range(VEHICLES // 2)
        ),
    )
    return rows


def _check(rows: list[dict[str, Any]], point: int) -> None:
    assert {row["chargingPointID"] for row in rows} == {point}
    assert sorted(row["reservationID"] for row in rows) == list(range(1, VEHICLES + 1))
    times = sorted((_moment(row["startDateTime"]), _moment(row["finishDateTime"])) for row in rows)
    for before, after in pairwise(times):
        assert after[0] == before[1] + FIVE_MINUTES, (
            f"{before} and {after}: too close, or with a gap that was not used"
        )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
