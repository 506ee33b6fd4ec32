"""An MQTT session, over one connection after another.

A session never waits, and never asks which socket is ready. Its driver does: polling_connection.py for a
program that runs its own loop, async_connection.py for asyncio. The driver opens a socket and calls `begin`,
then `read`, `write` and `tick` when the descriptor is readable, when it is writable and when some
time has passed. The session answers with its callbacks. After `on_lost`, the driver may begin again.
"""

import logging
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, Literal, TypeAlias

from msgspec import Struct

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.control_packets import (
    SESSION_TAKEN_OVER,
    ControlPackets,
    Login,
    LoginResult,
    Subscription,
)
from cloud_service.mqtt.keep_alive import KeepAlive
from cloud_service.mqtt.outgoing import Outgoing, Receipt
from cloud_service.mqtt.publish_packet import (
    PUBACK,
    PUBLISH,
    Malformed,
    read_puback,
    read_publish,
    write_puback,
)
from cloud_service.mqtt.publisher import Publication, Publisher
from cloud_service.mqtt.transport import Transport
from cloud_service.mqtt.version import Protocol
from cloud_service.protocol.messages import Message

log = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS: Final = 15
"""A broker that sends nothing for twice this time is given up on."""
ANSWER_TIMEOUT_SECONDS: Final = 10.0
"""A broker that sends nothing for this time before the session is ready is given up on."""
TICK_SECONDS: Final = 0.5
"""How often a driver calls `tick`."""
_TLS_ALERT: Final = 0x15
"""With this byte a TLS listener answers what is not TLS. No packet of a broker begins with it."""
_EXPECTS_TLS: Final = "expects TLS on this port: name the CA file of its certificate (--mqtt-ca-file)"
_ACCOUNT_REFUSED: Final = ("Not authorized", "Bad user name or password")
_PINGREQ: Final = b"\xc0\x00"


class Delivery(Struct, eq=False):
    """One arrival of a message. `number` is 0 at QoS 0, which nobody acknowledges."""

    number: int
    acknowledged: bool = False


Cause: TypeAlias = Literal["closed", "taken over", "refused", "other"]
"""What ended a connection: the broker, without a word; another client with the same ID; the broker's refusal
of the login or a subscription; something else."""


class Loss(Struct, frozen=True):
    """Why a connection is over. The reason completes the sentence "The broker ..."."""

    reason: str
    cause: Cause = "other"
    error: Exception | None = None
    """The error that the operating system or TLS gave, if the broker could not be reached."""


