"""How fast the network is, beside a bare paho-mqtt echo at the same broker. docs/performance.md says what the
rows mean. Figures depend on the machine: compare ratios, or runs on one machine.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

import msgspec

from cloud_service.local import mosquitto
from tests.benchmarks.bench import burdens, plots, scenarios
from tests.benchmarks.bench.decisions import decisions
from tests.benchmarks.bench.results import Results
from tests.benchmarks.bench.scenarios import FULL, QUICK, Effort

PLACE = Path(__file__).parents[3] / "docs" / "performance"
Scenario: TypeAlias = Callable[[Results, Effort, Path], None]
SCENARIOS: tuple[Scenario, ...] = (
    decisions,
    scenarios.bookings,
    scenarios.other_actions,
    scenarios.over_tcp,
    scenarios.old_clients,
    scenarios.sizes,
    burdens.large_network,
    burdens.request_memory,
    burdens.idle_connections,
    burdens.import_over_mqtt,
)


def main(words: list[str] | None = None) -> int:
    options = _parser().parse_args(words)
    try:
        # Read before the run, which may overwrite this file.
        earlier = options.compare and _read_earlier(options.compare, quick=options.quick)
    except (OSError, ValueError) as error:
        print(f"./run bench: {error}", file=sys.stderr)
        return 2
    results = measure(QUICK if options.quick else FULL, options.only)
    options.output.mkdir(parents=True, exist_ok=True)
    results.write(options.output / "results.json")
    (options.output / "table.md").write_text(_page(results))
    plots.draw(results, options.output)
    print(_page(results))
    return 0 if earlier is None else _compare(results, earlier)


def measure(effort: Effort, only: list[str]) -> Results:
    """Runs the scenarios with these names, or all, and prints their names."""
    results = Results(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        quick=effort is not FULL,
        machine=_machine(),
        versions=_versions(),
    )
    for scenario in SCENARIOS:
        if only and scenario.__name__ not in only:
            continue
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            scenario(results, effort, Path(folder) / "network")
        print(f"{scenario.__name__}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return results


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller networks; takes a few minutes")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="results.json of an earlier run")
    names = [scenario.__name__ for scenario in SCENARIOS]
    parser.add_argument("--only", nargs="+", choices=names, default=[], metavar="NAME", help=", ".join(names))
    parser.add_argument("--output", type=Path, default=PLACE, metavar="DIR", help="default: docs/performance")
    return parser


def _read_earlier(file: Path, *, quick: bool) -> Results:
    """Raises ValueError if the file is not such a run, and OSError."""
    try:
        earlier = Results.read(file)
    except msgspec.DecodeError as error:
        raise ValueError(f"{file} has no results: {error}") from error
    if earlier.quick != quick:
        raise ValueError(f"{file} is of a run {'with' if earlier.quick else 'without'} --quick")
    return earlier


def _compare(results: Results, earlier: Results) -> int:
    """Prints what is worse than in the earlier run. Returns the exit status."""
    worse = list(results.worse_than(earlier))
    print(
        "\n".join(["Worse than before, by more than the noise:", *worse] if worse else ["Nothing is worse."])
    )
    return int(bool(worse))


def _page(results: Results) -> str:
    size = "quick run, smaller networks" if results.quick else "full run"
    head = f"Measured on {results.date} ({size}): {results.machine}; {results.versions}."
    return f"{head}\n\n{results.table()}"


def _machine() -> str:
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    loads = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    return f"{len(models)} x {models[0] if models else platform.machine()}, load averages {loads} before"


def _versions() -> str:
    program = str(mosquitto.find_program("mosquitto"))
    said = subprocess.run([program, "-h"], capture_output=True, text=True, check=False).stdout
    broker = said.partition("\n")[0].removesuffix(".")
    return f"Python {platform.python_version()}, {broker}, paho-mqtt {version('paho-mqtt')}"


if __name__ == "__main__":
    sys.exit(main())
