"""What all tests share."""

from collections.abc import Iterator

import pytest

from tests.harness import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One network of real processes for all tests that leave the others' stations and vehicles alone."""
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running
