"""`recharge up` as a terminal runs it."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kit.processes import clean_environment
from tests.kit.waiting import DEADLINE, wait_until


class Up:
    """A started `recharge up` in a session of its own, as a terminal would have it."""

    def __init__(self, folder: Path, *words: str, environment: dict[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._out, self._err = folder / "stdout", folder / "stderr"
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cloud_service", "up", *words],
                env=clean_environment(**(environment or {})),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def stdout(self) -> str:
        return self._out.read_text()

    @property
    def stderr(self) -> str:
        return self._err.read_text()

    def wait_ready(self) -> None:
        def ready() -> bool:
            assert self.process.poll() is None, self.stderr
            return self.stdout.rpartition("\n")[0].rpartition("\n")[2].startswith("ready")

        wait_until(ready, "`recharge up` is ready")

    def wait_stations(self) -> None:
        """Waits until the demo's three chargers have registered their stations.

        Only they say so in such a line: the broker of a secured network names them as soon as they connect.
        """
        line = re.compile(r"^[\d:]{8}  demo-charger-\d  Station \d+ at ", re.MULTILINE)
        wait_until(lambda: len(line.findall(self.stderr)) == 3, "the demo's chargers have their stations")

    def wait_end(self) -> int:
        return self.process.wait(DEADLINE)

    def port(self, name: str) -> int:
        """The port that it prints for MQTT or TCP."""
        line = next(line for line in self.stdout.splitlines() if line.startswith(f"{name} "))
        return int(line.split()[1].rpartition(":")[2])

    def paste(self) -> object:
        """Runs the line that it shows, as a reader would. Returns the reply."""
        line = next(line for line in self.stdout.splitlines() if "mosquitto_rr" in line)
        answer = subprocess.run(
            ["sh", "-c", f"{line} -W 30"], capture_output=True, text=True, timeout=DEADLINE, check=True
        )
        return json.loads(answer.stdout)


@contextmanager
def up(folder: Path, *words: str, environment: dict[str, str] | None = None) -> Iterator[Up]:
    started = Up(folder, *words, environment=environment)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.process.terminate()
            started.wait_end()
