"""What all tests share."""

import gc
from collections.abc import Callable, Iterator

import hypothesis
import pytest

from tests.kit.processes import Stack

# On a busy machine an example may take long, which says nothing about the code.
hypothesis.settings.register_profile("share", deadline=None, max_examples=50)
hypothesis.settings.register_profile("full", deadline=None, max_examples=500)
hypothesis.settings.load_profile("share")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--faults",
        choices=("share", "full"),
        default="share",
        help="how many faults the tests of docs/reliability.md inject: a share of minutes, or all in hours",
    )


FIGURES = pytest.StashKey[list[str]]()


def pytest_collection_finish() -> None:
    """Keeps what was collected out of the garbage collector's sight.

    A look through it takes up to a second, which a test would take for the time that others have to wait.
    """
    gc.collect()
    gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = []
    hypothesis.settings.load_profile(config.getoption("faults"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The figures that docs/reliability.md quotes, as this run found them."""
    if config.stash[FIGURES]:
        terminalreporter.section(f"figures (--faults {config.getoption('faults')})")
        for line in config.stash[FIGURES]:
            terminalreporter.line(line)


@pytest.fixture
def figure(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Prints a line at the end of the run."""
    return pytestconfig.stash[FIGURES].append


class Scale:
    """How many faults this run injects."""

    def __init__(self, full: bool) -> None:
        self.full = full

    def __call__(self, *, share: int, full: int) -> int:
        return full if self.full else share


@pytest.fixture(scope="session")
def scale(pytestconfig: pytest.Config) -> Scale:
    return Scale(pytestconfig.getoption("faults") == "full")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One network of real processes for all tests that leave the others' stations and vehicles alone."""
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running
