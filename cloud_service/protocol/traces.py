"""Trace contexts: what the user property `traceparent` of a request may say (W3C Trace Context)."""

import re
from typing import Final

TRACEPARENT_LENGTH: Final = 55
_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def read_traceparent(text: str | None) -> str | None:
    """Returns a trace context as it came, or None if the text is none.

    A wrong one is no reason to refuse a request: W3C has its receiver go on as if there were none.
    """
    return text if text is not None and _TRACEPARENT.fullmatch(text) else None
