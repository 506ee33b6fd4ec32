"""The packets that open, direct and end a connection, written and read by paho-mqtt.

paho-mqtt never has the socket: it writes into a function and reads whole packets that it is handed. Messages
and their acknowledgements do not pass through it (publish_packet.py says why), and neither do pings. We
override two of its private methods, tested with the versions that pyproject.toml allows: one opens the
socket, the other numbers packets, because messages take their numbers from the same range.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from msgspec import Struct
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.publish_packet import MOST_IN_FLIGHT, pack_variable
from cloud_service.mqtt.version import Protocol
from cloud_service.protocol.messages import Message

SESSION_TAKEN_OVER: Final = 0x8E
"""The reason code of a DISCONNECT that says: another client has connected with the same ID."""


class Login(Struct, frozen=True):
    """What CONNECT says. `session_expiry` and `keep_alive` are in seconds.

    With a `session_expiry` of 0 the session is clean. In MQTT 3.1.1 a session that is not clean never
    expires.
    """

    address: BrokerAddress
    client_id: str
    protocol: Protocol
    session_expiry: int
    keep_alive: int
    will: Message | None


class Subscription(Struct, frozen=True):
    """A topic filter to subscribe to. The last two need MQTT 5.

    `keep_retain_flag` asks the broker to forward the retain flag of what a client publishes as retained;
    `send_retained` asks for the retained messages that the broker has.
    """

    topic: str
    qos: int = 1
    keep_retain_flag: bool = False
    send_retained: bool = True


class LoginResult(Struct, frozen=True):
    """What CONNACK says. `refusal` is None if the broker accepted the login; `keep_alive` is in seconds."""

    refusal: str | None
    session_present: bool
    receive_maximum: int
    maximum_packet_bytes: int | None
    keep_alive: int | None


class ControlPackets:
    """Writes control packets with `write`, and reports what the broker answers.

    `on_subscribed` receives the number of a SUBSCRIBE packet and, for each topic, why the broker refused it
    or None. `on_disconnected` receives the reason for which the broker ended the connection, as a text
    and as MQTT's reason code.
    """

    def __init__(
        self,
        login: Login,
        *,
        write: Callable[[bytes], None],
        next_number: Callable[[], int],
        on_login: Callable[[LoginResult], None],
        on_subscribed: Callable[[int, list[str | None]], None],
        on_disconnected: Callable[[str, int], None],
    ) -> None:
        self._login = login
        self._pipe = _Pipe(write)
        self._on_login = on_login
        self._on_subscribed = on_subscribed
        self._on_disconnected = on_disconnected
        self._answers: list[Callable[[], None]] = []
        """To call once paho-mqtt has returned: within its callbacks it does not write."""
        self._client = _PahoClient(login, self._pipe, next_number)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_disconnect = self._disconnected

    def connect(self) -> None:
        """Writes CONNECT. Raises ValueError if the client ID or the will cannot be sent."""
        client, login = self._client, self._login
        if login.protocol == "mqtt311":
            client.connect(_Pipe.HOST, keepalive=login.keep_alive)
            return
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = login.session_expiry
        client.connect(
            _Pipe.HOST,
            keepalive=login.keep_alive,
            clean_start=login.session_expiry == 0,
            properties=properties,
        )

    def subscribe(self, subscriptions: Sequence[Subscription]) -> int:
        """Writes SUBSCRIBE and returns its number."""
        if self._login.protocol == "mqtt311":
            result, number = self._client.subscribe([(each.topic, each.qos) for each in subscriptions])
        else:
            result, number = self._client.subscribe([(each.topic, _options(each)) for each in subscriptions])
        if result != MQTTErrorCode.MQTT_ERR_SUCCESS or number is None:
            raise ValueError(f"cannot subscribe to {[each.topic for each in subscriptions]}: {result.name}")
        return number

    def unsubscribe(self, topic: str) -> None:
        """Writes UNSUBSCRIBE."""
        self._client.unsubscribe(topic)

    def disconnect(self) -> None:
        """Writes DISCONNECT: the broker does not publish the will."""
        self._client.disconnect()

    def receive(self, first: int, body: bytes) -> None:
        """Takes the first byte of a packet and what follows its length, and calls the callback for it."""
        self._pipe.unread = b"%c%b%b" % (first, pack_variable(len(body)), body)
        self._client.loop_read()
        if self._client.want_write():
            self._client.loop_write()
        answers, self._answers = self._answers, []
        for answer in answers:
            answer()

    def _connected(
        self, _client: Client, _data: Any, flags: ConnectFlags, reason: ReasonCode, known: Properties | None
    ) -> None:
        limits = {} if known is None else vars(known)
        result = LoginResult(
            refusal=str(reason) if reason.is_failure else None,
            session_present=flags.session_present,
            receive_maximum=limits.get("ReceiveMaximum", MOST_IN_FLIGHT),
            maximum_packet_bytes=limits.get("MaximumPacketSize"),
            keep_alive=limits.get("ServerKeepAlive"),
        )
        self._answers.append(partial(self._on_login, result))

    def _subscribed(
        self, _client: Client, _data: Any, number: int, codes: list[ReasonCode], _known: Properties | None
    ) -> None:
        refusals = [str(code) if code.is_failure else None for code in codes]
        self._answers.append(partial(self._on_subscribed, number, refusals))

    def _disconnected(
        self,
        _client: Client,
        _data: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _known: Properties | None,
    ) -> None:
        """paho-mqtt also calls this for a DISCONNECT of ours, which is not a failure."""
        if flags.is_disconnect_packet_from_server or reason.is_failure:
            self._answers.append(partial(self._on_disconnected, str(reason), reason.value))


def refusal_text(reason_code: int) -> str:
    """Returns the name of a PUBACK's reason code."""
    try:
        return str(ReasonCode(PacketTypes.PUBACK, identifier=reason_code))
    except KeyError:
        return f"reason code {reason_code:#x}"


