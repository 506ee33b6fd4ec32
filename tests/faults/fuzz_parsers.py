"""A coverage-guided fuzzer on all that reads what strangers send: python -m tests.faults.fuzz_parsers SECONDS

A parser may refuse with the errors that it is documented to raise. Anything else ends the fuzzer.
"""

import sys
from contextlib import suppress

import atheris  # type: ignore[import-untyped,unused-ignore] # and perhaps not installed

with atheris.instrument_imports(include=["cloud_service"]):
    from cloud_service.broker.publish_packet import Malformed, read_publish
    from cloud_service.gateway.framing import Framer, Unreadable
    from cloud_service.gateway.translation import read_request
    from cloud_service.protocol.errors import RequestError
    from cloud_service.protocol.incoming import Ignored, receive
    from cloud_service.protocol.messages import Message
    from cloud_service.protocol.replies import decode_reply
    from cloud_service.protocol.requests import KEYS
    from cloud_service.store.errors import DamagedStore
    from cloud_service.store.journal import Mark, Scan

ACTIONS = tuple(KEYS)


def fuzz(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    action = ACTIONS[provider.ConsumeIntInRange(0, len(ACTIONS) - 1)]
    correlation = provider.ConsumeBytes(provider.ConsumeIntInRange(0, 8)) or None
    body = provider.ConsumeBytes(provider.remaining_bytes())
    with suppress(Ignored):
        incoming = receive(
            Message(f"recharge/v1/request/{action}/fuzzer", body, correlation=correlation), 0.0
        )
        assert (incoming.request is None) == (incoming.error is not None)
    with suppress(RequestError):
        decode_reply(body)
    with suppress(Malformed):
        read_publish(0x32, body, mqtt5=True)
    with suppress(DamagedStore):
        list(Scan("journal", body, Mark()).batches())
    whole, pieces = _frames([body]), _frames([body[at : at + 1] for at in range(len(body))])
    assert whole == pieces, f"cut into bytes, other objects come: {pieces} instead of {whole}"
    for frame in whole:
        with suppress(RequestError):
            read_request(frame)


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
    atheris.Setup(
        [sys.argv[0], f"-max_total_time={sys.argv[1]}", "-max_len=2000", "-timeout=10", *sys.argv[2:]], fuzz
    )
    atheris.Fuzz()
