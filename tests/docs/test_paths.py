"""Files, modules and tests that a page names exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT

NAMED_IN = [
    *PAGES,
    *(ROOT / "mosquitto").glob("*.conf"),
    *(ROOT / name for name in ("docker-compose.yml", "Dockerfile", ".env.example", "run")),
]

_FROM_ROOT = re.compile(r"(?<![\w./$-])(?:tests|cloud_service|clients|docs|mosquitto|tools)/[\w./*-]*[\w/]")
_FROM_PACKAGE = re.compile(r"(?<![\w./$-])(?:\w+/)+\w+\.py\b")
_MODULE_FILE = re.compile(r"(?<![\w./*-])\w+\.py\b")
_MODULE = re.compile(r"(?<![\w./-])(?:tests|cloud_service)(?:\.\w+)+")
_TEST = re.compile(r"\btest_\w+\b(?!\.py)")

PYTHON_FILES = [
    path
    for top in ("tests", "cloud_service", "clients", "docs", "tools")
    for path in (ROOT / top).rglob("*.py")
]
NAMES = {path.name for path in PYTHON_FILES}
TESTS = {
    name
    for path in PYTHON_FILES
    if path.name.startswith("test_")
    for name in (path.stem, *re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE))
}


def _is_module(name: str) -> bool:
    """Whether this is a module, or a name in one."""
    path = ROOT.joinpath(*name.split("."))
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    module = path.parent.with_suffix(".py")
    return module.is_file() and re.search(rf"\b{path.name}\b", module.read_text()) is not None


def missing(text: str) -> Iterator[str]:
    for path in _FROM_ROOT.findall(text):
        if not any(ROOT.glob(path.rstrip("/"))):
            yield path
    for path in _FROM_PACKAGE.findall(text):
        if not any((top / path).exists() for top in (ROOT, ROOT / "cloud_service", ROOT / "clients")):
            yield path
    yield from (name for name in _MODULE_FILE.findall(text) if name not in NAMES)
    yield from (name for name in _MODULE.findall(text) if not _is_module(name))
    yield from (name for name in _TEST.findall(text) if name not in TESTS)


@pytest.mark.parametrize("path", NAMED_IN, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_page_names_exists(path: Path) -> None:
    assert list(missing(path.read_text())) == []


@pytest.mark.parametrize(
    "name",
    [
        "tests/faults/test_nothing.py",
        "cloud_service/nowhere",
        "store/nowhere.py",
        "nowhere.py",
        "cloud_service.store.nowhere",
        "test_nothing_at_all",
    ],
)
def test_what_does_not_exist_is_found(name: str) -> None:
    assert name in set(missing(f"See `{name}`."))
