"""A car on its way."""

from random import Random

import pytest

from recharge.simulator.driving import CONSUMPTION, RANGE, SPEED, Car, charge, distance, drive, drive_to


def journey(seed: int, steps: int = 500) -> list[Car]:
    random = Random(seed)
    cars = [Car(x=0.0, y=0.0, battery=100.0, capacity=200.0)]
    for _ in range(steps):
        cars.append(drive(cars[-1], 0.01, random))
    return cars


def test_the_same_seed_drives_the_same_way_and_another_one_does_not() -> None:
    assert journey(1) == journey(1)
    assert journey(1)[-1] != journey(2)[-1]


def test_driving_about_drains_the_battery_by_the_way_driven() -> None:
    cars = journey(3, steps=100)
    energy = SPEED * 0.01 * 100 * CONSUMPTION
    assert cars[-1].battery == pytest.approx(100 - 100 * energy / 200)


@pytest.mark.parametrize("seed", range(20))
def test_a_car_stays_near_its_home(seed: int) -> None:
    assert max(distance(car, 0, 0) for car in journey(seed)) < 2 * RANGE


def test_a_battery_ends_at_nothing() -> None:
    assert drive(Car(0, 0, battery=0.1, capacity=10), 5, Random(1)).battery == 0


def test_a_car_drives_straight_to_a_place_and_stops_there() -> None:
    car = Car(x=1.0, y=1.0, battery=50.0)
    half = drive_to(car, 4.0, 5.0, 2.5 / SPEED)
    assert (half.x, half.y) == pytest.approx((2.5, 3.0))
    there = drive_to(half, 4.0, 5.0, 10)
    assert (there.x, there.y) == (4.0, 5.0)
    assert drive_to(there, 4.0, 5.0, 10) == there


def test_charging_fills_the_battery_and_no_more() -> None:
    car = Car(0, 0, battery=20.0, capacity=40.0)
    assert car.needs == 32
    assert charge(car, 16).battery == pytest.approx(60)
    assert charge(car, 100).battery == 100
