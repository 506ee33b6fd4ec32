"""Where a request ends in a stream of bytes: with its JSON object, however the bytes were cut.

The recogniser is a table of states. Each has a regular expression for the longest run of bytes that keeps the
state, and for the one token that leads to the next: the name of its group is the name of that state. So the
work is linear, and a byte after which no JSON object is possible is refused as it comes.
"""

import re
from typing import Final

MAX_BYTES: Final = 65_536
MAX_DEPTH: Final = 32

_SPACE = rb"[ \t\n\r]*+"
_DIGITS = rb"[0-9]*+"
_TEXT = rb"""(?:[ !#-\[\]-\x7f]
    | \\["\\/bfnrt] | \\u[0-9a-fA-F]{4}
    | [\xc2-\xdf][\x80-\xbf]
    | \xe0[\xa0-\xbf][\x80-\xbf] | [\xe1-\xec\xee\xef][\x80-\xbf]{2} | \xed[\x80-\x9f][\x80-\xbf]
    | \xf0[\x90-\xbf][\x80-\xbf]{2} | [\xf1-\xf3][\x80-\xbf]{3} | \xf4[\x80-\x8f][\x80-\xbf]{2}
)*+"""
_VALUE = rb"""(?P<object>\{) | (?P<array>\[) | (?P<text>") | (?P<after>true|false|null)
    | (?P<minus>-) | (?P<zero>0) | (?P<integer>[1-9])"""
_NUMBER_ENDS = rb"(?P<after>(?=[ \t\n\r,\]}]))"

_TABLE: Final[dict[str, tuple[bytes, bytes]]] = {
    "between": (_SPACE, rb"(?P<object>\{)"),
    "first_key": (_SPACE, rb'(?P<key_text>") | (?P<close>\})'),
    "key": (_SPACE, rb'(?P<key_text>")'),
    "key_text": (_TEXT, rb'(?P<colon>")'),
    "colon": (_SPACE, rb"(?P<value>:)"),
    "value": (_SPACE, _VALUE),
    "first_item": (_SPACE, _VALUE + rb"| (?P<close>\])"),
    "after_member": (_SPACE, rb"(?P<key>,) | (?P<close>\})"),
    "after_item": (_SPACE, rb"(?P<value>,) | (?P<close>\])"),
    "text": (_TEXT, rb'(?P<after>")'),
    "minus": (b"", rb"(?P<zero>0) | (?P<integer>[1-9])"),
    "zero": (b"", rb"(?P<point>\.) | (?P<exponent>[eE]) |" + _NUMBER_ENDS),
    "integer": (_DIGITS, rb"(?P<point>\.) | (?P<exponent>[eE]) |" + _NUMBER_ENDS),
    "point": (b"", rb"(?P<fraction>[0-9])"),
    "fraction": (_DIGITS, rb"(?P<exponent>[eE]) |" + _NUMBER_ENDS),
    "exponent": (b"", rb"(?P<sign>[+-]) | (?P<power>[0-9])"),
    "sign": (b"", rb"(?P<power>[0-9])"),
    "power": (_DIGITS, _NUMBER_ENDS),
}
_PATTERNS: Final = {
    state: re.compile(rb"%b(?:%b)?" % (run, tokens), re.VERBOSE) for state, (run, tokens) in _TABLE.items()
}

_CUT_TEXT: Final = re.compile(
    rb"""\\(?:u[0-9a-fA-F]{0,3})?
    | [\xc2-\xdf]
    | \xe0[\xa0-\xbf]? | [\xe1-\xec\xee\xef][\x80-\xbf]? | \xed[\x80-\x9f]?
    | \xf0(?:[\x90-\xbf][\x80-\xbf]?)? | [\xf1-\xf3][\x80-\xbf]{0,2} | \xf4(?:[\x80-\x8f][\x80-\xbf]?)?""",
    re.VERBOSE,
)
_CUT_WORD: Final = re.compile(rb"t(?:r(?:u)?)?|f(?:a(?:l(?:s)?)?)?|n(?:u(?:l)?)?")
_CUT: Final = {"text": _CUT_TEXT, "key_text": _CUT_TEXT, "value": _CUT_WORD, "first_item": _CUT_WORD}
"""What the bytes may end with where a token of several bytes was cut."""


class Unreadable(Exception):
    """What came is no JSON object, or one that is too large or too deep."""


class Framer:
    """Takes bytes as they come and gives whole top-level JSON objects."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._position = 0
        """Up to here the bytes are recognised; a cut token is looked at again with what follows."""
        self._state = "between"
        self._containers: list[str] = []
        """The states after a member or an item of each container that is open."""

    @property
    def begun(self) -> bool:
        """Whether the first byte of a request is there, and not yet all of it."""
        return bool(self._containers)

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def take(self) -> bytes | None:
        """The next object's bytes; None where more bytes are needed.

        Raises Unreadable at the first byte that can no longer become an object within the limits. What came
        before has been taken by then.
        """
        while self._position < len(self._buffer):
            pattern = _PATTERNS[self._state]
            match = pattern.match(self._buffer, self._position)
            assert match is not None  # a run may be empty
            self._position = match.end()
            if not self._containers:
                self._drop_space(match.start("object"))
            elif self._position > MAX_BYTES:
                raise Unreadable(f"larger than {MAX_BYTES} bytes")
            if match.lastgroup is not None:
                self._enter(match.lastgroup)
                if not self._containers:
                    return self._cut_off()
            elif self._position < len(self._buffer):
                self._expect_cut_token()
                return None
        return None

    def _drop_space(self, start: int) -> None:
        """Before an object there is only white space, which is nothing."""
        space = self._position if start < 0 else start
        del self._buffer[:space]
        self._position -= space

    def _enter(self, state: str) -> None:
        if state == "object" or state == "array":
            if len(self._containers) == MAX_DEPTH:
                raise Unreadable(f"nested deeper than {MAX_DEPTH}")
            self._containers.append("after_member" if state == "object" else "after_item")
            self._state = "first_key" if state == "object" else "first_item"
        elif state == "close":
            self._containers.pop()
            self._state = self._containers[-1] if self._containers else "between"
        elif state == "after":
            self._state = self._containers[-1]
        else:
            self._state = state

    def _cut_off(self) -> bytes:
        body = bytes(self._buffer[: self._position])
        del self._buffer[: self._position]
        self._position = 0
        return body

    def _expect_cut_token(self) -> None:
        cut = _CUT.get(self._state)
        if cut is None or cut.fullmatch(self._buffer, self._position) is None:
            byte = bytes(self._buffer[self._position : self._position + 1])
            raise Unreadable(f"{byte!r} at byte {self._position} cannot be part of a JSON object")
