"""A living network with a mixed load and a fault now and then, checked at the end: ./run soak --minutes N."""

import logging
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from os import kill
from pathlib import Path
from random import Random
from signal import SIGCONT, SIGSTOP

from msgspec import Struct, field

from tests.faults.checker import stop_and_check
from tests.faults.load import Load
from tests.faults.plot import draw
from tests.kit.processes import Stack

PROCESSES = ("broker", "service", "gateway")
SAMPLE = 5.0
"""Seconds between two looks at memory, descriptors and latency."""


class Samples(Struct):
    """What was seen, as points (seconds since the beginning, value)."""

    memory: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    descriptors: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    latency: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    faults: list[tuple[float, str]] = field(default_factory=list)


class Soak:
    """The network, its load, and what goes wrong."""

    def __init__(self, stack: Stack, load: Load, random: Random) -> None:
        self.samples = Samples()
        self._stack = stack
        self._load = load
        self._random = random
        self._begun = time.monotonic()
        self._looked = self._begun

    def run(self, seconds: float, between: float) -> None:
        """Runs this long. Faults are `between` seconds apart, and the last minute or quarter has none."""
        end, next_fault = self._begun + seconds, self._begun + between / 2
        last_fault = end - min(60, seconds / 4)
        while time.monotonic() < end:
            time.sleep(SAMPLE)
            self._load.check()
            self._sample()
            if next_fault <= time.monotonic() < last_fault:
                self._fault()
                next_fault = time.monotonic() + self._random.uniform(0.5, 1.5) * between

    def _now(self) -> float:
        return time.monotonic() - self._begun

    def _sample(self) -> None:
        now = self._now()
        for name in PROCESSES:
            folder = Path(f"/proc/{getattr(self._stack, name).pid}")
            pages = int((folder / "statm").read_text().split()[1])
            self.samples.memory.setdefault(name, []).append((now, pages * 4096 / 2**20))
            count = sum(1 for _ in (folder / "fd").iterdir())
            self.samples.descriptors.setdefault(name, []).append((now, count))
        since, self._looked = self._looked, time.monotonic()
        answered = [call for call in self._load.record["answered"] if since < call.finished <= self._looked]
        seconds = sorted(call.seconds for call in answered)
        if seconds:
            for percent in (50, 99):
                value = seconds[len(seconds) * percent // 100] * 1000
                self.samples.latency.setdefault(f"p{percent}", []).append((now, value))

    def _fault(self) -> None:
        faults = {
            "service killed": self._kill_service,
            "broker killed": self._kill_broker,
            "broker killed and wiped": self._wipe_broker,
            "gateway killed": self._kill_gateway,
            "service stopped for 3 s": self._stop_service,
        }
        name = self._random.choice(list(faults))
        print(f"{self._now():6.0f} s  {name}", flush=True)
        self.samples.faults.append((self._now(), name))
        faults[name]()

    def _kill_service(self) -> None:
        self._stack.service.kill()
        self._stack.start_service()

    def _kill_broker(self) -> None:
        self._stack.broker.kill()
        self._stack.broker.start()

    def _wipe_broker(self) -> None:
        self._stack.broker.kill()
        for file in (self._stack.folder / "broker").glob("*.db*"):
            file.unlink()
        self._stack.broker.start()

    def _kill_gateway(self) -> None:
        self._stack.gateway.kill()
        self._stack.start_gateway()

    def _stop_service(self) -> None:
        kill(self._stack.service.pid, SIGSTOP)
        time.sleep(3)
        kill(self._stack.service.pid, SIGCONT)


def main(words: list[str] | None = None) -> int:
    options = _read_options(words)
    logging.getLogger("cloud_service").setLevel(logging.ERROR)  # that connections end is what is wanted here
    options.report.mkdir(parents=True, exist_ok=True)
    print(
        f"a network lives for {options.minutes:g} minutes; every {options.between:g} s or so a fault",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        stack = Stack(Path(folder), checkpoint_seconds="20", log_level="warning")
        with stack:
            with Load(
                stack,
                options.seed,
                vehicles=8,
                legacy=3,
                pause=options.pause,
                gateway_killed=True,
                broker_killed=True,
            ) as load:
                soak = Soak(stack, load, Random(options.seed))
                soak.run(60 * options.minutes, options.between)
                print("asking for each change a second time", flush=True)
            stop_and_check(stack, load)
    _report(soak.samples, load, options)
    return 0


def _read_options(words: list[str] | None) -> Namespace:
    parser = ArgumentParser(prog="./run soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, metavar="N", help="how long (default: 30)")
    parser.add_argument(
        "--between", type=float, default=30, metavar="SECONDS", help="between two faults (default: 30)"
    )
    parser.add_argument(
        "--pause", type=float, default=0.1, metavar="SECONDS", help="of a client between requests (0.1)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of all that is random")
    parser.add_argument(
        "--report", type=Path, default=Path("soak-report"), metavar="DIR", help="where soak.svg is put"
    )
    return parser.parse_args(words)


def _report(samples: Samples, load: Load, options: Namespace) -> None:
    panels = {
        "memory (MiB)": samples.memory,
        "open files": samples.descriptors,
        "latency (ms, logarithmic)": samples.latency,
    }
    title = f"{options.minutes:g} minutes, {len(samples.faults)} faults"
    (options.report / "soak.svg").write_text(draw(title, panels, samples.faults))
    counts = {outcome: len(load.record[outcome]) for outcome in ("answered", "refused", "unknown")}
    print(f"{title}: {counts['answered']} requests answered, {counts['unknown']} not in time;")
    print(f"{counts['refused']} refused, because a vehicle looked for a reservation that it did not have")
    print(
        f"{load.repeated} changes asked for a second time: the same answers; the checker found nothing wrong"
    )
    for name in PROCESSES:
        memory, files = samples.memory[name], samples.descriptors[name]
        print(
            f"{name:8} memory {_average(memory, True):.0f} MiB at first, {_average(memory, False):.0f} MiB"
            f" at last; open files {_average(files, True):.0f} and {_average(files, False):.0f}"
        )
    for name, line in samples.latency.items():
        values = sorted(value for _, value in line)
        print(
            f"latency {name} of {SAMPLE:g} s: {values[len(values) // 2]:.1f} ms in the median,"
            f" {values[-1]:.0f} ms at most"
        )
    print(f"plot: {options.report / 'soak.svg'}")


def _average(line: list[tuple[float, float]], first: bool) -> float:
    """Of the first or the last tenth, at least one."""
    count = max(1, len(line) // 10)
    part = line[:count] if first else line[-count:]
    return sum(value for _, value in part) / count


if __name__ == "__main__":
    sys.exit(main())
