"""The baseline: sends each request's body back, and keeps nothing.

`python -m tests.benchmarks.bench.echo PORT KIND`: `paho` is a program as paho-mqtt's documentation shows it;
`lean` writes the packets itself, and shows what the broker can do.
"""

import asyncio
import socket
import sys

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from cloud_service.mqtt.publish_packet import pack_variable
from tests.benchmarks.bench import packets
from tests.kit.processes import HOST

TOPIC = "bench/echo"
READY = "ready"
"""What an echo prints once it has subscribed."""


def paho_echo(port: int) -> None:
    """Answers until the process is ended."""

    def answer(client: Client, _data: object, message: MQTTMessage) -> None:
        asked = message.properties
        assert asked is not None
        properties = Properties(PacketTypes.PUBLISH)
        properties.CorrelationData = vars(asked)["CorrelationData"]
        client.publish(vars(asked)["ResponseTopic"], message.payload, 1, properties=properties)

    def ready(client: Client, *_: object) -> None:
        client.subscribe(f"{TOPIC}/paho", 1)

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages_set(65_535)
    client.on_socket_open = lambda _client, _data, opened: opened.setsockopt(  # type: ignore[attr-defined]
        socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
    )
    client.on_connect = ready
    client.on_subscribe = lambda *_: print(READY, flush=True)
    client.on_message = answer
    client.connect(HOST, port)
    client.loop_forever()


class LeanEcho(asyncio.Protocol):
    """Answers with as little work as possible."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(packets.connect("bench-lean-echo"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answers = [self._handle(first & 0xF0, body) for first, body in packets.packets(self._buffer)]
        self._transport.write(b"".join(answers))

    def _handle(self, kind: int, body: bytes) -> bytes:
        if kind == 0x20:
            return packets.subscribe(f"{TOPIC}/lean")
        if kind == 0x90:
            print(READY, flush=True)
        return self._answer(body) if kind == 0x30 else b""

    def _answer(self, body: bytes) -> bytes:
        number, key = packets.correlation(body)
        at = body.index(b"\x08", 4 + int.from_bytes(body[:2], "big")) + 1
        end = at + 2 + int.from_bytes(body[at : at + 2], "big")
        known = b"\x09" + packets.text(key)
        self._number = self._number % 65_535 + 1
        payload = body[body.index(b"{", end) :]
        reply = packets.publish(body[at:end], self._number, pack_variable(len(known)) + known, payload)
        return packets.puback(number) + reply


async def lean_echo(port: int) -> None:
    """Answers until the process is ended."""
    loop = asyncio.get_running_loop()
    await loop.create_connection(LeanEcho, HOST, port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[2] == "paho":
        paho_echo(int(sys.argv[1]))
    else:
        asyncio.run(lean_echo(int(sys.argv[1])))
