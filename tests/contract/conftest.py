"""The contract suite's own target: the network of real processes that all tests share, open to all."""

import pytest

from tests.contract.fixtures import *  # noqa: F403
from tests.kit.people import target_of
from tests.kit.processes import Stack
from tests.kit.target import Target


@pytest.fixture(scope="session")
def target(stack: Stack) -> Target:
    return target_of(stack)
