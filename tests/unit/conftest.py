"""Fixtures of the unit tests: two brokers, one open to all and one with accounts; a link; a language."""

from collections.abc import Iterator

import pytest

from cloud_service.language.language import Language, language_of_environment
from tests.kit.processes import Broker
from tests.kit.relay import Relay
from tests.kit.secured import SecuredBroker


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    with SecuredBroker(tmp_path_factory.mktemp("secured")) as broker:
        yield broker


@pytest.fixture
def relay(broker: Broker) -> Iterator[Relay]:
    """A link to the open broker."""
    with Relay(broker.port) as relay:
        yield relay


@pytest.fixture
def portuguese(monkeypatch: pytest.MonkeyPatch) -> Language:
    """The reader's language."""
    monkeypatch.setenv("LANGUAGE", "pt_BR")
    return language_of_environment()
