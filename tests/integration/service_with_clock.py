"""The cloud service on a machine whose wall clock is off.

python -m tests.integration.service_with_clock FILE: the file says by how many seconds, and can be changed at
any time. All else is the product.
"""

import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from cloud_service.cli import service
from cloud_service.cli.main import main
from cloud_service.service.clock import system_clock
from cloud_service.service.engine.network_time import Reading
from cloud_service.service.process import run_service
from tests.kit.processes import Process, Stack


def with_clock(stack: Stack, file: Path) -> Process:
    """Such a process, for this network."""
    words = [sys.executable, "-m", "tests.integration.service_with_clock", str(file)]
    environment = {**stack.environment, "PYTHONPATH": str(Path(__file__).parents[2])}
    return Process("service", words, stack.folder / "service.log", environment)


def set_off(file: Path, seconds: float) -> None:
    """Sets the clock of the process, in one step."""
    new = file.with_suffix(".new")
    new.write_text(str(seconds))
    new.rename(file)


def _run(file: Path) -> int:
    def clock() -> Reading:
        reading = system_clock()
        return replace(reading, wall=reading.wall + timedelta(seconds=float(file.read_text())))

    vars(service)["run_service"] = partial(run_service, clock=clock)
    return main(["service"])


if __name__ == "__main__":
    sys.exit(_run(Path(sys.argv[1])))
