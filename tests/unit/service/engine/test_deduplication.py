"""Deduplication: a change with an ID takes effect once, however often it is delivered."""

import json
import tracemalloc
from datetime import timedelta
from secrets import token_hex
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cloud_service.protocol.messages import Message
from cloud_service.service.engine import deduplication
from cloud_service.service.engine.deduplication import Deduplication
from cloud_service.service.engine.limits import DeduplicationLimits, EngineLimits
from cloud_service.store.interface import StoredRequest
from cloud_service.store.journal import RequestRecord
from tests.unit.service.engine.bench import NOON, Bench, result


def record(client: str, number: int, body: str = "") -> RequestRecord:
    return RequestRecord(client, f"text:{number}", number.to_bytes(16, "big"), "ok", body or f"body {number}")


def test_forgotten_requests_are_freed_even_behind_an_older_one_of_another_client() -> None:
    memory = Deduplication(DeduplicationLimits(timedelta(hours=24), per_client=10, in_all=1000))
    tracemalloc.start()
    try:
        for number in range(10_000):
            client = "bob" if number else "ana"
            memory.add(StoredRequest(number, NOON, record(client, number, token_hex(500))))
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert len(memory) == 11
    assert taken < 200 * 1_000
    assert memory.find("ana", "text:0") is not None
    assert memory.oldest == 0
    assert [number for number in range(10_000) if memory.find("bob", f"text:{number}")] == list(
        range(9_990, 10_000)
    )


@pytest.mark.parametrize("others", [0, 100])
def test_clients_and_times_with_the_same_id_are_told_apart(others: int) -> None:
    """As long as their records are in one block, and when others have filled it."""
    memory = Deduplication(DeduplicationLimits(timedelta(hours=24), per_client=1, in_all=1000))
    first, of_ana, of_bob = (
        record(client, 1, body) for client, body in (("ana", "1"), ("ana", "2"), ("bob", "3"))
    )
    # With room for one request of each client, the second of ana's makes room for her first ID once more.
    for number, each in enumerate((first, record("ana", 2), of_ana, of_bob)):
        memory.add(StoredRequest(number, NOON, each))
    for number in range(others):
        memory.add(StoredRequest(10 + number, NOON, record(f"client-{number}", 9)))
    assert memory.find("ana", "text:1") == of_ana
    assert memory.find("bob", "text:1") == of_bob


def test_of_an_id_that_was_added_twice_the_newest_record_counts() -> None:
    """A folder may hold both: the limit at which the first was forgotten may have been raised since."""
    memory = Deduplication(DeduplicationLimits(timedelta(hours=1), per_client=10, in_all=1000))
    memory.add(StoredRequest(1, NOON, record("ana", 1, "first")))
    memory.add(StoredRequest(2, NOON + timedelta(minutes=30), record("ana", 1, "second")))
    assert memory.find("ana", "text:1") == record("ana", 1, "second")

    memory.forget_older(NOON + timedelta(minutes=61))

    assert memory.find("ana", "text:1") == record("ana", 1, "second")
    assert memory.oldest == 2

    memory.forget_older(NOON + timedelta(minutes=91))

    assert memory.find("ana", "text:1") is None
    assert memory.oldest is None


