"""Large blocks of memory go back to the system, also from between small ones that stay."""

import platform
import subprocess
import sys

import pytest

_PROGRAM = """
import sys
from pathlib import Path
from cloud_service.service.large_blocks import give_large_blocks_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

if sys.argv[1] == "back":
    give_large_blocks_back()
b"x" * 2**22
before = resident()
blocks, small = zip(*[(b"x" * 2**22, b"x" * 100_000) for _ in range(10)])
del blocks
print(resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps them")
def test_large_blocks_do_not_stay() -> None:
    assert megabytes_left("back") < 10
    assert megabytes_left("as usual") > 20


def megabytes_left(how: str) -> float:
    ran = subprocess.run([sys.executable, "-c", _PROGRAM, how], capture_output=True, text=True, check=True)
    return float(ran.stdout)
