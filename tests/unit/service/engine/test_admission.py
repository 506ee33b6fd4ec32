"""Admission: requests wait in bounded queues, clients take turns, and BUSY means that nothing happened."""

from cloud_service.protocol.messages import Message
from cloud_service.service.engine.limits import EngineLimits
from tests.unit.service.engine.bench import Bench, result


def test_a_vehicle_does_not_wait_behind_an_import() -> None:
    bench = Bench(limits=EngineLimits(batch_requests=4))
    for x in range(20):
        bench.send("operator-import", "newChargingStation", "import", x_position=x, y_position=1)
    bench.send("bob", "findReservation", "vehicle")

    assert "vehicle" in [answer.delivery for answer in bench.turn().answers]


def test_the_requests_of_one_client_stay_in_order() -> None:
    bench = Bench(limits=EngineLimits(batch_requests=3))
    for number in range(8):
        bench.send("ana", "newChargingStation", number, x_position=number, y_position=1)
        bench.send("eva", "findReservation", None)

    deliveries = [answer.delivery for _ in range(8) for answer in bench.turn().answers]

    assert [delivery for delivery in deliveries if delivery is not None] == list(range(8))


def test_a_request_without_room_is_busy_and_not_remembered() -> None:
    bench = Bench(limits=EngineLimits(pending_per_client=1, pending_in_all=2))
    for client, request in (("ana", "a"), ("ana", "b"), ("bob", "a"), ("eva", "a")):
        place = {"x_position": ord(client[0]), "y_position": 1}
        bench.send(client, "newChargingStation", client, requestID=request, **place)

    answers = bench.turn().answers

    assert sorted((str(answer.delivery), str(result(answer.reply))) for answer in answers) == [
        ("ana", "1"),
        ("ana", "BUSY"),
        ("bob", "2"),
        ("eva", "BUSY"),
    ]
    assert bench.ask("eva", "newChargingStation", requestID="a", x_position=ord("e"), y_position=1) == 3


def test_a_further_delivery_of_a_waiting_request_is_not_busy() -> None:
    """The first one will take effect, and BUSY would deny it."""
    bench = Bench(limits=EngineLimits(pending_per_client=1))
    for delivery in ("first", "again"):
        bench.send("ana", "newChargingStation", delivery, requestID="a", x_position=1, y_position=1)
    bench.send("ana", "newChargingStation", "other", requestID="b", x_position=2, y_position=1)

    answers = {answer.delivery: answer for answer in bench.turn().answers}

    assert answers["again"].reply is None
    assert answers["again"].outcome == "waits already"
    assert result(answers["first"].reply) == 1
    assert result(answers["other"].reply) == "BUSY"
    bench.send("ana", "newChargingStation", "later", x_position=2, y_position=1)
    bench.send("ana", "newChargingStation", "second", requestID="a", x_position=1, y_position=1)
    bench.send("ana", "newChargingStation", "reused", requestID="a", x_position=7, y_position=1)
    answers = {answer.delivery: answer for answer in bench.turn().answers}
    assert result(answers["second"].reply) == 1, "a recorded reply is repeated, room or not"
    assert result(answers["reused"].reply) == "ID_REUSED"


def test_large_requests_are_busy_when_there_is_no_room_for_their_size() -> None:
    bench = Bench(limits=EngineLimits(pending_bytes_per_client=2_000, pending_bytes_in_all=3_500))
    for number, client in enumerate(("ana", "ana", "bob", "eva")):
        bench.send(client, "newChargingStation", client, x_position=number, y_position=1, note="n" * 1_200)
    bench.send("eva", "newChargingStation", "small", x_position=4, y_position=1)

    answers = bench.turn().answers

    assert sorted((str(answer.delivery), str(result(answer.reply))) for answer in answers) == [
        ("ana", "1"),
        ("ana", "BUSY"),
        ("bob", "2"),
        ("eva", "BUSY"),
        ("small", "3"),
    ]
    assert len(bench.engine) == 0
    bench.send("ana", "newChargingStation", "ana", x_position=5, y_position=1, note="n" * 1_200)
    assert str(result(bench.turn().answers[0].reply)) == "4", "a decided request makes room"


def test_refusals_that_would_fill_the_memory_are_dropped() -> None:
    """Each one holds its Correlation Data until the next turn, which may take a while."""
    bench = Bench(limits=EngineLimits(pending_per_client=1, refused_bytes=300_000))
    for number in range(100):
        topic = "recharge/v1/request/findReservation/ana"
        message = Message(topic, b"{}", correlation=b"%060000d" % number)
        bench.engine.take_in(message, number, bench.now.timestamp())

    answers = bench.turn().answers

    assert sorted(answer.delivery for answer in answers) == list(range(100))
    busy = [answer for answer in answers if answer.outcome == "BUSY"]
    dropped = [answer for answer in answers if answer.reply is None]
    assert (len(busy), len(dropped)) == (4, 95)
    assert not any(answer.incoming for answer in dropped)
    bench.send("ana", "findReservation", "small")
    bench.send("ana", "findReservation", "next")
    assert [answer.outcome for answer in bench.turn().answers] == ["BUSY", "NOT_FOUND"], "there is room again"


def test_every_message_is_answered_for_even_without_a_reply() -> None:
    bench = Bench()
    for topic in ("recharge/v1/request/fly/ana", "recharge/v1/request/findReservation/a.b", "else"):
        bench.engine.take_in(Message(topic, b"{}"), topic, bench.now.timestamp())
    retained = Message("recharge/v1/request/findReservation/ana", b"{}", retain=True)
    bench.engine.take_in(retained, "retained", bench.now.timestamp())

    assert [(answer.reply, answer.outcome) for answer in bench.turn().answers] == [(None, "ignored")] * 4
