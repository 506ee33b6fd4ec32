"""The guides in Portuguese say what the English ones say, with the glossary's word for each thing."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import COMMANDS, GUIDES, ROOT, Page, in_portuguese
from tools.translations import CATALOGUE, read_catalogue

PAIRS = [
    pytest.param(
        Page(ROOT / "docs" / "guides" / f"{english}.md"),
        Page(ROOT / "docs" / "pt" / f"{portuguese}.md"),
        id=portuguese,
    )
    for english, portuguese in GUIDES.items()
]
OTHER_WORDS = {
    "estação": ("carregador", "eletroposto", "posto"),
    "ponto": ("tomada", "vaga"),
    "reserva": ("agendamento", "reservação"),
    "requisição": ("solicitação", "pedido"),
}

ENGLISH = {"estação": "station", "ponto": "point", "reserva": "reservation", "requisição": "request"}


def test_every_guide_is_there_in_both_languages() -> None:
    for folder, names in (("guides", GUIDES.keys()), ("pt", (*GUIDES.values(), COMMANDS))):
        assert {path.stem for path in (ROOT / "docs" / folder).glob("*.md")} == set(names)


@pytest.mark.parametrize(("english", "portuguese"), PAIRS)
def test_same_blocks_and_structure(english: Page, portuguese: Page) -> None:
    blocks = [[(block.language, block.text) for block in page.blocks] for page in (english, portuguese)]
    assert blocks[0] == blocks[1]
    levels = [[heading.level for heading in page.headings] for page in (english, portuguese)]
    assert levels[0] == levels[1]
    assert english.tables == portuguese.tables


@pytest.mark.parametrize(("english", "portuguese"), PAIRS)
def test_same_links(english: Page, portuguese: Page) -> None:
    """To pages outside the guides. Those to guides lead to the same guide in the other language."""
    assert portuguese.targets == [in_portuguese(target) for target in english.targets]


@pytest.mark.parametrize("path", [ROOT / "README.pt-BR.md", *sorted((ROOT / "docs" / "pt").glob("*.md"))])
def test_one_word_for_each_thing(path: Path) -> None:
    assert _other_words("\n".join(Page(path).prose)) == []


def test_one_word_for_each_thing_in_the_program() -> None:
    texts = read_catalogue(CATALOGUE.read_text())
    assert {english: used for english, text in texts.items() if (used := _other_words(text))} == {}


def test_one_word_for_each_thing_on_the_live_map() -> None:
    texts = (
        (ROOT / "cloud_service" / "monitor" / "page" / "words.js").read_text().partition("const pt = {")[2]
    )
    assert "estações" in texts
    assert _other_words(texts) == []


@pytest.mark.parametrize("word", OTHER_WORDS)
def test_the_program_has_the_word_where_english_has_its_own(word: str) -> None:
    texts = read_catalogue(CATALOGUE.read_text())
    english = re.compile(rf"\b{ENGLISH[word]}s?\b")
    # Without what changes in the plural. The names of fields are not texts.
    named = {text for text in texts if english.search(re.sub(r"\{\w+", "", text))}
    assert len(named) > 20
    assert {text for text in named if word[:-2] not in texts[text].lower()} == set()


def _other_words(text: str) -> list[str]:
    words = (word for others in OTHER_WORDS.values() for word in others)
    return [word for word in words if re.search(rf"\b{word}(s|es)?\b", text.lower())]
