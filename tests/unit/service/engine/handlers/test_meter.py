"""What a charger's meter tells of a session, and where it counts."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.service.engine.day import Day


def session(day: Day) -> dict[str, object] | None:
    found = day.engine.network.session((1, 1))
    return None if found is None else found.public()


def told(day: Day) -> tuple[object, object]:
    """Energy and power, as everybody sees them."""
    found = session(day)
    assert found is not None
    return found.get("energy"), found.get("power")


def test_a_session_has_what_its_meter_has_told() -> None:
    day = Day()
    assert day.meter(1) == "NOT_FOUND"
    day.start()
    assert told(day) == (None, None)
    assert day.meter(0) == "Sucesso"
    assert told(day) == (0, None)
    day.meter(1.5, power=11)
    day.meter(2)
    assert told(day) == (2, 11), "a power that is left out stays"
    day.meter(2, power=0)
    assert told(day) == (2, 0)
    day.finish()
    day.start()
    assert told(day) == (None, None), "another session"


def test_an_older_reading_is_ignored_and_still_a_word_of_the_charger() -> None:
    day = Day()
    day.start()
    day.meter(5, power=22)
    day.turn(minutes=10)
    assert day.meter(4.9, power=7) == "Sucesso"
    assert told(day) == (5, 22)
    found = day.engine.network.session((1, 1))
    assert found is not None
    assert found.heard == day.now


def test_readings_keep_a_silent_session_alive() -> None:
    day = Day()
    day.start(hours=1)
    for _ in range(3):
        day.turn(minutes=12 * 60 - 1)
        assert day.meter(3) == "Sucesso", "it ends after 12 hours without a word, from its finish on"
    day.turn(minutes=12 * 60)
    assert session(day) is None


@given(readings=st.permutations([0, 0.5, 1, 1, 7.25, 8]), again=st.lists(st.integers(0, 5), max_size=4))
def test_any_order_and_any_repetition_gives_the_largest(readings: list[float], again: list[int]) -> None:
    day = Day()
    day.start()
    for energy in [*readings, *(readings[index] for index in again)]:
        assert day.meter(energy) == "Sucesso"
    assert told(day)[0] == 8


def ended_energy(day: Day, action: str) -> object:
    """The energy of the reservation that ends with an action."""
    ended = {"finish": day.finish, "availability": day.update}
    if action == "energy":
        day.finish(energy=6)
    elif action in ended:
        ended[action]()
    elif action == "leaves":
        day.ask("ana", "deleteReservation", reservationID=1)
    else:
        day.turn(minutes=61)
    events = day.store.load(day.now).pending_events
    (energy,) = {event.energy for _, event in events if event.type == "reservationFinished"}
    return energy


def charging() -> Day:
    day = Day()
    day.book("ana")
    day.turn(minutes=5)
    day.start("ana")
    return day


def test_without_an_energy_at_its_end_the_last_reading_counts() -> None:
    for action, expected in (
        ("finish", 4.5),
        ("availability", 4.5),
        ("energy", 6),
        ("leaves", 4.5),
        ("time passes", 4.5),
    ):
        day = charging()
        day.meter(4.5)
        assert ended_energy(day, action) == expected, action


def test_without_readings_nothing_is_told() -> None:
    for action in ("finish", "availability", "leaves", "time passes"):
        assert ended_energy(charging(), action) is None, action
