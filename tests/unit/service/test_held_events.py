"""Events that wait for those of other services."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cloud_service.core.changes import Event
from cloud_service.core.records import Reservation, VehicleKey
from cloud_service.service.database_engine.held_events import MOST_AT_ONCE, HeldBatch, HeldEvents

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def batch(number: int, *vehicles: str) -> HeldBatch:
    events = [
        Event("reservationScheduled", NOW, "requested", reservation(vehicle), "owner") for vehicle in vehicles
    ]
    return HeldBatch(list(range(number, number + len(events))), events)


def reservation(vehicle: str) -> Reservation:
    return Reservation(
        reservation_id=1,
        station_id=1,
        point_id=1,
        power=10,
        kwh_price=1,
        vehicle_id=vehicle,
        start=NOW,
        finish=NOW + timedelta(hours=1),
        duration=1,
        price=10,
        legacy=False,
    )


def nobody(asked: Sequence[tuple[VehicleKey, int]]) -> set[tuple[VehicleKey, int]]:
    return set()


def test_what_waits_for_nobody_is_released_in_the_order_of_its_numbers() -> None:
    held = HeldEvents()
    held.hold([batch(7, "bia"), batch(3, "ana", "caio")])
    assert len(held) == 3
    assert [each.numbers[0] for each in held.release(nobody)] == [3, 7]
    assert len(held) == 0
    assert not held.concerns(batch(9, "ana"))


def test_a_later_event_of_a_vehicle_waits_for_the_earlier_one() -> None:
    held = HeldEvents()
    held.hold([batch(1, "ana"), batch(2, "ana", "bia"), batch(4, "bia"), batch(5, "caio")])
    released = held.release(lambda asked: {((False, "ana"), 1)}.intersection(asked))
    assert [each.numbers[0] for each in released] == [5]
    assert held.concerns(batch(9, "bia"))
    assert not held.concerns(batch(9, "caio"))
    assert [each.numbers[0] for each in held.release(nobody)] == [1, 2, 4]


def test_an_earlier_event_of_a_vehicle_does_not_wait_for_what_a_later_one_waits_for() -> None:
    held = HeldEvents()
    held.hold([batch(1, "ana"), batch(3, "ana")])
    released = held.release(lambda asked: {((False, "ana"), 3)}.intersection(asked))
    assert [each.numbers[0] for each in released] == [1]
    assert held.concerns(batch(9, "ana")), "the later one waits still"
    assert [each.numbers[0] for each in held.release(nobody)] == [3]


def test_of_very_many_only_the_oldest_are_asked_about() -> None:
    held = HeldEvents()
    held.hold(batch(number, f"car-{number}") for number in range(2 * MOST_AT_ONCE + 1))
    sizes = list[int]()

    def waiting(asked: Sequence[tuple[VehicleKey, int]]) -> set[tuple[VehicleKey, int]]:
        sizes.append(len(asked))
        return set()

    while held:
        held.release(waiting)
    assert sizes == [MOST_AT_ONCE, MOST_AT_ONCE, 1]
