"""How the C library keeps large blocks of memory."""

import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
"""The number of the option in glibc's malloc.h."""
_LARGE: Final = 2**20
"""In bytes. The tables of a large network have more, and so has a file while it is read."""


def give_large_blocks_back() -> None:
    """Has large blocks go back to the system as soon as they are free.

    Otherwise glibc keeps those of up to 32 MB once the first of them is free, and a table that has grown
    leaves its earlier places behind. Other C libraries have no such option.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
