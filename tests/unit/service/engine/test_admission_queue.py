"""The queue of requests that wait: turns among clients, limits, identities."""

from collections.abc import Iterator

from cloud_service.protocol import topics
from cloud_service.protocol.incoming import Incoming, receive
from cloud_service.protocol.messages import Message
from cloud_service.service.engine.admission_queue import AdmissionLimit, AdmissionQueue

PLENTY = AdmissionLimit(requests=1_000, size=1_000_000)


def request(client: str, name: str, size: int = 0) -> Incoming:
    message = Message(
        topics.request("findReservation", client), b" " * size + b"{}", correlation=name.encode()
    )
    return receive(message, arrival=0)


def names(requests: Iterator[Incoming]) -> list[str]:
    return [f"{incoming.client} {incoming.envelope.request_id}" for incoming in requests]


def queue_of(*requests: Incoming, in_all: AdmissionLimit = PLENTY) -> AdmissionQueue:
    queue = AdmissionQueue(in_all, PLENTY)
    for incoming in requests:
        assert queue.add(incoming)
    return queue


def test_clients_take_turns_and_each_client_s_requests_stay_in_order() -> None:
    queue = queue_of(
        request("ana", "1"),
        request("ana", "2"),
        request("ana", "3"),
        request("bob", "1"),
        request("eva", "1"),
    )
    assert names(queue.take(4)) == ["ana 1", "bob 1", "eva 1", "ana 2"]
    queue.add(request("bob", "2"))
    assert names(queue.take(10)) == ["ana 3", "bob 2"]
    assert len(queue) == 0


def test_unconsumed_requests_stay_queued() -> None:
    queue = queue_of(request("ana", "1"), request("bob", "1"))
    assert next(queue.take(2)).client == "ana"
    assert len(queue) == 1
    assert names(queue.take(2)) == ["bob 1"]


def test_the_number_of_requests_is_limited_in_all_and_for_each_client() -> None:
    queue = AdmissionQueue(AdmissionLimit(3, 10_000), AdmissionLimit(2, 10_000))
    added = [queue.add(request(client, "1")) for client in ("ana", "ana", "ana", "bob", "eva")]
    assert added == [True, True, False, True, False]
    next(queue.take(1))
    assert queue.add(request("eva", "1"))


def test_the_size_of_requests_is_limited_in_all_and_for_each_client() -> None:
    size = request("ana", "1", 1_000).size
    queue = AdmissionQueue(AdmissionLimit(100, 3 * size), AdmissionLimit(100, 2 * size))
    added = [queue.add(request(client, "1", 1_000)) for client in ("ana", "ana", "ana", "bob", "eva")]
    assert added == [True, True, False, True, False]
    next(queue.take(1))
    assert queue.add(request("eva", "1", 1_000))


def test_a_refused_client_leaves_nothing_behind() -> None:
    queue = AdmissionQueue(AdmissionLimit(0, 0), PLENTY)
    assert not queue.add(request("ana", "1"))
    assert len(queue) == 0
    assert list(queue.take(5)) == []


def test_it_knows_which_identities_wait_as_often_as_they_do() -> None:
    queue = queue_of(request("ana", "a"), request("ana", "a"))
    assert queue.holds("ana", "text:a")
    assert not queue.holds("bob", "text:a")
    next(queue.take(1))
    assert queue.holds("ana", "text:a")
    next(queue.take(1))
    assert not queue.holds("ana", "text:a")
