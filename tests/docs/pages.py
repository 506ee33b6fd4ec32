"""The project's pages: their code blocks, headings, links and tables."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
GUIDES = {
    "connect-a-charger": "conectar-uma-estacao",
    "move-from-the-old-server": "migrar-do-servidor-antigo",
    "old-tcp-clients": "manter-clientes-tcp-antigos",
    "operate": "operar",
    "write-a-vehicle": "escrever-um-veiculo",
}
"""The names of the guides in docs/guides, and of their translations in docs/pt."""
COMMANDS = "comandos"
"""The name of the translation of docs/commands.md in docs/pt."""
_COMMANDS_PAGES = {"docs/commands.md": f"docs/pt/{COMMANDS}.md", "../commands.md": f"{COMMANDS}.md"}
"""Where a README and a guide find them."""
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

RUN = ("sh", "python")
"""The languages of code blocks that tests run against a network."""
SHOWN = ("console", "text", "json", "yaml", "ini")
"""The languages of blocks that are only shown. In `console`, a command follows `$`."""

_FENCE = re.compile(r"^( *)```(.*)$")
"""It is indented in a list."""
_HEADING = re.compile(r"^(#+) (.*)$")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A fenced code block and the number of its first line."""

    language: str
    text: str
    line: int


class Heading(NamedTuple):
    level: int
    text: str

    @property
    def anchor(self) -> str:
        """The anchor that GitHub makes of the heading."""
        kept = re.sub(r"[^\w\- ]", "", self.text.replace("`", "").lower())
        return kept.replace(" ", "-")


class Page:
    """A Markdown page."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path.relative_to(ROOT))
        self.blocks: list[Block] = []
        self.prose: list[str] = []
        """The lines outside code blocks."""
        self._read()

    def _read(self) -> None:
        language, begun, indent = "", 0, ""
        inside: list[str] = []
        in_block = False
        for number, line in enumerate(self.path.read_text().splitlines(), 1):
            fence = _FENCE.match(line)
            if fence and not in_block:
                in_block, indent, language, begun, inside = True, fence[1], fence[2].strip(), number, []
            elif fence:
                in_block = False
                self.blocks.append(Block(language, "\n".join(inside) + "\n", begun))
            elif in_block:
                inside.append(line.removeprefix(indent))
            else:
                self.prose.append(line)
        assert not in_block, f"{self.name}, line {begun}: the code block does not end"

    @property
    def headings(self) -> list[Heading]:
        matches = (_HEADING.match(line) for line in self.prose)
        return [Heading(len(match[1]), match[2]) for match in matches if match]

    @property
    def links(self) -> list[str]:
        return [target for line in self.prose for target in _LINK.findall(line)]

    @property
    def targets(self) -> list[str]:
        """The links without their anchors, which are headings and so differ between languages."""
        return [link.partition("#")[0] for link in self.links]

    @property
    def tables(self) -> list[tuple[int, int]]:
        """The numbers of rows and columns of each table."""
        rows: list[int] = []
        found = []
        for line in [*self.prose, ""]:
            if line.startswith("|"):
                rows.append(line.replace("\\|", "").count("|") - 1)
            elif rows:
                found.append((len(rows), max(rows)))
                rows = []
        return found


def in_portuguese(target: str) -> str:
    """Where the Portuguese page links if the English one links to this."""
    if target in _COMMANDS_PAGES:
        return _COMMANDS_PAGES[target]
    folder, _, name = target.rpartition("/")
    translated = GUIDES.get(name.removesuffix(".md"))
    if translated is None:
        return target
    return f"{folder.replace('guides', 'pt')}/{translated}.md".removeprefix("/")


def pages() -> list[Page]:
    return [Page(path) for path in PAGES]


def commands(block: Block) -> Iterator[str]:
    """The commands of a console block, without their output."""
    for line in block.text.splitlines():
        if line.startswith("$ "):
            yield line.removeprefix("$ ")
