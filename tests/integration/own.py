"""Networks of a test's own, for what cannot be tried on one that others use."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.people import People
from tests.contract.target import Target
from tests.kit.processes import HOST, Stack


def target_of(stack: Stack) -> Target:
    return Target(HOST, stack.mqtt_port, HOST, stack.tcp_port)


@contextmanager
def people_of(stack: Stack) -> Iterator[People]:
    people = People(target_of(stack), "mqtt5")
    try:
        yield people
    finally:
        people.close()


def prepared(folder: Path, **settings: str) -> Stack:
    """A network that is not started yet, with a data folder to put files into."""
    stack = Stack(folder, **settings)
    stack.data_dir.mkdir()
    return stack
