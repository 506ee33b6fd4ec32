"""docs/commands.md and docs/pt/comandos.md show the help of every command."""

import re
from pathlib import Path

import pytest

from cloud_service.cli.main import COMMANDS
from tests.docs.commands_page import PAGES, page
from tests.docs.pages import Page


def _words(text: str) -> list[str]:
    """Versions of Python break the lines of a help in different places, so only the words count."""
    return text.split()


@pytest.mark.parametrize("language", PAGES)
def test_the_page_has_the_help_of_each_command(language: str) -> None:
    there = PAGES[language].read_text()
    assert _words(there) == _words(page(language)), "python -m tests.docs.commands_page writes the page"


@pytest.mark.parametrize("columns", ["40", "200"])
def test_the_width_of_the_terminal_does_not_matter(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = page("en")
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert page("en") == here


@pytest.mark.parametrize("path", PAGES.values(), ids=lambda path: path.name)
def test_a_section_for_each_command(path: Path) -> None:
    sections = [heading.text for heading in Page(path).headings if heading.level == 2]
    assert sections == [f"recharge {command.name}" for command in COMMANDS]
    assert all(re.match(r"(usage|uso): recharge ", block.text) for block in Page(path).blocks)
