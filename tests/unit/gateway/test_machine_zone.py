"""The machine's time zone as its file says it is that of the C library."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloud_service.gateway.machine_zone import machine_zone

FIRST = datetime(1975, 1, 1, tzinfo=UTC)
MOMENTS = [FIRST + number * timedelta(days=9, hours=5) for number in range(2_300)]


@pytest.mark.parametrize("name", ["UTC", "America/Sao_Paulo", "Europe/Berlin", "Asia/Kathmandu"])
def test_the_file_says_what_the_c_library_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path("/usr/share/zoneinfo", name)
    if not file.exists():
        pytest.skip("this machine has no zones: install tzdata")
    monkeypatch.delenv("TZ", raising=False)
    zone = machine_zone(file)
    assert zone is not None
    monkeypatch.setenv("TZ", name)
    time.tzset()
    try:
        of_the_c_library = [moment.astimezone().isoformat() for moment in MOMENTS]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert [moment.astimezone(zone).isoformat() for moment in MOMENTS] == of_the_c_library


def test_tz_counts_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    assert machine_zone() is None


def test_without_a_file_it_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ", raising=False)
    assert machine_zone(tmp_path / "localtime") is None
    (tmp_path / "localtime").write_bytes(b"no zone")
    assert machine_zone(tmp_path / "localtime") is None
