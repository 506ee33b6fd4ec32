"""One connection of paho's, driven by the running asyncio loop: no thread, no select()."""

import asyncio
import logging
import select
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.paho_client import PahoClient, Protocol, build_client, open_connection, to_properties
from cloud_service.mqtt.publish_packet import Publish
from cloud_service.protocol.messages import Message

log = logging.getLogger(__name__)

ANSWER_TIMEOUT: Final = 10.0
"""Seconds within which the broker must answer CONNECT and SUBSCRIBE."""
GOODBYE_TIMEOUT: Final = 2.0
_READS_AT_ONCE: Final = 64
"""After so many packets others on the loop get their turn."""


class BrokerRefused(ConnectionError):
    """The broker was reached and said no: to the login, a subscription or a message."""


class Driver:
    """A connection from CONNECT to its end. A new one is made for each: nothing of an old one can linger.

    `on_published` is called with the packet's number and, where the broker refused the message, its reason.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        protocol: Protocol,
        on_message: Callable[[Message], None],
        on_published: Callable[[int, str | None], None],
    ) -> None:
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Done once the connection has ended, with the reason."""
        self.receive_maximum = 65_535
        """How many messages the broker takes before it has acknowledged the first."""
        self.maximum_packet_size: int | None = None
        self._address = address
        self._protocol = protocol
        self._on_message = on_message
        self._on_published = on_published
        self._loop = asyncio.get_running_loop()
        self._client: PahoClient | None = None
        self._socket: socket.socket | None = None
        self._poll = select.poll()
        self._writing = False
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self._subscribed: asyncio.Future[list[Any]] = self._loop.create_future()
        self._care: asyncio.Task[None] | None = None

    async def open(self, client_id: str, *, will: Message | None, session_expiry: int) -> None:
        """Connects and logs in. Raises ConnectionError where that fails."""
        try:
            client = build_client(
                self._address, client_id, protocol=self._protocol, clean=session_expiry == 0, will=will
            )
            # paho resolves, connects and shakes hands blocking. No callback is set yet, so that all of it,
            # CONNECT included, happens in the worker thread, which then lets go of the client for good.
            await asyncio.to_thread(
                open_connection, client, self._address, protocol=self._protocol, session_expiry=session_expiry
            )
        except (OSError, ValueError) as error:
            raise ConnectionError(f"the broker {self._address} cannot be reached: {error}") from error
        self._drive(client)
        await self._answer(self._connected, "CONNECT")

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Raises BrokerRefused where one is refused, ConnectionError where the connection ends meanwhile."""
        if not topics:
            return
        assert self._client is not None
        self._client.subscribe([(topic, 1) for topic in topics])
        codes = await self._answer(self._subscribed, "SUBSCRIBE")
        for topic, code in zip(topics, codes, strict=False):
            if code.is_failure:
                raise BrokerRefused(f"the broker {self._address} refused to subscribe to {topic}: {code}")

    def watch(self, topic: str) -> None:
        """Subscribes to one topic more, without waiting for the answer."""
        assert self._client is not None
        self._client.subscribe(topic, 1)

    def unwatch(self, topic: str) -> None:
        assert self._client is not None
        self._client.unsubscribe(topic)

    def publish(self, message: Message) -> int:
        """Hands the message over and gives the packet's number. Raises ConnectionError where that fails."""
        assert self._client is not None
        properties = to_properties(message) if self._protocol == "mqtt5" else None
        info = self._client.publish(message.topic, message.payload, message.qos, message.retain, properties)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise ConnectionError(f"paho-mqtt did not take a message: {info.rc.name}")
        return info.mid

    async def close(self) -> None:
        """Says DISCONNECT, so that the broker does not publish the last will."""
        if self._client is not None and not self.closed.done():
            self._client.disconnect()
            await asyncio.wait([self.closed], timeout=GOODBYE_TIMEOUT)
        self.abort()

    def abort(self) -> None:
        """Ends the connection at once. Harmless where it has ended."""
        if self._client is not None:
            self._client.connect_async(self._address.host)  # only prepares, and closes what was open
        if not self.closed.done():
            self.closed.set_result("given up")

    def _drive(self, client: PahoClient) -> None:
        connection = client.socket()
        assert isinstance(connection, socket.socket)
        self._client, self._socket = client, connection
        client.on_connect = self._note_connect
        client.on_subscribe = self._note_subscribe
        client.on_publish = self._note_publish
        client.on_publish_packet = self._note_publish_packet
        client.on_disconnect = self._note_disconnect
        client.on_socket_close = self._note_socket_close
        client.on_socket_register_write = self._note_wish_to_write
        self._poll.register(connection, select.POLLIN)
        self._loop.add_reader(connection, self._read)
        self._care = asyncio.create_task(self._take_care(client), name=f"mqtt care {self._address}")
        self._write()

    async def _answer(self, answer: asyncio.Future[Any], to: str) -> Any:
        await asyncio.wait([answer, self.closed], timeout=ANSWER_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        reason = self.closed.result() if self.closed.done() else f"no answer within {ANSWER_TIMEOUT:g} s"
        raise ConnectionError(f"the broker {self._address} did not answer {to}: {reason}")

    def _read(self) -> None:
        """Reads a packet at a time until nothing is left, or it is the turn of others on the loop."""
        if self._client is None or self._socket is None:
            return
        try:
            for _ in range(_READS_AT_ONCE):
                self._client.loop_read()
                if self._socket is None or not (self._client.holds_bytes or self._poll.poll(0)):
                    return
        except Exception:
            log.exception("a packet of the broker could not be read; the connection is renewed")
            self.abort()
        if self._client.holds_bytes:
            self._loop.call_soon(self._read)

    def _write(self) -> None:
        if self._client is None or self._socket is None:
            return
        self._client.loop_write()
        if self._socket is None:
            return
        if self._client.want_write() and not self._writing:
            self._loop.add_writer(self._socket, self._write)
            self._writing = True
        elif self._writing and not self._client.want_write():
            self._loop.remove_writer(self._socket)
            self._writing = False

    async def _take_care(self, client: Client) -> None:
        """Keeps the connection alive, and notices when it is not."""
        while True:
            await asyncio.sleep(1)
            client.loop_misc()

    def _note_wish_to_write(self, _client: Client, _data: Any, _connection: Any) -> None:
        """What is published in one turn of the loop is written together."""
        self._loop.call_soon(self._write)

    def _note_connect(
        self, _client: Client, _data: Any, _flags: Any, reason: ReasonCode, known: Properties | None
    ) -> None:
        if self._connected.done():
            return
        if reason.is_failure:
            text = f"the broker {self._address} refused the login: {reason}"
            self._connected.set_exception(BrokerRefused(text))
            return
        limits = vars(known) if known is not None else {}
        self.receive_maximum = limits.get("ReceiveMaximum", self.receive_maximum)
        self.maximum_packet_size = limits.get("MaximumPacketSize")
        self._connected.set_result(None)

    def _note_subscribe(
        self, _client: Client, _data: Any, _number: int, codes: list[ReasonCode], _properties: Properties
    ) -> None:
        if not self._subscribed.done():
            self._subscribed.set_result(codes)

    def _note_publish(
        self, _client: Client, _data: Any, number: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        self._on_published(number, str(reason) if reason.is_failure else None)

    def _note_publish_packet(self, publish: Publish) -> None:
        try:
            self._on_message(publish.message)
        except Exception:  # would end the reading of this connection's packets
            log.exception("a message on %s could not be handled", publish.message.topic[:200])

    def _note_disconnect(
        self, _client: Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if not self.closed.done():
            self.closed.set_result(str(reason))

    def _note_socket_close(self, _client: Client, _data: Any, connection: Any) -> None:
        self._loop.remove_reader(connection)
        self._loop.remove_writer(connection)
        self._poll.unregister(connection)
        self._socket = None
        if self._care is not None:
            self._care.cancel()
