"""Options, markers and fixtures of all tests."""

# ruff: noqa: E402

import gc
import logging
import os
import signal
from collections.abc import Callable, Iterator

import hypothesis
import pytest
from xdist.remote import Producer

# Proofs that were parts of test modules. Before they are imported.
pytest.register_assert_rewrite(
    "tests.faults.histories", "tests.faults.journal_damage", "tests.faults.lives", "tests.faults.beside_model"
)

from tests.kit.figures import PROPERTY, Figures
from tests.kit.processes import Stack
from tests.kit.scale import Scale
from tests.kit.scheduling import AloneLast

# No deadline: on a busy machine a slow example says nothing about the code.
hypothesis.settings.register_profile("share", deadline=None, max_examples=50)
hypothesis.settings.register_profile("full", deadline=None, max_examples=500)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--faults",
        choices=("share", "full"),
        default="share",
        help="how many faults the tests of docs/reliability.md inject: a share in minutes, or all in hours",
    )


def pytest_configure(config: pytest.Config) -> None:
    # Also for the processes that tests start: most tests compare what a reader of English sees.
    os.environ["LANGUAGE"] = "en"
    # A shell that runs the tests in its background ignores Ctrl-C for them, and for all that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    faults = config.getoption("faults")
    hypothesis.settings.load_profile(faults)
    config.pluginmanager.register(Figures(f"figures (--faults {faults})"))


def pytest_collection_finish() -> None:
    """Hides the collected tests from the garbage collector.

    A full collection would otherwise take up to a second, which some tests would measure.
    """
    gc.collect()
    gc.freeze()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> AloneLast:
    return AloneLast(config, log)


@pytest.fixture(autouse=True)
def untouched_root() -> Iterator[None]:
    """Restores the root logger, which all tests share and which a command sets up."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Prints a line at the end of the run."""
    return lambda line: record_property(PROPERTY, line)


@pytest.fixture(scope="session")
def scale(pytestconfig: pytest.Config) -> Scale:
    return Scale(pytestconfig.getoption("faults") == "full")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One network of real processes for all tests that leave the others' stations and vehicles alone."""
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running
