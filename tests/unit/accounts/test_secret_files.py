"""A secret file is written completely or not at all, and is never readable by others on the way."""

import errno
import os
from pathlib import Path

import pytest

from cloud_service.accounts.secret_files import FOR_ALL, FOR_GROUP, FOR_OWNER, write_file, write_files


@pytest.mark.parametrize("mode", [FOR_OWNER, FOR_GROUP, FOR_ALL])
def test_the_mode_is_the_one_asked_for_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        write_file(tmp_path / "file", "text", mode)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


def test_only_the_owner_can_read_it_by_default(tmp_path: Path) -> None:
    write_file(tmp_path / "password", "secret\n")
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "password").read_text() == "secret\n"


def test_an_existing_file_is_replaced_with_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"old")
    file.chmod(0o644)
    write_file(file, b"new")
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"old")

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space left") as caught:
        write_file(file, b"new")
    assert caught.value.filename == str(file)
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_files_that_belong_together_are_replaced_together_or_not_at_all(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key", tmp_path / "no folder" / "certificate"
    key.write_bytes(b"old")

    with pytest.raises(FileNotFoundError) as caught:
        write_files((key, b"new", FOR_OWNER), (certificate, b"new", FOR_ALL))

    assert caught.value.filename == str(certificate)
    assert key.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [key]
