"""Sends messages within the window, and reports what became of each. It writes bytes and does no I/O."""

import math
from collections.abc import Callable
from typing import Final, Generic

from msgspec import Struct
from msgspec.structs import replace

from cloud_service.mqtt.control_packets import LoginResult, refusal_text
from cloud_service.mqtt.outgoing import Outgoing, OutgoingQueue, Receipt
from cloud_service.mqtt.publish_packet import FIRST_FAILURE, NO_SUBSCRIBERS, write_publish
from cloud_service.protocol.messages import Message


class BrokerRefused(ConnectionError):
    """The broker was reached and refused the login, a subscription or a message.

    `account` is set if it was the login or a subscription: account, host and port.
    """

    def __init__(self, message: str, account: str | None = None) -> None:
        super().__init__(message)
        self.account = account


class BrokerUnreachable(ConnectionError):
    """There is no connection to the broker. `broker` is account, host and port; the cause says why."""

    def __init__(self, message: str, broker: str) -> None:
        super().__init__(message)
        self.broker = broker


class Publication(Struct, frozen=True):
    """What became of a message. The error is set if it was not sent, or the broker refused it."""

    error: Exception | None = None
    unheard: bool = False
    """Whether the broker says that nobody has subscribed to the topic. It can only say so on MQTT 5."""
    repeated: bool = False
    """Whether the message was sent more than once: somebody may have heard it before."""


_PUBLISHED: Final = Publication()


class Publisher(Generic[Receipt]):
    """Numbers, sends and resends messages.

    `on_published` receives the receipt of a message and what became of it, once the broker has it or will not
    get it. Nothing more is heard of one that has become invalid before it was sent. `clock` tells when.
    """

    def __init__(
        self,
        *,
        mqtt5: bool,
        window: int,
        on_published: Callable[[Receipt, Publication], None],
        clock: Callable[[], float],
    ) -> None:
        self.queue: OutgoingQueue[Receipt] = OutgoingQueue(window)
        self._mqtt5 = mqtt5
        self._window = window
        self._on_published = on_published
        self._clock = clock
        self._write: Callable[[bytes], None] | None = None
        self._maximum_packet_bytes: int | None = None

    def heed(self, login: LoginResult) -> None:
        """Keeps to what the broker allowed at the login."""
        self.queue.window = min(self._window, login.receive_maximum)
        self._maximum_packet_bytes = login.maximum_packet_bytes
        if not login.session_present:
            self.queue.renumber()

    def start(self, write: Callable[[bytes], None]) -> None:
        """From now on messages are sent, with `write`."""
        self._write = write

    def stop(self) -> None:
        """From now on messages wait."""
        self._write = None

    def publish(self, outgoing: Outgoing[Receipt], *, first: bool) -> None:
        """Sends a message, after those that wait unless it is to be the first."""
        if self._write is not None and self.queue.is_clear:
            self._send(outgoing, self._write)
        else:
            self.queue.add(outgoing, first=first)
            self.send_waiting()

    def send_waiting(self) -> None:
        """Sends as many messages as the window has room for."""
        while self._write is not None and (outgoing := self.queue.take()) is not None:
            self._send(outgoing, self._write)

    def acknowledged(self, number: int, reason_code: int) -> None:
        """Handles the PUBACK of a message. One that nobody waits for is ignored."""
        outgoing = self.queue.acknowledge(number)
        if outgoing is None:
            return
        publication = _PUBLISHED
        if reason_code or outgoing.repeated:
            publication = self._publication(outgoing, reason_code)
        self._on_published(outgoing.receipt, publication)
        if self.queue.waiting:
            self.send_waiting()

    def _publication(self, outgoing: Outgoing[Receipt], reason_code: int) -> Publication:
        error = None
        if reason_code >= FIRST_FAILURE:
            topic = outgoing.message.topic
            error = BrokerRefused(f"the broker refused a message on {topic}: {refusal_text(reason_code)}")
        return Publication(error, reason_code == NO_SUBSCRIBERS, outgoing.repeated)

    def _send(self, outgoing: Outgoing[Receipt], write: Callable[[bytes], None]) -> None:
        message = outgoing.message if outgoing.valid_until is None else self._with_expiry(outgoing)
        if message is None:
            return
        again = outgoing.number != 0
        try:
            number = outgoing.number or (self.queue.next_number() if message.qos else 0)
            packet = write_publish(message, number, mqtt5=self._mqtt5, duplicate=again)
            if self._maximum_packet_bytes is not None:
                self._check_size(message, packet, self._maximum_packet_bytes)
        except (ValueError, BrokerRefused) as error:
            self._on_published(outgoing.receipt, Publication(error))
            return
        write(packet)
        outgoing.number = number
        if number:
            self.queue.note_sent(outgoing)
        else:
            self._on_published(outgoing.receipt, _PUBLISHED)

    def _with_expiry(self, outgoing: Outgoing[Receipt]) -> Message | None:
        """The message with what is left of its time, which runs while it waits; None if nothing is left."""
        assert outgoing.valid_until is not None
        seconds_left = outgoing.valid_until - self._clock()
        if seconds_left <= 0:
            return None
        return replace(outgoing.message, expiry=math.ceil(seconds_left))

    def _check_size(self, message: Message, packet: bytes, most: int) -> None:
        """A packet that is too large would cost the connection."""
        if len(packet) > most:
            raise BrokerRefused(
                f"the broker takes {most} bytes at most: a message on {message.topic[:200]} has {len(packet)}"
            )
