"""Every test of the contract suite; conftest.py keeps those that take their network from `target`."""

import importlib
from pathlib import Path

import pytest

from tests import contract

for _file in sorted(Path(*contract.__path__).glob("test_*.py")):
    pytest.register_assert_rewrite(f"{contract.__name__}.{_file.stem}")
    _module = importlib.import_module(f"{contract.__name__}.{_file.stem}")
    if "people" in vars(_module):
        continue  # All of it is about a network of its own.
    for _name, _value in vars(_module).items():
        if _name.startswith(("test_", "Test")) and _value.__module__ == _module.__name__:
            globals()[f"{_name}_of_{_file.stem}"] = _value
