"""Time in the engine: reservations finish and requests expire by it."""

from datetime import timedelta

from cloud_service.protocol.messages import Message
from tests.unit.service.engine.bench import Bench


def test_what_has_finished_stays_finished_if_time_runs_backwards() -> None:
    bench = Bench()
    bench.station("ana")
    bench.book("bob")
    bench.turn(hours=2)
    bench.now = bench.now.replace(hour=12)

    assert bench.ask("bob", "findReservation") == "NOT_FOUND"
    assert bench.book("bob")["startDateTime"] < "2026-03-01T13"


def test_a_request_expires_by_the_time_even_after_it_ran_backwards() -> None:
    """A day ahead for a moment does not silence the network for a day."""
    bench = Bench()
    bench.turn(days=1)
    bench.turn(days=-1)
    soon = bench.now.timestamp() * 1000 + 10_000

    assert bench.ask("bob", "findReservation", expiresAt=soon) == "NOT_FOUND"
    bench.send("bob", "findReservation", expiresAt=soon)
    assert [answer.reply for answer in bench.turn(seconds=11).answers] == [None]


def test_an_expired_request_has_no_effect_and_gets_no_reply() -> None:
    bench = Bench()
    milliseconds = bench.now.timestamp() * 1000
    bench.send("ana", "newChargingStation", "late", x_position=1, y_position=1, expiresAt=milliseconds - 1)
    bench.send("ana", "newChargingStation", "waits", x_position=2, y_position=1, expiresAt=milliseconds + 500)

    answers = bench.turn(seconds=1).answers

    assert [(answer.delivery, answer.reply, answer.outcome) for answer in answers] == [
        ("late", None, "expired"),
        ("waits", None, "expired"),
    ]
    assert not bench.engine.network.tables.stations


def test_an_interval_of_0_has_passed_on_arrival() -> None:
    bench = Bench()
    body = b'{"x_position": 1, "y_position": 1}'
    message = Message("recharge/v1/request/newChargingStation/ana", body, correlation=b"a", expiry=0)
    bench.engine.take_in(message, None, bench.now.timestamp())

    (answer,) = bench.turn().answers

    assert (answer.reply, answer.outcome) == (None, "expired")
    assert not bench.engine.network.tables.stations


def test_requests_expire_by_the_time_of_their_clients() -> None:
    """In a network with a fast clock it is already the next day."""
    bench = Bench()
    tomorrow = bench.now + timedelta(days=1)
    bench.send("ana", "newChargingStation", x_position=1, y_position=1, expiresAt=in_ms(bench, 500))
    (made,) = bench.engine.work(tomorrow, bench.now).answers
    assert made.outcome == "ok"

    bench.send("ana", "newChargingStation", x_position=2, y_position=1, expiresAt=in_ms(bench, 500))
    (late,) = bench.engine.work(tomorrow, bench.now + timedelta(seconds=1)).answers
    assert late.outcome == "expired"


def in_ms(bench: Bench, milliseconds: int) -> float:
    return bench.now.timestamp() * 1000 + milliseconds
