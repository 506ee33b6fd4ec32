"""Makes docs/images/demo.svg: what a terminal shows of a command, by default of the network with its demo.

    python tools/terminal_picture.py [SECONDS [COMMAND...]]

The command runs in a terminal of its own in the folder in which you are, and is ended with SIGINT.
"""

import fcntl
import io
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

PICTURE: Final = Path(__file__).parents[1] / "docs" / "images" / "demo.svg"
COMMAND: Final = ("./run", "up", "--demo")
SECONDS: Final = 75.0
WIDTH: Final = 110
MOST_LINES: Final = 100


def record(command: list[str], seconds: float) -> str:
    """What the command prints in this many seconds, with its colours."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", MOST_LINES, WIDTH, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment)
    os.close(its)
    end = time.monotonic() + seconds
    printed = b""
    while (left := end - time.monotonic()) > 0:
        if select.select([ours], [], [], left)[0]:
            printed += os.read(ours, 65_536)
    process.send_signal(signal.SIGINT)
    # The terminal goes last: a process that prints to one that is gone would fail.
    process.wait()
    os.close(ours)
    return printed.decode().replace("\r\n", "\n")


def draw(command: list[str], printed: str, file: Path) -> None:
    """Draws a terminal with the command and what it printed."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ ", style="bold green").append(" ".join(command), style="bold"))
    text = Text.from_ansi(printed)
    text.highlight_regex(r"(?m)^ready.*", "bold green")
    text.highlight_regex(r"(?m)^(MQTT|TCP|map|data) ", "cyan")
    text.highlight_regex(r"demo-vehicle-\d+", "yellow")
    text.highlight_regex(r"demo-charger-\d+", "blue")
    console.print(text, soft_wrap=False)
    file.parent.mkdir(exist_ok=True)
    file.write_text(console.export_svg(title="The recharging network", theme=MONOKAI, unique_id="demo"))


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    command = sys.argv[2:] or list(COMMAND)
    draw(command, record(command, seconds), PICTURE)


if __name__ == "__main__":
    main()
