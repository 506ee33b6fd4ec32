"""Log lines for people and for machines."""

import io
import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud_service.cli import logs

log = logging.getLogger("cloud_service.somewhere")


def lines_of(log_format: str, log_level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    logs.set_up("service", logs.LogSettings(log_format, log_level), stream)
    return stream


def test_text_line() -> None:
    stream = lines_of("text")
    log.info("request %s", "answered", extra={"action": "findReservation", "client": "ana", "ms": 1 / 3})
    line = stream.getvalue()
    assert line.endswith(" INFO    service: request answered action=findReservation client=ana ms=0.333333\n")
    datetime.fromisoformat(line[:23])


def test_json_line() -> None:
    stream = lines_of("json")
    log.warning("odd", extra={"client": "ana", "ms": 0.5, "file": Path("/srv/x"), "request_id": None})
    line = json.loads(stream.getvalue())
    time = datetime.fromisoformat(line.pop("time"))
    assert time.tzinfo == UTC
    assert abs((datetime.now(UTC) - time).total_seconds()) < 3600
    assert line == {
        "level": "warning",
        "process": "service",
        "logger": "cloud_service.somewhere",
        "message": "odd",
        "client": "ana",
        "ms": 0.5,
        "file": "/srv/x",
        "request_id": None,
    }


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_record_for_each_of_several_lines_is_like_a_record_for_each(log_format: str) -> None:
    extras = ({"client": "ana", "ms": 0.5}, {"client": "a b", "ms": 1 / 3, "file": Path("/srv/x")})
    stream = lines_of(log_format)
    for extra in extras:
        log.info("request", extra=extra)
    log.info("request", extra={"each": extras})
    lines = [
        line.partition("INFO" if log_format == "text" else ",")[2] for line in stream.getvalue().splitlines()
    ]
    assert len(lines) == 4
    assert lines[2:] == lines[:2]


@pytest.mark.parametrize("text", ["a b", "x=1 outcome=ok", 'quote"', "", "new\nline", "\x1b[31m", "á ç"])
def test_text_that_could_feign_something_stands_in_quotes(text: str) -> None:
    stream = lines_of("text")
    log.info("request", extra={"client": text, "outcome": "refused"})
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert line.endswith(" outcome=refused\n")
    quoted = line.partition("client=")[2].removesuffix(" outcome=refused\n")
    assert json.loads(quoted) == text
    assert quoted.isprintable()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_message_stays_on_its_line(log_format: str) -> None:
    stream = lines_of(log_format)
    log.info("bad topic %s", "x\ny\x1b[2J")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_exception_is_shown(log_format: str) -> None:
    stream = lines_of(log_format)
    try:
        raise ValueError("out of range")
    except ValueError:
        log.exception("failed", extra={"action": "findReservation"})
    text = stream.getvalue()
    if log_format == "json":
        assert text.count("\n") == 1
        text = json.loads(text)["exception"]
    assert "Traceback (most recent call last)" in text
    assert "ValueError: out of range" in text


def test_level() -> None:
    stream = lines_of("text", "warning")
    log.info("unheard")
    log.warning("heard")
    assert "unheard" not in stream.getvalue()
    assert "heard" in stream.getvalue()


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("gateway", logs.LogSettings())
    log.info("listening")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "gateway: listening" in captured.err
    assert sys.stderr is not sys.stdout


def test_a_stream_that_fails_is_not_the_loggers_concern(capsys: pytest.CaptureFixture[str]) -> None:
    stream = lines_of("text")
    stream.close()
    log.info("unheard")
    assert "I/O operation on closed file" in capsys.readouterr().err
