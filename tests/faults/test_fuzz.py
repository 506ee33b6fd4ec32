"""Ten minutes of a coverage-guided fuzzer on the parsers, from examples of what clients send."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest

from tests.conftest import Scale
from tests.faults.hostile import Hostile

SECONDS = 600


@pytest.mark.timeout(SECONDS + 120)
def test_parsers(tmp_path: Path, scale: Scale, figure: Callable[[str], None]) -> None:
    if not scale.full:
        pytest.skip("ten minutes: only with --faults full")
    if find_spec("atheris") is None:
        pytest.skip("atheris is not installed: pip install -e '.[faults]'")
    hostile = Hostile(Random(1))
    for number in range(500):
        (tmp_path / str(number)).write_bytes(b"\0\0" + hostile.body(hostile.action())[:2000])
    sound = {"findReservation": True, "vid": 7}
    (tmp_path / "sound").write_bytes(b"\0\0" + json.dumps(sound).encode())
    run = subprocess.run(
        [sys.executable, "-m", "tests.faults.fuzz_parsers", str(SECONDS), str(tmp_path)],
        capture_output=True,
        text=True,
        errors="replace",
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-4000:]
    done = re.search(r"Done (\d+) runs in (\d+) second", run.stderr)
    assert done, run.stderr[-2000:]
    figure(f"coverage-guided fuzzer on the parsers: {done[1]} inputs in {done[2]} s, no crash")
