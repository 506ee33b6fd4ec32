"""Opening a socket without the means for it: a failed connection, which is tried again."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import NoReturn

import pytest

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.socket_opening import SocketOpening
from tests.kit.processes import Broker
from tests.unit.mqtt.test_polling_connection import Program

NOWHERE = BrokerAddress("127.0.0.1", 1)


def open_descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def no_descriptor() -> NoReturn:
    raise OSError(24, "Too many open files")


def no_thread(_thread: Thread) -> NoReturn:
    raise RuntimeError("can't start new thread")


@pytest.fixture(params=["descriptor", "thread"])
def starving(request: pytest.FixtureRequest) -> Iterator[Callable[[], None]]:
    """Nothing can be opened until the test calls this."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "descriptor":
            patch.setattr(os, "pipe", no_descriptor)
        else:
            patch.setattr(Thread, "start", no_thread)
        yield patch.undo


@pytest.mark.usefixtures("starving")
def test_it_is_an_error_of_the_system_that_leaves_nothing_open() -> None:
    before = open_descriptors()
    with pytest.raises(OSError, match=r"Too many open files|can't start new thread"):
        SocketOpening(NOWHERE)
    assert open_descriptors() <= before


def test_a_connection_is_tried_again(
    broker: Broker, starving: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    program = Program(broker.address, "starving")
    program.poll_until(lambda: caplog.text.count("cannot be reached") == 2, "it tried twice")
    starving()
    program.poll_until(lambda: program.ready, "it is ready")
    program.close()
