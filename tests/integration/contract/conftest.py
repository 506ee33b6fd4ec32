"""The contract suite's own target: the network of real processes that all tests share, open to all."""

import pytest

from tests.harness import HOST, Stack
from tests.integration.contract.fixtures import *  # noqa: F403
from tests.integration.contract.target import Target


@pytest.fixture(scope="session")
def target(stack: Stack) -> Target:
    return Target(HOST, stack.mqtt_port, HOST, stack.tcp_port)
