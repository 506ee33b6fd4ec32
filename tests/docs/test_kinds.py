"""Each kind of fault in docs/reliability.md names the test that holds it. (test_paths.py finds the files.)"""

import re

from tests.docs.pages import ROOT

HEADING = "## Kinds of fault that strangers found"
_TEST = re.compile(r"`tests/[\w/]+/test_\w+\.py`")


def section() -> list[str]:
    text = (ROOT / "docs" / "reliability.md").read_text()
    return text.split(HEADING)[1].split("\n## ")[0].splitlines()


def test_each_kind_names_its_test() -> None:
    rows = [line for line in section() if line.startswith("|")][2:]
    assert len(rows) > 40
    assert [row for row in rows if len(row.split(" | ")) != 3 or not _TEST.search(row)] == []


def test_no_row_stands_outside_its_table() -> None:
    lines = (ROOT / "docs" / "reliability.md").read_text().splitlines()
    rows = [number for number, line in enumerate(lines) if line.startswith("|")]
    heads = [number for number in rows if number - 1 not in rows]
    assert [lines[number] for number in heads if not lines[number + 1].startswith("|---")] == []
