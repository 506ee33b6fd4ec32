"""Tests marked `alone` run beside no other, and figures of all workers are printed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.processes import clean_environment

pytest.importorskip("xdist")

ROOT = Path(__file__).parents[2]
CONFTEST = "from tests.conftest import *\n"
TESTS = """
import time
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range(4))
{marker}
def test_one(number, figure, request):
    log = Path(__file__).with_name("log")
    for moment in ("begins", "ends"):
        with log.open("a") as file:
            file.write(f"{{request.node.name}} of {{Path(__file__).stem}} {{moment}}\\n")
        time.sleep(0.05)
    figure(f"figure {{number}} of {{Path(__file__).stem}}")
"""
MODULES = {"test_a": "", "test_b": "@pytest.mark.alone", "test_c": "", "test_d": "@pytest.mark.alone"}


def test_what_is_marked_alone_runs_beside_no_other(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = alone\n")
    for name, marker in MODULES.items():
        (tmp_path / f"{name}.py").write_text(TESTS.format(marker=marker))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-n",
            "3",
            "-p",
            "no:cacheprovider",
            str(tmp_path),
        ],
        env=clean_environment(PYTHONPATH=str(ROOT)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "16 passed" in done.stdout
    lines = (tmp_path / "log").read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if "test_b" in line or "test_d" in line)
    alone = lines[first:]
    assert {line.split(" of ")[1].split()[0] for line in alone} == {"test_b", "test_d"}
    assert [line.split()[-1] for line in alone] == ["begins", "ends"] * 8, "none runs beside another"
    for name in MODULES:
        assert done.stdout.count(f"of {name}") >= 4
