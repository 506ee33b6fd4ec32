"""Finds where each request ends in a stream of bytes: with its JSON object, however the bytes were cut.

The scan follows brackets and strings. Whether the object is JSON is for its decoder to judge.
"""

import re
from typing import Final

from cloud_service.protocol.jsontext import Unreadable

MAX_BYTES: Final = 65_536
MAX_DEPTH: Final = 32

_SPACE: Final = re.compile(rb"[ \t\n\r]*+")
_STRING_REST: Final = re.compile(rb'(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+')
"""From inside a string up to its closing quote."""
_UP_TO_BRACKET: Final = re.compile(
    rb'(?:[ \t\n\r,:+\-.0-9Eaeflnrstu]++|"(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+")*+'
)
"""Whole strings, and the bytes of numbers, of true, false and null, and of what stands between values."""
_FLAT: Final = re.compile(_SPACE.pattern + rb"(\{" + _UP_TO_BRACKET.pattern + rb"\})")
"""A whole object without another one or a list in it."""
_CLOSING: Final = {b"{": b"}", b"[": b"]"}


class Framer:
    """Splits a stream of bytes into top-level JSON objects.

    The work is linear in the bytes, and at most `MAX_BYTES` and the last piece fed are kept.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._expected: list[bytes] = []
        """The closing bracket of each open container, the innermost last."""
        self._in_string = False

    @property
    def begun(self) -> bool:
        """Whether a request has begun and is not complete."""
        return bool(self._expected)

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def take(self) -> bytes | None:
        """Returns the next object's bytes, or None if more bytes are needed.

        Raises Unreadable for a byte that no JSON object has in this place, for brackets that do not match,
        and as soon as an object exceeds a limit. Other malformed JSON is returned as if it were an object.
        """
        if self._scanned == len(self._buffer):
            return None
        if not self._expected and (flat := _FLAT.match(self._buffer)) and flat.end() <= MAX_BYTES:
            body = flat[1]
            del self._buffer[: flat.end()]
            return body
        while token := self._next_token():
            self._enter(token)
            if not self._expected:
                return self._cut_off()
        return None

    def _next_token(self) -> bytes:
        """Skips to the next bracket, quote or wrong byte, and returns it; empty if more bytes are needed."""
        if not self._expected:
            self._skip(_SPACE)
            self._cut_off()
        else:
            self._skip(_STRING_REST if self._in_string else _UP_TO_BRACKET)
        token = bytes(self._buffer[self._scanned : self._scanned + 1])
        if token == b"\\" and self._scanned + 1 == len(self._buffer) and self._in_string:
            return b""
        self._scanned += len(token)
        if self._scanned > MAX_BYTES:
            raise Unreadable(f"larger than {MAX_BYTES} bytes")
        return token

    def _skip(self, run: re.Pattern[bytes]) -> None:
        match = run.match(self._buffer, self._scanned)
        assert match is not None  # a run may be empty
        self._scanned = match.end()

    def _enter(self, token: bytes) -> None:
        if token == b'"' and self._expected:
            self._in_string = not self._in_string
        elif self._in_string or (not self._expected and token != b"{"):
            self._refuse(token)
        elif token in _CLOSING:
            if len(self._expected) == MAX_DEPTH:
                raise Unreadable(f"nested deeper than {MAX_DEPTH}")
            self._expected.append(_CLOSING[token])
        elif token != self._expected.pop():
            self._refuse(token)

    def _refuse(self, token: bytes) -> None:
        raise Unreadable(f"{token!r} at byte {self._scanned - 1} cannot be part of a JSON object")

    def _cut_off(self) -> bytes:
        """Removes what has been scanned from the buffer, and returns it."""
        body = bytes(self._buffer[: self._scanned])
        del self._buffer[: self._scanned]
        self._scanned = 0
        return body
