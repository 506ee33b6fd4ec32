"""A coverage-guided fuzzer on the parsers, from examples of what clients send."""

import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest

from cloud_service.mqtt.publish_packet import Malformed, read_publish
from cloud_service.store.journal import JournalPosition, SegmentReader, decode_line
from tests.faults.fuzz_input import examples, is_object, join, line_with, split
from tests.faults.hostile import is_request
from tests.kit.scale import Scale

LONG = 600
WITHOUT_ATHERIS = "atheris is not installed, and nothing fuzzes the parsers: pip install -e '.[faults]'"


def test_examples_reach_the_parsers() -> None:
    given = list(examples(Random(1)))
    assert [split(join(example)) for example in given] == given
    bodies = [example.body for example in given]
    assert sum(map(is_object, bodies)) > len(bodies) * 0.3
    assert sum(map(is_request, bodies)) > len(bodies) * 0.05
    assert any(map(_is_packet, bodies))
    assert any(len(list(SegmentReader("journal", body, JournalPosition()).batches())) == 2 for body in bodies)
    assert any(decode_line(line_with(body)) for body in bodies)


@pytest.mark.timeout(LONG + 120)
def test_parsers(tmp_path: Path, scale: Scale, figure: Callable[[str], None]) -> None:
    if find_spec("atheris") is None:
        assert not scale.full, WITHOUT_ATHERIS
        pytest.skip(WITHOUT_ATHERIS)
    for number, example in enumerate(examples(Random(1))):
        (tmp_path / str(number)).write_bytes(join(example))
    run = subprocess.run(
        [sys.executable, "-m", "tests.faults.fuzz_parsers", str(scale(share=5, full=LONG)), str(tmp_path)],
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


def _is_packet(body: bytes) -> bool:
    try:
        return read_publish(0x32, body, mqtt5=True)[0].response_topic is not None
    except Malformed:
        return False
