"""What the fuzzer's bytes mean, and examples to start from. Pure, so that it is the same without atheris."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from zlib import crc32

import msgspec
from msgspec import Struct

from cloud_service.core.changes import Changes, Event
from cloud_service.core.records import Reservation, Station
from cloud_service.protocol import topics
from cloud_service.protocol.actions import CLIENT_ACTIONS
from cloud_service.store.journal import Batch, JournalPosition, RequestRecord, encode_line
from tests.faults.hostile import Hostile
from tests.kit.mqtt_bytes import text, variable

ACTIONS = tuple(CLIENT_ACTIONS)
LONGEST = 2_000
"""Bytes of an input."""
_ID = b"an-id"


class Input(Struct, frozen=True):
    """An action, Correlation Data or none, and what a stranger sent."""

    action: str
    correlation: bytes | None
    body: bytes


def split(data: bytes) -> Input:
    """The last byte chooses the action; the one before it says how many at the front are Correlation Data."""
    *_, length, action = b"\0\0" + data
    rest = data[:-2]
    return Input(ACTIONS[action % len(ACTIONS)], rest[: length % 9] or None, rest[length % 9 :])


def join(parts: Input) -> bytes:
    """An input that is split into these parts; the Correlation Data have 8 bytes at most."""
    correlation = parts.correlation or b""
    return correlation + parts.body + bytes((len(correlation), ACTIONS.index(parts.action)))


def line_with(rest: bytes) -> bytes:
    """A journal's line with these bytes after its checksum, which fits: no fuzzer finds one that does."""
    return b'{"checksum":"%08x%b' % (crc32(rest), rest)


def examples(random: Random) -> Iterator[Input]:
    """What each parser is there for, and bodies that are almost that."""
    for named in (False, True):
        hostile = Hostile(random, named=named)
        for number in range(250):
            action = hostile.action()
            correlation = _ID if number % 2 else None
            yield Input(action, correlation, hostile.body(action)[: LONGEST - 10])
    for action in ACTIONS:
        sound = Hostile(random, named=True).sound_body(action)
        yield Input(action, None, sound)
        yield Input(action, None, sound + b"\n" + sound)
        yield Input(action, None, _packet(topics.request(action, "fuzzer"), sound))
    for reply in (b'{"requestID":"1","ok":true,"result":[1]}', b'{"ok":false,"error":{"code":"BUSY"}}'):
        yield Input(ACTIONS[0], None, reply)
    first, second = _journal()
    yield Input(ACTIONS[0], None, first + second)
    rest = first[len(line_with(b"")) :]
    yield Input(ACTIONS[0], None, rest)
    yield Input(ACTIONS[0], None, rest.replace(b'"owner":"', b'"owner":"\xc1'))


def _packet(topic: str, body: bytes) -> bytes:
    """A PUBLISH packet at QoS 1 without its fixed header, with each property that MQTT 5 has for it."""
    properties = b"".join(
        (
            b"\x01\x01",
            b"\x02" + (60).to_bytes(4, "big"),
            b"\x03" + text("application/json"),
            b"\x08" + text(topics.reply("fuzzer") + "/1"),
            b"\x09" + text("an-id"),
            b"\x0b" + variable(300),
            b"\x23\x00\x01",
            b"\x26" + text("status") + text("ok"),
        )
    )
    return text(topic) + b"\x00\x01" + variable(len(properties)) + properties + body


def _journal() -> tuple[bytes, bytes]:
    """Two lines of a journal."""
    now = datetime(2030, 1, 1, tzinfo=UTC)
    booked = Reservation(1, 1, 1, 22, 0.5, "vehicle", now, now + timedelta(hours=1), 1.0, 11.0, legacy=False)
    event = Event("reservationScheduled", now, "requested", booked, "owner")
    changes = Changes(stations=(Station(1, 2.5, 3, "owner"),), reservations=(booked,), events=(event,))
    remembered = RequestRecord("owner", "text:1", b"x" * 16, "ok", '"ok":true,"result":1')
    first, position = encode_line(Batch(1, JournalPosition().checksum, now, (changes,), (remembered,)))
    second, _ = encode_line(Batch(2, position.checksum, now, delivered=1))
    return first, second


def is_object(body: bytes) -> bool:
    """Whether these bytes are a JSON object."""
    try:
        return isinstance(msgspec.json.decode(body), dict)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
