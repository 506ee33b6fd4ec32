"""The tree in docs/architecture.md is the house as it is."""

import re

from tests.docs.pages import ROOT, Page


def test_the_tree_has_all_modules() -> None:
    page = Page(ROOT / "docs" / "architecture.md")
    tree = next(block.text for block in page.blocks if "cloud_service/\n" in block.text)
    named = set(re.findall(r"^  ([\w.]+)", tree, re.MULTILINE))
    package = ROOT / "cloud_service"
    there = {
        path.name
        for path in package.iterdir()
        if (path.suffix == ".py" and path.name != "__init__.py") or (path / "__init__.py").is_file()
    }
    assert named == there
