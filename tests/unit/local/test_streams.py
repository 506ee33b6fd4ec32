"""An output to which writing never fails."""

import errno
import os

from cloud_service.local.streams import LosingOutput


def test_what_can_be_written_is_written() -> None:
    reader, writer = os.pipe()
    output = LosingOutput(writer)
    assert output.write(b"abc") == 3
    assert os.read(reader, 10) == b"abc"
    assert output.failure is None
    os.close(reader)
    os.close(writer)


def test_after_the_first_failure_everything_is_lost() -> None:
    reader, writer = os.pipe()
    output = LosingOutput(writer)
    failures = []
    output.on_failure = lambda: failures.append(output.failure)
    os.close(reader)
    assert output.write(b"abc") == 3
    assert output.write(b"def") == 3
    (failure,) = failures
    assert failure is output.failure
    assert failure is not None
    assert failure.errno == errno.EPIPE
    os.close(writer)


def test_an_output_that_does_not_block_is_waited_for() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    output = LosingOutput(writer)
    filled = 0
    while filled < 2**20:
        written = output.write(b"x" * 2**16)
        filled += written
        assert written > 0
        os.read(reader, 2**16)
    assert output.failure is None
    os.close(reader)
    os.close(writer)
