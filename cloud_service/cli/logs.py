"""Logs: lines for people, or JSON for machines. Both show the `extra` of a record.

log = logging.getLogger(__name__)
log.info("request", extra={"action": "findReservation", "client": "ana", "outcome": "ok"})

A record may stand for several lines, which then cost much less: `each` has what they show.

log.info("request", extra={"each": [{"client": "ana", "outcome": "ok"}, {"client": "bob"}]})
"""

import json
import logging
import re
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, TextIO

from msgspec import Struct

from cloud_service.config.setting import Section, Setting
from cloud_service.config.values import one_of
from cloud_service.local.lines import Lines, lines_to

log = logging.getLogger(__name__)

_OWN: Final = frozenset((*vars(logging.makeLogRecord({})), "message", "asctime"))
"""The attributes of a record without `extra`."""
_FLUSH_SECONDS: Final = 1.0
"""How long a process that ends waits for the reader of its log."""
_PLAIN: Final = re.compile(r"[\w.:;/@+*#%$&?!|~^-]+")


class LogSettings(Struct, frozen=True):
    """The minimum level to log, and the format of a line."""

    format: Annotated[
        str,
        Setting(
            "log_format", one_of("text|json", "text", "json"), Section.LOGS, "for people, or for machines"
        ),
    ] = "text"
    level: Annotated[
        str,
        Setting(
            "log_level",
            one_of("LEVEL", "debug", "info", "warning", "error"),
            Section.LOGS,
            "minimum level to log: debug, info, warning or error",
        ),
    ] = "info"


def set_up(process: str, settings: LogSettings, stream: TextIO | None = None) -> None:
    """Makes all loggers write to the stream, by default standard error. Each line names the process.

    Logging never waits: while nobody reads the stream, lines are dropped, and a line says how many.
    """
    # No formatter shows these, and collecting them for each record takes time.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    formatter = JSONFormatter(process) if settings.format == "json" else TextFormatter(process)
    handler = LinesHandler(formatter, stream or sys.stderr)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level.upper())
    logging.captureWarnings(True)


def lines() -> Lines:
    """The lines of the stream to which the loggers write. Call it after `set_up`."""
    (handler,) = (each for each in logging.getLogger().handlers if isinstance(each, LinesHandler))
    return handler.lines


def tell(line: str) -> None:
    """Writes a line for people there, after everything that was logged before."""
    lines().write(line)


class LinesHandler(logging.Handler):
    """Writes records to the lines of a stream."""

    def __init__(self, formatter: "LinesFormatter", stream: TextIO | None) -> None:
        super().__init__()
        self._formatter = formatter
        self.setFormatter(formatter)
        self.lines: Lines = lines_to(stream, self._dropped)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.lines.write_all(self._formatter.lines(record))
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        self.lines.flush(_FLUSH_SECONDS)

    def _dropped(self, number: int) -> str:
        message = "%d lines were dropped here, because they were not read in time"
        record = log.makeRecord(log.name, logging.WARNING, __file__, 0, message, (number,), None)
        return self.format(record)


class LinesFormatter(logging.Formatter):
    """Makes the lines of a record."""

    def lines(self, record: logging.LogRecord) -> list[str]:
        each = vars(record).get("each")
        return [self.format(record)] if each is None else self.format_each(record, each)

    def format_each(self, record: logging.LogRecord, each: Iterable[Mapping[str, Any]]) -> list[str]:
        """A line like that of the record for each of these `extra`."""
        raise NotImplementedError


class TextFormatter(LinesFormatter):
    """`2026-03-01 12:00:00.250 INFO    service: request client=ana`, in local time."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process
        self._second = -1
        self._date = ""

    def format(self, record: logging.LogRecord) -> str:
        line = self._begin(record) + _shown(_extra(record))
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line

    def format_each(self, record: logging.LogRecord, each: Iterable[Mapping[str, Any]]) -> list[str]:
        begin = self._begin(record)
        return [begin + _shown(extra) for extra in each]

    def _begin(self, record: logging.LogRecord) -> str:
        second = int(record.created)
        if second != self._second:
            self._second = second
            self._date = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        return (
            f"{self._date}.{record.msecs:03.0f} {record.levelname:7} {self._process}: "
            f"{_on_one_line(record.getMessage())}"
        )


class JSONFormatter(LinesFormatter):
    """One object a line: `time` in UTC, `level`, `process`, `logger`, `message`, the `extra`, `exception`."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line = self._begin(record) | _extra(record)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _json(line)

    def format_each(self, record: logging.LogRecord, each: Iterable[Mapping[str, Any]]) -> list[str]:
        begin = self._begin(record)
        return [_json({**begin, **extra}) for extra in each]

    def _begin(self, record: logging.LogRecord) -> dict[str, Any]:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return {
            "time": f"{seconds}.{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
        }


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}


def _json(line: Mapping[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False, default=str)


def _shown(extra: Mapping[str, Any]) -> str:
    return "".join([f" {name}={_value(value)}" for name, value in extra.items()])


def _value(value: object) -> str:
    """Quotes unusual texts, so that a client's name cannot look like another field."""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=not text.isprintable())


def _on_one_line(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