class _PahoClient(Client):
    """paho-mqtt's client on a pipe."""

    def __init__(self, login: Login, pipe: "_Pipe", next_number: Callable[[], int]) -> None:
        mqtt311 = login.protocol == "mqtt311"
        super().__init__(
            CallbackAPIVersion.VERSION2,
            login.client_id,
            clean_session=login.session_expiry == 0 if mqtt311 else None,
            protocol=MQTTProtocolVersion.MQTTv311 if mqtt311 else MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        self._pipe = pipe
        self._next_number = next_number
        if login.address.user is not None:
            self.username_pw_set(login.address.user, login.address.password)
        if login.will is not None:
            self.will_set(login.will.topic, login.will.payload, login.will.qos, login.will.retain)

    def _create_socket(self) -> "_Pipe":
        return self._pipe

    def _mid_generate(self) -> int:
        return self._next_number()


class _Pipe:
    """A stand-in for paho-mqtt's socket."""

    HOST: Final = "broker"
    """paho-mqtt requires a name, and does not look it up."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.unread = b""
        self._write = write

    def recv(self, buffer_size: int) -> bytes:
        if not self.unread:
            raise BlockingIOError
        piece, self.unread = self.unread[:buffer_size], self.unread[buffer_size:]
        return piece

    def send(self, buffer: bytes | bytearray) -> int:
        self._write(bytes(buffer))
        return len(buffer)

    def close(self) -> None:
        """The transport closes the socket."""

    def fileno(self) -> int:
        return -1

    def setblocking(self, flag: bool) -> None:
        """Never blocks."""


def _options(subscription: Subscription) -> SubscribeOptions:
    return SubscribeOptions(
        qos=subscription.qos,
        retainAsPublished=subscription.keep_retain_flag,
        retainHandling=0 if subscription.send_retained else 2,
    )
