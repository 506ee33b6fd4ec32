"""`recharge schema`: the schema is made and upgraded without a service."""

import subprocess
import sys

import psycopg

from tests.kit.postgres import Postgres
from tests.kit.processes import clean_environment


def _schema(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cloud_service", "schema", *words],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_is_made_once(postgres: Postgres) -> None:
    address = postgres.new_database()
    first, second = (_schema("--state-owner", address) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "upgraded, by 0001_network.sql" in first.stdout
    assert "was up to date" in second.stdout
    with psycopg.connect(address) as database:
        assert database.execute("SELECT count(*) FROM recharge.network").fetchone() == (1,)


def test_a_newer_schema_is_refused(postgres: Postgres) -> None:
    address = postgres.new_database()
    _schema("--state-owner", address)
    with psycopg.connect(address) as database:
        database.execute("INSERT INTO recharge.migrations (version, name) VALUES (9999, 'of later')")
    done = _schema("--state-owner", address)
    assert done.returncode == 1
    assert "version 9999" in done.stderr


def test_it_needs_a_database() -> None:
    done = _schema()
    assert done.returncode == 1
    assert "--state-owner" in done.stderr
