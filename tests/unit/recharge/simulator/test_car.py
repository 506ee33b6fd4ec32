"""Driving, consumption and charging of a car."""

from random import Random

import pytest

from recharge.simulator.car import (
    CONSUMPTION_KWH_PER_KM,
    HOME_RADIUS_KM,
    SPEED_KM_PER_HOUR,
    Car,
    charge,
    distance,
    drive,
    drive_to,
)


def journey(seed: int, steps: int = 500) -> list[Car]:
    random = Random(seed)
    cars = [Car(x=0.0, y=0.0, battery=100.0, capacity=200.0)]
    for _ in range(steps):
        cars.append(drive(cars[-1], 0.01, random))
    return cars


def test_the_seed_decides_the_drive() -> None:
    assert journey(1) == journey(1)
    assert journey(1)[-1] != journey(2)[-1]


def test_driving_uses_energy_for_each_kilometre() -> None:
    cars = journey(3, steps=100)
    energy = SPEED_KM_PER_HOUR * 0.01 * 100 * CONSUMPTION_KWH_PER_KM
    assert cars[-1].battery == pytest.approx(100 - 100 * energy / 200)


@pytest.mark.parametrize("seed", range(20))
def test_a_car_stays_near_its_home(seed: int) -> None:
    assert max(distance(car, 0, 0) for car in journey(seed)) < 2 * HOME_RADIUS_KM


def test_a_battery_does_not_go_below_zero() -> None:
    assert drive(Car(0, 0, battery=0.1, capacity=10), 5, Random(1)).battery == 0


def test_a_car_drives_straight_to_a_place_and_stops_there() -> None:
    car = Car(x=1.0, y=1.0, battery=50.0)
    half = drive_to(car, 4.0, 5.0, 2.5 / SPEED_KM_PER_HOUR)
    assert (half.x, half.y) == pytest.approx((2.5, 3.0))
    there = drive_to(half, 4.0, 5.0, 10)
    assert (there.x, there.y) == (4.0, 5.0)
    assert drive_to(there, 4.0, 5.0, 10) == there


def test_charging_stops_at_a_full_battery() -> None:
    car = Car(0, 0, battery=20.0, capacity=40.0)
    assert car.missing_energy == 32
    assert charge(car, 16).battery == pytest.approx(60)
    assert charge(car, 100).battery == 100
