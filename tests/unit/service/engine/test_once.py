"""A change with an ID takes effect once, however often it comes."""

from datetime import timedelta

from cloud_service.service.engine.limits import DeduplicationLimits, EngineLimits
from tests.unit.service.engine.bench import Bench, result


def test_a_further_delivery_gets_the_first_result() -> None:
    bench = Bench()
    first = bench.ask("ana", "newChargingStation", requestID="a", x_position=1, y_position=1)
    bench.ask("ana", "deleteChargingStation", chargingStationID=first)

    assert bench.ask("ana", "newChargingStation", requestID="a", x_position=1.0, y_position=1) == first
    assert bench.engine.network.station(first) is None


def test_two_deliveries_in_one_batch_take_effect_once() -> None:
    bench = Bench()
    for x in (1, 1, 2):
        bench.send("ana", "newChargingStation", requestID="a", x_position=x, y_position=1)

    answers = bench.turn().answers

    assert [result(answer.reply) for answer in answers] == [1, 1, "ID_REUSED"]
    assert len(bench.engine.network.tables.stations) == 1


def test_an_id_belongs_to_its_client() -> None:
    bench = Bench()
    assert bench.ask("ana", "newChargingStation", requestID="a", x_position=1, y_position=1) == 1
    assert bench.ask("bob", "newChargingStation", requestID="a", x_position=2, y_position=1) == 2


def test_a_crash_does_not_make_it_forget() -> None:
    bench = Bench()
    bench.station("ana")
    booked = bench.book("bob", requestID="once")
    bench.ask("bob", "deleteReservation", reservationID=booked["reservationID"])
    bench.restart()

    assert bench.book("bob", requestID="once") == booked
    assert bench.ask("bob", "findReservation") == "NOT_FOUND"


def test_refusals_that_asking_again_would_not_mend_are_remembered() -> None:
    bench = Bench()
    assert bench.book("bob", requestID="early") == "NOT_FOUND"
    bench.station("ana")

    assert bench.book("bob", requestID="early") == "NOT_FOUND"
    assert bench.book("bob", requestID="later")["reservationID"] == 1


def test_reads_are_answered_anew() -> None:
    bench = Bench()
    bench.station("ana")
    assert bench.ask("bob", "findReservation", requestID="read") == "NOT_FOUND"
    bench.book("bob")

    assert bench.ask("bob", "findReservation", requestID="read")["vehicleID"] == "bob"
    assert bench.ask("bob", "findReservation", requestID="book") != "ID_REUSED"


def test_a_read_with_the_id_of_a_change_is_refused() -> None:
    bench = Bench()
    bench.station("ana")
    bench.book("bob", requestID="once")

    assert bench.ask("bob", "findReservation", requestID="once") == "ID_REUSED"


def test_the_newest_of_a_client_and_in_all_are_remembered() -> None:
    limits = EngineLimits(deduplication=DeduplicationLimits(timedelta(hours=24), per_client=2, in_all=3))
    bench = Bench(limits=limits)
    for client, request in (("ana", "1"), ("ana", "2"), ("ana", "3"), ("bob", "1"), ("eva", "1")):
        bench.ask(client, "deleteChargingStation", requestID=request, chargingStationID=9)

    def remembered(client: str, request: str) -> bool:
        # another body under an ID that is remembered is refused; this one is not remembered itself
        return bench.engine.deduplication.find(client, f"text:{request}") is not None

    assert [remembered("ana", number) for number in "123"] == [False, False, True]
    assert remembered("bob", "1")
    assert remembered("eva", "1")


def test_requests_are_forgotten_after_their_time() -> None:
    bench = Bench()
    bench.ask("ana", "deleteChargingStation", requestID="a", chargingStationID=9)
    assert bench.ask("ana", "deleteChargingStation", requestID="a", chargingStationID=8) == "ID_REUSED"

    bench.now += timedelta(hours=24, seconds=1)
    bench.engine.maintain(bench.now)

    assert bench.ask("ana", "deleteChargingStation", requestID="a", chargingStationID=8) == "NOT_FOUND"


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
