"""The request audit: what requests leave in the audit log."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cloud_service.accounts.audit_log import AuditLog
from cloud_service.protocol.messages import Message
from cloud_service.service.request_audit import RequestAudit
from tests.unit.service.engine.bench import NOON, Bench

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(tmp_path: Path) -> Lines:
    def read() -> list[dict[str, Any]]:
        file = tmp_path / "audit.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    return read


@pytest.fixture
def audit(tmp_path: Path) -> RequestAudit:
    return RequestAudit(AuditLog(tmp_path / "audit.jsonl"))


def test_a_transfer_of_stations(audit: RequestAudit, lines: Lines) -> None:
    bench = Bench()
    for x in (0, 1):
        bench.station("ana", x=x)
    topic = "recharge/v1/control/transferStations/administrator"
    bench.engine.take_in(Message(topic, b'{"from": "ana", "to": "bia"}'), None, NOON.timestamp())
    (answer,) = bench.turn().answers
    audit.note(answer, NOON)

    assert lines() == [
        {
            "at": NOON.isoformat(),
            "event": "stationsTransferred",
            "by": "administrator",
            "from": "ana",
            "to": "bia",
            "outcome": "ok",
            "count": 2,
        }
    ]


def test_refusals_by_role_and_messages_that_are_ignored(audit: RequestAudit, lines: Lines) -> None:
    bench = Bench()
    bench.send("monitor", "newChargingStation", x_position=1, y_position=1)
    bench.engine.take_in(Message("recharge/v1/request/fly/ana", b"{}"), None, NOON.timestamp())
    bench.engine.take_in(Message("x" * 1_000, b"{}"), None, NOON.timestamp())
    for answer in bench.turn().answers:
        audit.note(answer, NOON)

    refused = {(line["client"], line["action"], line["code"]) for line in lines()}
    assert refused == {
        ("monitor", "newChargingStation", "FORBIDDEN"),
        ("ana", "fly", "ignored"),
        ("x" * 200, "", "ignored"),
    }
    assert all(line["event"] == "requestRefused" for line in lines())


def test_what_was_answered_leaves_nothing(audit: RequestAudit, lines: Lines) -> None:
    bench = Bench()
    bench.send("ana", "newChargingStation", x_position=1, y_position=1)
    bench.send("bob", "findReservation")
    for answer in bench.turn().answers:
        audit.note(answer, NOON)
    assert lines() == []


def test_after_ten_refusals_in_a_minute_the_others_are_counted(audit: RequestAudit, lines: Lines) -> None:
    bench = Bench()

    def refuse(client: str, count: int) -> None:
        for _ in range(count):
            bench.send(client, "newChargingStation", x_position=1, y_position=1)
        for answer in bench.turn().answers:
            audit.note(answer, bench.now)

    refuse("monitor", 25)
    refuse("monitor-2", 3)
    audit.flush(NOON + timedelta(seconds=59))
    assert len(lines()) == 13
    audit.flush(NOON + timedelta(seconds=60))
    at = (NOON + timedelta(seconds=60)).isoformat()
    assert lines()[13:] == [{"at": at, "event": "requestsRefused", "client": "monitor", "more": 15}]

    bench.now += timedelta(minutes=2)
    refuse("monitor", 11)
    audit.close(bench.now)
    assert [line["event"] for line in lines()[14:]] == [*["requestRefused"] * 10, "requestsRefused"]
    assert lines()[-1]["more"] == 1
