"""The floors and the tree in docs/architecture.md agree with the code."""

import re
import tomllib

import pytest

from tests.docs.pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "architecture.md")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def _block(first_word: str) -> str:
    return next(block.text for block in PAGE.blocks if block.text.startswith(first_word))


@pytest.mark.parametrize(("package", "top"), [("cloud_service", "cli"), ("recharge", "terminal")])
def test_the_floors_are_those_of_the_contract(package: str, top: str) -> None:
    layers = next(
        contract["layers"]
        for contract in CONTRACTS
        if contract["type"] == "layers" and contract["containers"] == [package]
    )
    floors = [set(re.split(r" [|:] ", layer)) for layer in layers if layer != "__main__"]
    rows = _block(top).splitlines()
    assert len(rows) == len(floors)
    for row, floor in zip(rows, floors, strict=True):
        assert set(row.split()[: len(floor)]) == floor


def test_the_tree_has_all_rooms() -> None:
    named = set(re.findall(r"^  ([\w.]+)", _block("cloud_service/"), re.MULTILINE))
    package = ROOT / "cloud_service"
    there = {
        path.name
        for path in package.iterdir()
        if (path.suffix == ".py" and path.name != "__init__.py") or (path / "__init__.py").is_file()
    }
    assert named == there