class Session(Generic[Receipt]):
    """One client's session with the broker.

    `on_message` must acknowledge each delivery, at once or later; deliveries are acknowledged in the order in
    which they arrived. `on_published` receives the receipt of a message and what became of it, once the
    broker has it or will not get it. `on_ready` is called when the broker has accepted the login
    and all `subscriptions`, `on_lost` when a connection is over.

    At most `window` messages are sent and not acknowledged, fewer if the broker says so. What was not
    acknowledged is sent again on the next connection. `session_expiry` is in seconds; 0 is a clean session.
    `clock` is that of the messages that become invalid.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        *,
        protocol: Protocol = "mqtt5",
        session_expiry: int = 0,
        subscriptions: Sequence[Subscription] = (),
        window: int,
        on_message: Callable[[Message, Delivery], None],
        on_published: Callable[[Receipt, Publication], None],
        on_ready: Callable[[], None],
        on_lost: Callable[[Loss], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ready = False
        """Whether the broker has accepted the login and all subscriptions."""
        self._address = address
        self._client_id = client_id
        self._protocol: Protocol = protocol
        self._mqtt5 = protocol == "mqtt5"
        self._session_expiry = session_expiry
        self._subscriptions = subscriptions
        self._on_message = on_message
        self._on_ready = on_ready
        self._on_lost = on_lost
        self._transport: Transport | None = None
        self._control: ControlPackets | None = None
        self._keep_alive = KeepAlive(KEEP_ALIVE_SECONDS, 0.0)
        self._publisher: Publisher[Receipt] = Publisher(
            mqtt5=self._mqtt5, window=window, on_published=on_published, clock=clock
        )
        self._inbox: deque[Delivery] = deque()
        self._subscribing: int | None = None
        self._ending: Loss | None = None
        self._answered = False
        """Whether the broker has answered the login."""

    # What the driver does.

    def begin(self, connection: socket.socket, *, will: Message | None, now: float) -> None:
        """Logs in over a new, non-blocking socket. Raises ValueError if the will cannot be sent."""
        transport = Transport(connection)
        login = Login(
            self._address, self._client_id, self._protocol, self._session_expiry, KEEP_ALIVE_SECONDS, will
        )
        try:
            control = ControlPackets(
                login,
                write=transport.write,
                next_number=self._publisher.queue.next_number,
                on_login=self._logged_in,
                on_subscribed=self._subscribed,
                on_disconnected=self._disconnected,
            )
            control.connect()
        except BaseException:
            transport.close()
            raise
        self._transport, self._control = transport, control
        self._keep_alive = KeepAlive(KEEP_ALIVE_SECONDS, now)
        self._ending = None
        self._answered = False

    @property
    def connected(self) -> bool:
        """Whether there is a connection, ready or not."""
        return self._transport is not None

    @property
    def descriptor(self) -> int:
        """The socket's descriptor; -1 without a connection."""
        return -1 if self._transport is None else self._transport.descriptor

    @property
    def holds_packet(self) -> bool:
        """Whether `read` has something to do although the descriptor may not be readable."""
        return self._transport is not None and self._transport.holds_packet

    @property
    def wants_write(self) -> bool:
        """Whether `write` has something to do once the descriptor is writable."""
        return self._transport is not None and self._transport.wants_write

    def read(self, limit: int) -> None:
        """Handles packets until nothing is left to read, `limit` at most."""
        for _ in range(limit):
            if self._transport is None:
                return
            try:
                packet = self._transport.read()
            except OSError as error:
                self._lose(self._closed(error))
                return
            except Malformed as error:
                self._lose(Loss(f"sent bytes that are not MQTT: {error}"))
                return
            if packet is None:
                return
            self._handle(*packet)

    def write(self) -> None:
        """Sends what was published and acknowledged, as far as the socket accepts it."""
        if self._transport is None:
            return
        try:
            self._transport.flush()
        except OSError as error:
            self._lose(self._closed(error))
            return
        if self._ending is not None and not self._transport.wants_write:
            self._lose(self._ending)

    def tick(self, now: float) -> None:
        """Pings a silent broker, and gives up on one that stays silent. Call it every TICK_SECONDS."""
        if self._transport is None:
            return
        self._keep_alive.note(now, self._transport.traffic)
        if not self.ready and self._keep_alive.silence(now) >= ANSWER_TIMEOUT_SECONDS:
            self._lose(Loss(f"did not answer the login within {ANSWER_TIMEOUT_SECONDS:g} s"))
            return
        verdict = self._keep_alive.verdict(now) if self.ready else "alive"
        if verdict == "lost":
            self._lose(Loss(f"has been silent for {self._keep_alive.silence(now):.0f} s"))
        elif verdict == "ping":
            self._transport.write(_PINGREQ)

    def end(self) -> None:
        """Sends DISCONNECT: the broker does not publish the will. `on_lost` follows once it is sent."""
        self._end(Loss("was left"))

    def drop(self) -> None:
        """Ends the connection at once. The broker publishes the will."""
        self._lose(Loss("was left"))

    # What the session's owner does.

    @property
    def outstanding(self) -> int:
        """How many messages the broker has not acknowledged, sent or not."""
        return len(self._publisher.queue)

    @property
    def outstanding_bytes(self) -> int:
        """The size of the messages that the broker has not acknowledged."""
        return self._publisher.queue.bytes

    @property
    def waiting(self) -> int:
        """How many messages have not been sent."""
        return self._publisher.queue.waiting

    def publish(
        self, message: Message, receipt: Receipt, *, first: bool = False, valid_until: float | None = None
    ) -> Outgoing[Receipt]:
        """Sends a message as soon as the broker takes it; with `first`, before all that wait.

        With `valid_until`, a time of the session's clock, it has a Message Expiry Interval.
        """
        outgoing = Outgoing(message, receipt, message.size, valid_until)
        self._publisher.publish(outgoing, first=first)
        return outgoing

    def withdraw(self, outgoing: Outgoing[Receipt]) -> None:
        """Takes back a message, unless it was sent already. Nothing more is heard of it."""
        self._publisher.queue.withdraw(outgoing)

    def withdraw_all(self) -> list[Receipt]:
        """Takes back all messages and returns their receipts."""
        return [outgoing.receipt for outgoing in self._publisher.queue.clear()]

    def withdraw_retained(self) -> list[Message]:
        """Takes back the retained messages that wait, and returns them. Nothing more is heard of them."""
        return self._publisher.queue.withdraw_retained()

    def acknowledge(self, delivery: Delivery) -> None:
        """The message has been dealt with. PUBACK leaves once all earlier deliveries are acknowledged.

        A delivery of an earlier connection is delivered again, so nothing is sent for it.
        """
        delivery.acknowledged = True
        while self._inbox and self._inbox[0].acknowledged:
            number = self._inbox.popleft().number
            if self._transport is not None and self._ending is None:
                self._transport.write(write_puback(number))

    def subscribe(self, subscription: Subscription) -> None:
        """Subscribes for as long as the connection lasts, without waiting for the broker's answer."""
        if self.ready and self._control is not None:
            self._control.subscribe([subscription])

    def unsubscribe(self, topic: str) -> None:
        if self.ready and self._control is not None:
            self._control.unsubscribe(topic)

    # What the broker says.

    def _handle(self, first: int, body: bytes) -> None:
        if first == _TLS_ALERT and not self.ready:
            self._lose(Loss(_EXPECTS_TLS))
            return
        kind = first & 0xF0
        try:
            if kind == PUBACK:
                self._publisher.acknowledged(*read_puback(body))
            elif kind == PUBLISH:
                self._receive(*read_publish(first, body, mqtt5=self._mqtt5))
            elif self._control is not None:
                self._control.receive(first, body)
        except Malformed as error:
            self._lose(Loss(f"sent a packet that is not MQTT: {error}"))

    def _logged_in(self, result: LoginResult) -> None:
        self._answered = True
        if result.refusal is not None:
            self._lose(Loss(f"refused the login: {result.refusal}{self._login_remedy(result)}", "refused"))
            return
        presence = "present" if result.session_present else "new"
        log.debug("connected to the broker %s as %s, session %s", self._address, self._client_id, presence)
        self._publisher.heed(result)
        if result.keep_alive is not None:
            self._keep_alive.seconds = result.keep_alive
        if self._subscriptions and self._control is not None:
            self._subscribing = self._control.subscribe(self._subscriptions)
        else:
            self._become_ready()

    def _login_remedy(self, login: LoginResult) -> str:
        """What to do if the account was refused. Brokers do not say what is wrong with it."""
        if login.refusal not in _ACCOUNT_REFUSED:
            return ""
        user = self._address.user
        if user is None:
            return " (it requires an account: --mqtt-user and a password)"
        if self._address.password is None:
            return f" (no password was given for the account {user})"
        return (
            f" (is there an account {user} with this password, that may use the client ID {self._client_id}?)"
        )

    def _subscribed(self, number: int, refusals: list[str | None]) -> None:
        if number != self._subscribing:
            return
        self._subscribing = None
        for subscription, refusal in zip(self._subscriptions, refusals, strict=False):
            if refusal is not None:
                self._end(Loss(f"refused to subscribe to {subscription.topic}: {refusal}", "refused"))
                return
        self._become_ready()

    def _closed(self, error: OSError) -> Loss:
        """A listener for TLS often closes the connection of a client that does not speak it."""
        if self._answered:
            return Loss(f"ended the connection: {error}", "closed")
        hint = "" if self._address.ca_file is not None else " (does this port expect TLS? See --mqtt-ca-file)"
        return Loss(f"ended the connection before it answered the login: {error}{hint}", "closed")

    def _disconnected(self, reason: str, code: int) -> None:
        cause: Cause = "taken over" if code == SESSION_TAKEN_OVER else "other"
        self._lose(Loss(f"ended the connection: {reason}", cause))

    def _become_ready(self) -> None:
        assert self._transport is not None, "the broker has answered"
        self.ready = True
        self._publisher.start(self._transport.write)
        self._on_ready()
        self._publisher.send_waiting()

    def _receive(self, message: Message, number: int) -> None:
        delivery = Delivery(number, acknowledged=not number)
        if number:
            self._inbox.append(delivery)
        try:
            self._on_message(message, delivery)
        except Exception:  # Without an acknowledgement the message would be delivered again and again.
            log.exception("a message on %s could not be handled", message.topic[:200])
            self.acknowledge(delivery)

    # The end of a connection.

    def _end(self, loss: Loss) -> None:
        if self._control is None or self._ending is not None:
            return
        self.ready = False
        self._publisher.stop()
        self._ending = loss
        self._control.disconnect()
        self.write()

    def _lose(self, loss: Loss) -> None:
        transport, self._transport = self._transport, None
        if transport is None:
            return
        self._control = None
        self.ready = False
        self._subscribing = None
        self._inbox.clear()
        self._publisher.stop()
        self._publisher.queue.requeue()
        try:
            self._on_lost(self._ending or loss)
        finally:
            transport.close()
