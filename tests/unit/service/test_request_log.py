"""What a request leaves in the log."""

import logging

import pytest

from cloud_service.protocol.messages import Message
from cloud_service.service.request_log import log_answers
from tests.unit.service.engine.bench import NOON, Bench

TOPIC = "recharge/v1/request/findReservation/ana"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def logged(traceparent: str | None, caplog: pytest.LogCaptureFixture) -> dict[str, object]:
    bench = Bench()
    bench.engine.take_in(Message(TOPIC, b"{}", traceparent=traceparent), None, NOON.timestamp())
    (answer,) = bench.turn(seconds=2).answers
    with caplog.at_level(logging.INFO):
        log_answers([answer], bench.now)
    (record,) = caplog.records
    (line,) = vars(record)["each"]
    assert isinstance(line, dict)
    return line


def test_a_request_and_how_it_ended(caplog: pytest.LogCaptureFixture) -> None:
    line = logged(None, caplog)
    assert (line["action"], line["client"], line["outcome"]) == ("findReservation", "ana", "NOT_FOUND")
    assert line["milliseconds"] == 2000
    assert "traceparent" not in line


def test_a_trace_context_is_there_as_it_came(caplog: pytest.LogCaptureFixture) -> None:
    assert logged(TRACE, caplog)["traceparent"] == TRACE


def test_what_is_no_trace_context_stays_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert "traceparent" not in logged(f"{TRACE[:-1]}\n", caplog)


def test_the_requests_of_a_batch_are_one_record(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    for client in ("ana", "bia"):
        topic = f"recharge/v1/request/findReservation/{client}"
        bench.engine.take_in(Message(topic, b"{}"), None, NOON.timestamp())
    bench.engine.take_in(Message("recharge/v1/request/unknown/ana", b"{}"), None, NOON.timestamp())
    answers = bench.turn().answers
    caplog.clear()
    with caplog.at_level(logging.INFO):
        log_answers(answers, bench.now)
    (record,) = caplog.records
    assert [line["client"] for line in vars(record)["each"]] == ["ana", "bia"]


def test_messages_that_were_ignored_have_no_second_line(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.engine.take_in(Message("recharge/v1/request/unknown/ana", b"{}"), None, NOON.timestamp())
    answers = bench.turn().answers
    caplog.clear()
    with caplog.at_level(logging.INFO):
        log_answers(answers, bench.now)
    assert len(answers) == 1
    assert not caplog.records
