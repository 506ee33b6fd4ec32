"""The brokers that these tests use: one open to all, and one that checks who may do what."""

from collections.abc import Iterator

import pytest

from tests.kit.processes import Broker
from tests.security.broker import Broker as SecuredBroker


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    broker = SecuredBroker(tmp_path_factory.mktemp("secured"))
    yield broker
    broker.stop()
