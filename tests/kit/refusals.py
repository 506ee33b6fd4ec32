"""What a client sees if the answer is no, over any transport."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

NONE = "None"
"""All that TCP says of an error."""


class Refused(Exception):
    """The request was refused with this code; on TCP it is `None`."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@contextmanager
def refused(code: str, naming: str = "") -> Iterator[None]:
    """What is asked meanwhile is refused with this code, and the message names this."""
    with pytest.raises(Refused) as caught:
        yield
    if caught.value.code != NONE:
        assert caught.value.code == code
        assert naming in caught.value.message
