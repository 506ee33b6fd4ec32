"""A PostgreSQL for all tests here, and the contract suite's target: a network that keeps its state there."""

from collections.abc import Iterator

import pytest

from tests.contract.fixtures import *  # noqa: F403
from tests.kit.people import target_of
from tests.kit.postgres import Postgres
from tests.kit.shared_stack import SharedStack
from tests.kit.target import Target


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with Postgres(tmp_path_factory.mktemp("database") / "postgres.log") as running:
        yield running


@pytest.fixture(scope="session", params=[1, 3], ids=["one service", "three services"])
def target(
    request: pytest.FixtureRequest, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("stack")
    with SharedStack(folder, state=postgres.new_database(), services=request.param) as stack:
        yield target_of(stack)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the contract suite, keeps the tests that take their network from `target`."""
    kept = [
        item
        for item in items
        if not item.nodeid.startswith("tests/database/test_contract.py")
        or (isinstance(item, pytest.Function) and "target" in item.fixturenames)
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
