"""Every line is whole, whatever else writes there; and a failure to write stops nobody."""

import json
import logging
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import pytest

from cloud_service.accounts.audit_log import AuditLog

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_a_line_has_the_time_the_event_and_its_details(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    AuditLog(file).record("accountAdded", NOON, by="administrator", account="ana", role="charger")
    assert json.loads(file.read_text()) == {
        "at": "2026-11-01T12:00:00+00:00",
        "event": "accountAdded",
        "by": "administrator",
        "account": "ana",
        "role": "charger",
    }


def test_lines_are_appended_to_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_text('{"event":"before"}\n')
    AuditLog(file).record("serviceStarted", NOON)
    AuditLog(file).record("serviceStopped", NOON)
    events = [json.loads(line)["event"] for line in file.read_text().splitlines()]
    assert events == ["before", "serviceStarted", "serviceStopped"]


def test_a_name_with_a_line_break_stays_on_one_line(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    AuditLog(file).record("requestRefused", NOON, client="ana\n{}", code="FORBIDDEN")
    [line] = file.read_text().splitlines()
    assert json.loads(line)["client"] == "ana\n{}"


def test_others_cannot_read_it(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    AuditLog(file).record("serviceStarted", NOON)
    assert file.stat().st_mode & 0o137 == 0


def _write(file: Path, writer: int) -> None:
    audit = AuditLog(file)
    for number in range(200):
        audit.record("requestRefused", NOON, writer=writer, number=number, padding="x" * 500)


def test_lines_of_several_processes_do_not_mix(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    processes = [get_context("spawn").Process(target=_write, args=(file, writer)) for writer in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for writer in range(3):
        assert [line["number"] for line in lines if line["writer"] == writer] == list(range(200))


def test_a_line_that_cannot_be_written_goes_to_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "missing" / "audit.jsonl"
    with caplog.at_level(logging.ERROR):
        AuditLog(file).record("accountRemoved", NOON, account="ana")
    assert str(file) in caplog.text
    assert "No such file or directory" in caplog.text
    assert '"account":"ana"' in caplog.text
