"""The request memory holds no more than its limits say."""

from datetime import timedelta
from weakref import WeakSet

from cloud_service.memory import MemoryLimits, RequestMemory
from cloud_service.store.interface import Memory
from cloud_service.store.journal import Remembered
from tests.service.bench import NOON


class Body(str):
    """A reply's body of which we see whether it still takes up space."""


def test_what_is_forgotten_takes_no_space_behind_an_older_request_of_somebody_else() -> None:
    memory = RequestMemory(MemoryLimits(timedelta(hours=24), per_client=10, in_all=1000))
    bodies: WeakSet[Body] = WeakSet()
    for number in range(10_000):
        body = Body(number)
        bodies.add(body)
        client = "bob" if number else "ana"
        memory.add(Memory(number, NOON, Remembered(client, f"text:{number}", b"", "ok", body)))
    del body

    assert len(memory) == 11
    assert len(bodies) < 200
    assert memory.find("ana", "text:0") is not None
    assert memory.oldest == 0
    assert [number for number in range(10_000) if memory.find("bob", f"text:{number}")] == list(
        range(9_990, 10_000)
    )
