"""Stations with absurd numbers: what one charger registers spoils nobody's choice among the others."""

from datetime import timedelta
from typing import Any

import pytest

from cloud_service.protocol.errors import BadRequest, NotFound
from tests.unit.service.engine.handlers.test_rules import World

AT_HOME = {"x": 0, "y": 0, "actualBatteryPercentage": 50, "batteryCapacity": 20}
CHOOSING: tuple[dict[str, Any], ...] = (
    {},
    {"objective": "earliest"},
    {"objective": "soonest", "speed": 50},
    {"objective": "cheapest"},
)


@pytest.fixture
def world() -> World:
    """A network with a station that anybody would use."""
    world = World()
    world.point(world.station(x=1))
    return world


def ask(world: World, action: str, **wishes: Any) -> Any:
    return world.ask("eve", action, **AT_HOME, **wishes)


def absurd(world: World, x: float = 0, **values: Any) -> None:
    """A point of mallory's."""
    station = world.station(x=x, owner="mallory")
    point = {"power": 22, "kWhPrice": 1, "availability": "livre", **values}
    world.ask("mallory", "newChargingPoint", chargingStationID=station, **point)


@pytest.mark.parametrize("wishes", CHOOSING)
@pytest.mark.parametrize("price", [{"tariff": [{"kWhPrice": 1.7e308}]}, {"kWhPrice": 1.7e308}])
def test_a_price_beyond_all_numbers_is_passed_over(
    world: World, price: dict[str, Any], wishes: dict[str, Any]
) -> None:
    absurd(world, **price)
    (offer,) = ask(world, "quoteReservation", **wishes)
    assert offer["chargingStationID"] == 1
    assert ask(world, "scheduleReservation", **wishes)["chargingStationID"] == 1


@pytest.mark.parametrize("price", [{"tariff": [{"kWhPrice": 1.7e308}]}, {"kWhPrice": 1.7e308}])
def test_the_highest_price_that_somebody_pays_rules_it_out(world: World, price: dict[str, Any]) -> None:
    absurd(world, **price)
    assert ask(world, "scheduleReservation", maxPrice=2)["chargingStationID"] == 1


def test_it_is_no_offer_after_the_nearest(world: World) -> None:
    absurd(world, x=5, tariff=[{"kWhPrice": 1.7e308}])
    (offer,) = ask(world, "quoteReservation")
    assert offer["chargingStationID"] == 1


def test_a_price_beyond_all_numbers_is_refused_where_there_is_no_other() -> None:
    world = World()
    absurd(world, tariff=[{"kWhPrice": 1.7e308}])
    for wishes in CHOOSING:
        with pytest.raises(BadRequest, match="the price is out of range"):
            ask(world, "scheduleReservation", **wishes)


@pytest.mark.parametrize("horizon", [timedelta(days=30), timedelta(0)])
def test_a_station_that_no_vehicle_reaches_is_passed_over(horizon: timedelta) -> None:
    world = World(horizon=horizon)
    world.point(world.station(x=1))
    absurd(world, x=1e300)
    for wishes in ({"objective": "soonest", "speed": 50}, {"speed": 50, "offers": 10}):
        (offer,) = ask(world, "quoteReservation", **wishes)
        assert offer["chargingStationID"] == 1


def test_the_speed_rules_out_what_no_vehicle_reaches() -> None:
    world = World()
    absurd(world, x=1e300)
    with pytest.raises(NotFound, match="ruled out are speed: 1 station"):
        ask(world, "scheduleReservation", speed=50)


def test_a_price_that_no_file_could_keep_is_refused() -> None:
    world = World()
    for tariff in ([{"kWhPrice": 10**400}], [{"kWhPrice": 1}, {"kWhPrice": 10**400, "start_time": "08:00"}]):
        with pytest.raises(BadRequest, match="tariff is out of range"):
            absurd(world, tariff=tariff)
