"""A coverage-guided fuzzer for the parsers of untrusted bytes.

python -m tests.faults.fuzz_parsers SECONDS DIR

DIR has the examples to start from, and gets an input that ends the fuzzer. A parser may refuse with the
errors that it is documented to raise; anything else does.
"""

import sys
from contextlib import suppress

import atheris  # type: ignore[import-untyped,unused-ignore] # and perhaps not installed

with atheris.instrument_imports(include=["cloud_service"]):
    from cloud_service.gateway.framing import Framer
    from cloud_service.gateway.translation import read_request
    from cloud_service.mqtt.publish_packet import Malformed, read_publish
    from cloud_service.protocol import topics
    from cloud_service.protocol.envelope import Ignored
    from cloud_service.protocol.errors import RequestError
    from cloud_service.protocol.incoming import receive
    from cloud_service.protocol.jsontext import Unreadable
    from cloud_service.protocol.messages import Message
    from cloud_service.protocol.replies import decode_reply
    from cloud_service.store.errors import DamagedStore
    from cloud_service.store.journal import JournalPosition, SegmentReader
    from tests.faults.fuzz_input import LONGEST, line_with, split


def fuzz(data: bytes) -> None:
    given = split(data)
    body = given.body
    _receive(Message(topics.request(given.action, "fuzzer"), body, correlation=given.correlation))
    for mqtt5 in (True, False):
        with suppress(Malformed):
            _receive(read_publish(0x32, body, mqtt5=mqtt5)[0])
    with suppress(RequestError):
        decode_reply(body)
    for journal in (body, line_with(body), line_with(body + b"\n")):
        with suppress(DamagedStore):
            list(SegmentReader("journal", journal, JournalPosition()).batches())
    whole, pieces = _frames([body]), _frames([body[at : at + 1] for at in range(len(body))])
    assert whole == pieces, f"cut into bytes, other objects come: {pieces} instead of {whole}"
    for frame in whole:
        with suppress(RequestError):
            read_request(frame)


def _receive(message: Message) -> None:
    with suppress(Ignored):
        incoming = receive(message, 0.0)
        assert (incoming.request is None) == (incoming.error is not None)


def _frames(pieces: list[bytes]) -> list[bytes]:
    """The objects in a stream up to where it can no longer be read."""
    framer, frames = Framer(), []
    try:
        for piece in pieces:
            framer.feed(piece)
            while (frame := framer.take()) is not None:
                frames.append(frame)
    except Unreadable:
        pass
    return frames


if __name__ == "__main__":
    seconds, folder = sys.argv[1:]
    limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=10"]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={folder}/", folder], fuzz)
    atheris.Fuzz()
