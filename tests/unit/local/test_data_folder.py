"""A data folder has one network at a time."""

from pathlib import Path

import pytest

from cloud_service.local.data_folder import locked_broker_folder
from cloud_service.local.errors import CannotStart


def test_the_folder_is_created_and_locked(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    with locked_broker_folder(data) as folder:
        assert folder == data / "broker"
        assert folder.is_dir()
        with pytest.raises(CannotStart, match="another `recharge up` uses the data folder"):
            locked_broker_folder(data).__enter__()
    with locked_broker_folder(data):
        pass


def test_a_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(CannotStart, match="cannot write to the data folder"):
        locked_broker_folder(tmp_path / "data").__enter__()
