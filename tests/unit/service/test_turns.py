"""Where services that were in each other's way take turns, and for how long."""

from datetime import UTC, datetime, timedelta

from cloud_service.core.changes import Changes
from cloud_service.core.records import Point
from cloud_service.service.database_engine.turns import LASTING, Turns

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CHANGES = Changes(points=(Point(1, 7, 22, 1, "livre"), Point(1, 3, 22, 1, "livre")))


def test_after_two_conflicts_a_service_waits_its_turn_at_what_it_would_have_changed() -> None:
    turns = Turns()
    turns.late([CHANGES], NOW)
    assert turns.stations(NOW) == [], "once may be chance"
    turns.late([CHANGES], NOW)
    assert turns.stations(NOW) == [3, 7]


def test_and_after_a_while_without_conflicts_it_does_not() -> None:
    turns = Turns()
    for _ in range(2):
        turns.late([CHANGES], NOW)
    assert turns.stations(NOW + LASTING - timedelta(milliseconds=1)) == [3, 7]
    assert turns.stations(NOW + LASTING) == []


def test_as_long_as_it_has_to_wait_it_takes_turns() -> None:
    turns = Turns()
    for _ in range(2):
        turns.late([CHANGES], NOW)
    turns.used([3, 7], [7], [CHANGES], NOW + LASTING / 2)
    assert turns.stations(NOW + LASTING) == [7]
    assert turns.stations(NOW + 1.5 * LASTING) == []


def test_a_turn_that_was_not_needed_is_the_last() -> None:
    """Services that wait for each other at a station where nobody books any more would do so for ever."""
    turns = Turns()
    for _ in range(2):
        turns.late([CHANGES], NOW)
    turns.used([3, 7], [3, 7], [Changes(points=(Point(1, 7, 22, 1, "livre"),))], NOW)
    assert turns.stations(NOW) == [7]
    turns.used([7], [7], [], NOW)
    assert turns.stations(NOW) == []
    turns.late([CHANGES], NOW)
    assert turns.stations(NOW) == [3, 7], "one more conflict is enough"
