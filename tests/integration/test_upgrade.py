"""A data folder of every form that was ever written can be read."""

import shutil
from pathlib import Path

import pytest

from tests.kit.processes import Stack
from tests.stack.data_forms.make import FOLDERS, check


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_files_of_every_form_are_read(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "data")
    with Stack(tmp_path) as stack:
        check(stack.tcp_port)
