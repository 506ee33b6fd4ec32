"""docs/commands.md shows the help of every command."""

import re

import pytest

from cloud_service.cli.main import COMMANDS
from tests.docs.commands_page import PAGE, page
from tests.docs.pages import Page


def _words(text: str) -> list[str]:
    """Versions of Python break the lines of a help in different places, so only the words count."""
    return text.split()


def test_the_page_has_the_help_of_each_command() -> None:
    assert _words(PAGE.read_text()) == _words(page()), "python -m tests.docs.commands_page writes the page"


@pytest.mark.parametrize("columns", ["40", "200"])
def test_the_width_of_the_terminal_does_not_matter(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = page()
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert page() == here


def test_a_section_for_each_command() -> None:
    sections = [heading.text for heading in Page(PAGE).headings if heading.level == 2]
    assert sections == [f"recharge {command.name}" for command in COMMANDS]
    assert all(re.match(r"usage: recharge ", block.text) for block in Page(PAGE).blocks)
