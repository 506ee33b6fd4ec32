"""Consoles that print text as it is, with control codes on a terminal only."""

import os
import sys
from typing import TextIO

from rich.console import Console


def open_console(stream: TextIO | None = None) -> Console:
    """Returns a console on this stream, by default standard output.

    FORCE_COLOR puts colours into a file too, but never what moves the cursor; NO_COLOR prevents colours.
    """
    on_terminal = (stream or sys.stdout).isatty()
    colours = bool(os.environ.get("FORCE_COLOR")) and not os.environ.get("NO_COLOR")
    return Console(
        file=stream,
        force_terminal=on_terminal,
        color_system="standard" if colours and not on_terminal else "auto",
        # Names come from other clients: they must not be read as styles.
        markup=False,
        emoji=False,
        highlight=False,
    )
