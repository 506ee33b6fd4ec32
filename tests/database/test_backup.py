"""`recharge backup` of a database: what was dumped can be restored, and what cannot is not kept."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from cloud_service.cli.main import main
from cloud_service.database.connection import connect
from tests.database.engines import booking, new_station, request, services
from tests.kit.postgres import Postgres, programs

FakeProgram: TypeAlias = Callable[[str, str], None]
"""Puts a shell script of this name and text before all programs. "$real" is the folder of PostgreSQL's."""


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> str:
    """PostgreSQL's own programs, also where Debian's wrappers are not."""
    folder = str(programs())
    monkeypatch.setenv("PATH", os.pathsep.join([folder, os.environ["PATH"]]))
    return folder


@pytest.fixture
def fake_program(tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> FakeProgram:
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), os.environ["PATH"]]))

    def put(name: str, text: str) -> None:
        (folder / name).write_text(f"#!/bin/bash\nreal={path}\n{text}\n")
        (folder / name).chmod(0o755)

    return put


@pytest.fixture
def address(postgres: Postgres) -> str:
    """A database that a login owns which may do no more than docs/scale.md says. ana has booked there."""
    url = postgres.new_database()
    name = url.rpartition("/")[2]
    postgres.execute(
        f"CREATE ROLE {name} LOGIN CREATEROLE PASSWORD 'secret'", f"ALTER DATABASE {name} OWNER TO {name}"
    )
    owned = postgres.address(name, name)
    with services(owned) as (service,):
        service.tells = False
        new_station(service)
        service.result(booking("ana", request_id="asked before"))
    return owned


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "copies" / "monday.dump"


def test_what_was_dumped_is_restored(
    postgres: Postgres, address: str, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with services(address) as (living,):
        booked = living.result(request("ana", "findReservation"))
        assert main(["backup", str(target), "--state", address]) == 0
    said = capsys.readouterr().out
    assert f"dumped to {target}" in said
    assert "verified: sound" in said
    assert (target.stat().st_mode & 0o777, list(target.parent.iterdir())) == (0o600, [target])

    owner = address.rpartition("/")[2]
    postgres.execute(f"CREATE DATABASE {owner}_again OWNER {owner}")
    restored = f"{address}_again"
    words = ["pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", f"--dbname={restored}"]
    assert " ".join(words[:-1]) in said
    subprocess.run([*words, str(target)], check=True)
    assert main(["verify", "--state", restored]) == 0
    with services(restored) as (service,):
        service.turn()
        assert service.result(booking("ana", request_id="asked before")) == booked
        assert service.result(booking("bia"))["reservationID"] == booked["reservationID"] + 1
        assert service.told, "what nobody had told"


def test_a_file_that_exists(address: str, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target.parent.mkdir()
    target.write_text("of Sunday")
    assert main(["backup", str(target), "--state", address]) == 1
    assert "name a file that does not exist yet" in capsys.readouterr().err
    assert target.read_text() == "of Sunday"


def test_a_machine_without_pg_dump(
    address: str, target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert main(["backup", str(target), "--state", address]) == 1
    assert "not on this machine's PATH: install PostgreSQL's client of version" in capsys.readouterr().err


def test_a_pg_dump_that_is_older_than_the_server(
    address: str, target: Path, fake_program: FakeProgram, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_program("pg_dump", "echo 'pg_dump (PostgreSQL) 9.6.24'")
    assert main(["backup", str(target), "--state", address]) == 1
    assert "is of version 9, and cannot dump a server of version" in capsys.readouterr().err


BAD_DUMPS = {
    "a dump without some rows": (
        '$real/pg_dump "$@" --exclude-table-data=recharge.events',
        "events has 1 rows, but 0 were dumped",
    ),
    "a dump that was cut off": (
        '$real/pg_dump "$@"; for word; do case $word in --file=*) truncate -s -2000 "${word#*=}"; esac; done',
        "pg_restore failed",
    ),
    "a pg_dump that fails": (
        '[ "$1" = --version ] && exec $real/pg_dump "$@"; echo no room >&2; exit 1',
        "pg_dump failed: no room",
    ),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD_DUMPS)
def test_nothing_is_kept_of(
    bad: str, address: str, target: Path, fake_program: FakeProgram, capsys: pytest.CaptureFixture[str]
) -> None:
    script, said = BAD_DUMPS[bad]
    fake_program("pg_dump", script)
    assert main(["backup", str(target), "--state", address]) == 1
    assert said in capsys.readouterr().err
    assert list(target.parent.iterdir()) == []


def test_a_database_that_is_not_sound(address: str, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with connect(address) as database:
        database.execute("UPDATE stations SET owner = 'nobody'")
    assert main(["backup", str(target), "--state", address]) == 1
    assert "keep the previous backup" in capsys.readouterr().err


def test_the_password_is_no_argument(
    address: str, target: Path, tmp_path: Path, fake_program: FakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_program("pg_dump", f'echo "$PGPASSWORD $@" >> {tmp_path}/arguments; exec $real/pg_dump "$@"')
    monkeypatch.setenv("RECHARGE_STATE", address)
    monkeypatch.setenv("RECHARGE_STATE_PASSWORD", "secret")
    assert main(["backup", str(target)]) == 0
    dumped = (tmp_path / "arguments").read_text().splitlines()[-1]
    assert dumped.startswith("secret ")
    assert dumped.count("secret") == 1