class Remembering(RuleBasedStateMachine):
    """Requests of few and of many are answered and forgotten, and a plain list says which are known."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = DeduplicationLimits(timedelta(hours=1), per_client=150, in_all=260)
        self.memory = Deduplication(self.limits)
        self.known: list[StoredRequest] = []
        self.now, self.number = NOON, 0

    @rule(client=st.sampled_from(["ana", "bob", "cid"]), count=st.integers(1, 130))
    def answer(self, client: str, count: int) -> None:
        for _ in range(count):
            self.number += 1
            stored = StoredRequest(self.number, self.now, record(client, self.number))
            self.memory.add(stored)
            own = [each for each in self.known if each.request.client == client]
            if len(own) == self.limits.per_client:
                self.known.remove(own[0])
            self.known = [*self.known, stored][-self.limits.in_all :]

    @rule(minutes=st.integers(1, 50))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.memory.forget_older(self.now)
        self.known = [each for each in self.known if each.at >= self.now - self.limits.age]

    @rule(client=st.sampled_from(["ana", "bob", "cid"]))
    def ask(self, client: str) -> None:
        known = {each.request.identity: each.request for each in self.known if each.request.client == client}
        for number in range(max(self.number - 400, 1), self.number + 2):
            assert self.memory.find(client, f"text:{number}") == known.get(f"text:{number}")

    @invariant()
    def has_as_many_and_knows_the_oldest(self) -> None:
        assert len(self.memory) == len(self.known)
        assert self.memory.oldest == (self.known[0].sequence if self.known else None)


class RememberingWithCollisions(Remembering):
    """The same where hundreds of requests, of all clients, have the same key."""

    def __init__(self) -> None:
        self._keys = patch.object(deduplication, "key_of", lambda client, identity: hash(identity) % 3 - 1)
        self._keys.start()
        super().__init__()

    def teardown(self) -> None:
        self._keys.stop()


TestRemembering = Remembering.TestCase
TestRemembering.settings = settings(max_examples=30, stateful_step_count=20)
TestRememberingWithCollisions = RememberingWithCollisions.TestCase
TestRememberingWithCollisions.settings = settings(max_examples=10, stateful_step_count=10)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"availability": "x" * 60_000}, "availability"),
        ({"availability": "\ue000" * 10_000}, "availability"),
        ({"power": "x" * 60_000, "availability": "livre"}, "power"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_refusal_does_not_repeat_everything_that_was_sent(values: dict[str, Any], named: str) -> None:
    """It is remembered for a day, like 100,000 others of this client."""
    bench = Bench()
    point = {"chargingStationID": 1, "power": 1, "kWhPrice": 1, "requestID": "a"}
    bench.send("ana", "newChargingPoint", **{**point, **values})

    (answer,) = bench.turn().answers

    assert result(answer.reply) == "BAD_REQUEST"
    assert answer.reply is not None
    assert len(answer.reply.payload) < 2_000
    assert named in json.loads(answer.reply.payload)["error"]["message"]


def test_the_refusal_of_a_long_duplicate_key_is_short() -> None:
    bench = Bench()
    body = b'{"%b": 1, "%b": 2}' % (b"x" * 30_000, b"x" * 30_000)
    message = Message("recharge/v1/request/newChargingStation/ana", body, correlation=b"a")
    bench.engine.take_in(message, None, bench.now.timestamp())

    (answer,) = bench.turn().answers

    assert result(answer.reply) == "BAD_REQUEST"
    assert answer.reply is not None
    assert len(answer.reply.payload) < 2_000


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


@pytest.mark.parametrize("action", ["scheduleReservation", "deleteReservation"])
@pytest.mark.parametrize(
    ("client", "first", "again"),
    [
        ("bob", {}, {"vid": "bob"}),
        ("bob", {"vid": "bob"}, {}),
        ("7", {}, {"vid": 7}),
        ("7", {"vid": 7}, {"vid": "7"}),
        ("7", {"vid": "7"}, {"vid": 7.0}),
        ("operator", {"vid": 7}, {"vid": "7"}),
        ("gateway", {"vid": "7"}, {"vid": 7}),
        ("gateway", {"vid": -7}, {"vid": "-7"}),
    ],
)
def test_a_vehicle_is_the_same_however_it_is_named(
    action: str, client: str, first: dict[str, Any], again: dict[str, Any]
) -> None:
    bench = Bench()
    bench.station("ana")
    values = {"reservationID": 1, "x": 0, "y": 0, "actualBatteryPercentage": 50, "batteryCapacity": 20}
    booked = bench.ask(client, "scheduleReservation", **values, **first)

    def ask(vehicle: dict[str, Any]) -> Any:
        named = {"vehicleID" if action == "deleteReservation" else key: vehicle[key] for key in vehicle}
        return bench.ask(client, action, requestID="once", **values, **named)

    result = ask(first)

    assert result == (booked if action == "scheduleReservation" else "Sucesso")
    assert ask(again) == result
    assert ask({"vid": "007"}) == "ID_REUSED"


def test_a_vehicle_that_has_to_be_named_is_not_the_one_that_was_left_out() -> None:
    bench = Bench()
    assert bench.book("operator", requestID="once") == "BAD_REQUEST"
    assert bench.book("operator", requestID="once", vid="operator") == "ID_REUSED"


def test_an_invalid_request_is_the_same_however_its_vehicle_is_named() -> None:
    bench = Bench()
    assert bench.ask("7", "scheduleReservation", requestID="once", x="0") == "BAD_REQUEST"
    for vehicle in (7, "7", 7.0):
        assert bench.ask("7", "scheduleReservation", requestID="once", x="0", vid=vehicle) == "BAD_REQUEST"
    others: list[Any] = [True, None, [], "8"]
    for other in others:
        assert bench.ask("7", "scheduleReservation", requestID="once", x="0", vid=other) == "ID_REUSED"


def test_numbers_of_the_same_value_make_the_same_request() -> None:
    bench = Bench()
    first = bench.ask("ana", "newChargingStation", requestID="a", x_position=5, y_position=0)
    for x, y in ((5.0, -0.0), (5, -0), (5.0, 0)):
        assert bench.ask("ana", "newChargingStation", requestID="a", x_position=x, y_position=y) == first
    assert (
        bench.ask("ana", "newChargingStation", requestID="a", x_position=5.000001, y_position=0)
        == "ID_REUSED"
    )


def test_an_id_belongs_to_its_client() -> None:
    bench = Bench()
    assert bench.ask("ana", "newChargingStation", requestID="a", x_position=1, y_position=1) == 1
    assert bench.ask("bob", "newChargingStation", requestID="a", x_position=2, y_position=1) == 2


def test_requests_are_remembered_after_a_crash() -> None:
    bench = Bench()
    bench.station("ana")
    booked = bench.book("bob", requestID="once")
    bench.ask("bob", "deleteReservation", reservationID=booked["reservationID"])
    bench.restart()

    assert bench.book("bob", requestID="once") == booked
    assert bench.ask("bob", "findReservation") == "NOT_FOUND"


def test_final_refusals_are_remembered() -> None:
    bench = Bench()
    assert bench.book("bob", requestID="early") == "NOT_FOUND"
    bench.station("ana")

    assert bench.book("bob", requestID="early") == "NOT_FOUND"
    assert bench.book("bob", requestID="later")["reservationID"] == 1


def test_reads_are_decided_again() -> None:
    bench = Bench()
    bench.station("ana")
    assert bench.ask("bob", "findReservation", requestID="read") == "NOT_FOUND"
    bench.book("bob")

    assert bench.ask("bob", "findReservation", requestID="read")["vehicleID"] == "bob"
    assert bench.ask("bob", "findReservation", requestID="book") != "ID_REUSED"


def test_readings_of_meters_displace_no_request() -> None:
    """Each charger tells one a minute: remembered for a day, they would fill the memory in hours."""
    bench = Bench(limits=EngineLimits(deduplication=DeduplicationLimits(in_all=10)))
    station = bench.station("ana")
    booked = bench.book("bob", requestID="once")
    point = {"chargingStationID": station, "chargingPointID": 1}
    begun = bench.ask("ana", "startCharging", **point, requestID="start")

    for number in range(50):
        assert bench.ask("ana", "meterCharging", **point, energy=number, requestID=f"{number}") == "Sucesso"

    bench.restart()
    assert bench.book("bob", requestID="once") == booked
    assert bench.ask("ana", "startCharging", **point, requestID="start") == begun


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
