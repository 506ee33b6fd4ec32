"""The reader's language."""

import pytest

from recharge.terminal.language import Language, language_of_environment


@pytest.fixture
def portuguese(monkeypatch: pytest.MonkeyPatch) -> Language:
    monkeypatch.setenv("LANGUAGE", "pt_BR")
    return language_of_environment()
