"""Fixtures of the security tests: a real broker with an account of each role."""

from collections.abc import Iterator

import pytest

from cloud_service.protocol.roles import Role
from tests.kit.secured import NAMES, SecuredBroker


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    with SecuredBroker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture(scope="session")
def passwords(broker: SecuredBroker) -> dict[Role, str]:
    """The password of an account of each role; NAMES has their names."""
    found: dict[Role, str] = {}
    for role, name in NAMES.items():
        if role in ("service", "administrator"):
            found[role] = broker.password(name)
        else:
            found[role] = broker.accounts(lambda accounts, name=name, role=role: accounts.add(name, role))
    return found
