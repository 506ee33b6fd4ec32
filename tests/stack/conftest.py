"""The stack of docker-compose.yml, once for each Mosquitto."""

from collections.abc import Iterator

import pytest

from tests.stack.compose import VERSIONS, Charger, ComposeStack, missing

collect_ignore = ["in_container"]  # with a conftest.py that is for a container's own run of pytest


@pytest.fixture(scope="session")
def engine() -> None:
    """Skips if no Docker engine answers."""
    if reason := missing():
        pytest.skip(reason)


@pytest.fixture(scope="session", params=VERSIONS, ids=lambda version: f"mosquitto-{version}")
def compose(
    engine: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ComposeStack]:
    """A running stack that the tests share; what they change they change back."""
    with ComposeStack(tmp_path_factory.mktemp("stack"), request.param).running() as stack:
        yield stack


@pytest.fixture(scope="session")
def charger(compose: ComposeStack, tmp_path_factory: pytest.TempPathFactory) -> Charger:
    return Charger(compose, "charger-1", compose.copy_ca(tmp_path_factory.mktemp("ca")))
