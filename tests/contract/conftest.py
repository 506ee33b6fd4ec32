"""The contract suite's own target: the network of real processes that all tests share, open to all."""

import pytest

from tests.contract.fixtures import *  # noqa: F403
from tests.contract.target import Target
from tests.kit.processes import HOST, Stack


@pytest.fixture(scope="session")
def target(stack: Stack) -> Target:
    return Target(HOST, stack.mqtt_port, HOST, stack.tcp_port)
