"""The lasting connection to the broker, against a real one that is cut off, killed, or says no."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from cloud_service.accounts.secure_broker import BrokerFolders, prepare
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.mqtt.publisher import BrokerRefused
from cloud_service.protocol.messages import Message
from tests.kit.mqtt_bytes import ACCEPTED, NOT_AUTHORISED
from tests.kit.processes import HOST, Broker, Process, free_port
from tests.kit.relay import Relay
from tests.kit.secured import SecuredBroker
from tests.kit.waiting import until

Protocol = Literal["mqtt5", "mqtt311"]
BOTH = pytest.mark.parametrize("protocol", ["mqtt5", "mqtt311"])
NUMBERS = count(1)


@pytest.fixture
def topic() -> str:
    """A topic that no other test uses."""
    return f"test/{next(NUMBERS)}"


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that the test may end."""
    with Broker(tmp_path / "broker") as broker:
        yield broker


def listening(
    address: BrokerAddress, topic: str, protocol: Protocol = "mqtt5"
) -> tuple[AsyncConnection, list[Message]]:
    """A connection that listens to a topic, and what it hears."""
    heard: list[Message] = []
    connection = AsyncConnection(
        address,
        f"listener-{next(NUMBERS)}",
        protocol=protocol,
        subscriptions=[topic],
        on_message=heard.append,
    )
    return connection, heard


def payloads(heard: list[Message]) -> list[bytes]:
    return [message.payload for message in heard]


@BOTH
async def test_messages_go_there_and_back_whole(broker: Broker, topic: str, protocol: Protocol) -> None:
    connection, heard = listening(broker.address, topic, protocol)
    sent = Message(
        topic,
        "ação".encode(),
        correlation=b"\x00\xff",
        response_topic="test/reply",
        expiry=60,
        status="NOT_FOUND",
    )
    async with connection:
        assert connection.connected
        await connection.publish(sent)
        await until(lambda: heard)
    assert not connection.connected
    if protocol == "mqtt311":
        assert heard == [Message(topic, sent.payload)]
    else:
        (message,) = heard
        assert message.expiry in (59, 60)
        assert msgspec.structs.replace(message, expiry=60) == sent


@BOTH
async def test_many_messages_keep_their_order(broker: Broker, topic: str, protocol: Protocol) -> None:
    connection, heard = listening(broker.address, topic, protocol)
    async with connection:
        await asyncio.gather(*(connection.publish(Message(topic, b"%d" % number)) for number in range(1000)))
        await until(lambda: len(heard) == 1000)
    assert payloads(heard) == [b"%d" % number for number in range(1000)]


async def test_a_handler_that_fails_costs_only_its_message(
    broker: Broker, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    heard = []

    def handle(message: Message) -> None:
        if message.payload == b"bad":
            raise RuntimeError("cannot be handled")
        heard.append(message.payload)

    connection = AsyncConnection(broker.address, "failing", subscriptions=[topic], on_message=handle)
    async with connection:
        for payload in (b"1", b"bad", b"2"):
            await connection.publish(Message(topic, payload))
        await until(lambda: len(heard) == 2)
        assert connection.connected
    assert heard == [b"1", b"2"]
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        f"a message on {topic} could not be handled"
    ]


@BOTH
async def test_presence(broker: Broker, relay: Relay, topic: str, protocol: Protocol) -> None:
    births = (Message(topic, b"born %d" % number, retain=True) for number in count(1))
    watcher, heard = listening(broker.address, topic)
    async with watcher:
        there = AsyncConnection(
            BrokerAddress(HOST, relay.port),
            f"present-{protocol}",
            protocol=protocol,
            birth=lambda: next(births),
            will=Message(topic, b"gone", retain=True),
        )
        async with there:
            await until(lambda: payloads(heard) == [b"born 1"])
            relay.cut()
            await until(lambda: payloads(heard) == [b"born 1", b"gone", b"born 2"])
        await until(lambda: len(heard) == 4)
        assert heard[-1].payload == b"gone"
    later, retained = listening(broker.address, topic)
    async with later:
        await until(lambda: retained)
    assert payloads(retained) == [b"gone"]


async def test_it_comes_back_after_a_killed_broker_and_loses_nothing(own_broker: Broker, topic: str) -> None:
    connection, heard = listening(own_broker.address, topic)
    async with connection:
        await connection.publish(Message(topic, b"before"))
        await until(lambda: heard)
        own_broker.kill()
        await until(lambda: not connection.connected)
        waiting = [asyncio.create_task(connection.publish(Message(topic, b"%d" % n))) for n in range(50)]
        await asyncio.sleep(0.5)
        assert not any(task.done() for task in waiting)
        Process.start(own_broker)
        await connection.wait_connected()
        await asyncio.gather(*waiting)
        await until(lambda: len(heard) == 51)
    assert payloads(heard) == [b"before", *(b"%d" % n for n in range(50))]


async def test_cuts_in_the_middle_of_many_messages_lose_none(
    broker: Broker, relay: Relay, topic: str
) -> None:
    listener, heard = listening(broker.address, topic)
    async with listener:
        sender = AsyncConnection(BrokerAddress(HOST, relay.port), "cut-off")
        async with sender:
            waiting = [asyncio.create_task(sender.publish(Message(topic, b"%d" % n))) for n in range(2000)]
            for _ in range(3):
                enough = sum(task.done() for task in waiting) + 100
                while sum(task.done() for task in waiting) < enough:
                    await asyncio.sleep(0)
                relay.cut()
                await sender.wait_connected()
            await asyncio.gather(*waiting)
        await until(lambda: len(set(payloads(heard))) == 2000)


async def test_what_is_taken_back_before_it_was_sent_is_never_sent(
    broker: Broker, relay: Relay, topic: str
) -> None:
    listener, heard = listening(broker.address, topic)
    async with listener:
        sender = AsyncConnection(BrokerAddress(HOST, relay.port), "changing-its-mind")
        async with sender:
            relay.passing.clear()
            relay.cut()
            await until(lambda: not sender.connected)
            taken_back = asyncio.create_task(sender.publish(Message(topic, b"taken back")))
            kept = asyncio.create_task(sender.publish(Message(topic, b"kept")))
            await asyncio.sleep(0)
            taken_back.cancel()
            relay.passing.set()
            await kept
            await until(lambda: heard)
    assert payloads(heard) == [b"kept"]


async def test_leaving_fails_what_still_waits(own_broker: Broker, topic: str) -> None:
    async with AsyncConnection(own_broker.address, "leaving") as connection:
        own_broker.kill()
        await until(lambda: not connection.connected)
        waiting = asyncio.create_task(connection.publish(Message(topic, b"never")))
        await asyncio.sleep(0)
    with pytest.raises(ConnectionError, match="closed"):
        await waiting
    with pytest.raises(ConnectionError, match="closed"):
        await connection.publish(Message(topic, b"after the end"))


async def test_no_broker_at_the_first_connect_is_one_clear_error() -> None:
    port = free_port()
    with pytest.raises(ConnectionError, match=rf"anonymous@127.0.0.1:{port} cannot be reached"):
        async with AsyncConnection(BrokerAddress(HOST, port), "nobody"):
            pass


async def test_a_broker_that_says_nothing_is_one_clear_error(
    broker: Broker, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud_service.mqtt.session.ANSWER_TIMEOUT_SECONDS", 0.3)
    relay.passing.clear()
    with pytest.raises(ConnectionError, match="did not answer the login within"):
        async with AsyncConnection(BrokerAddress(HOST, relay.port), "waiting"):
            pass


@BOTH
async def test_a_refused_login_is_one_clear_error(secured: SecuredBroker, protocol: Protocol) -> None:
    address = BrokerAddress(HOST, secured.port, "gateway", "not its password")
    with pytest.raises(
        BrokerRefused, match=rf"gateway@127.0.0.1:{secured.port} refused the login: Not auth"
    ) as caught:
        async with AsyncConnection(address, "gateway", protocol=protocol):
            pass
    assert "is there an account gateway with this password" in str(caught.value)
    assert caught.value.account == f"gateway@127.0.0.1:{secured.port}"


@BOTH
@pytest.mark.parametrize(
    ("user", "remedy"),
    [(None, "it requires an account: --mqtt-user"), ("ana", "no password was given for the account ana")],
)
async def test_a_login_without_an_account_or_a_password_says_so(
    secured: SecuredBroker, protocol: Protocol, user: str | None, remedy: str
) -> None:
    with pytest.raises(BrokerRefused, match=remedy):
        async with AsyncConnection(BrokerAddress(HOST, secured.port, user), "ana", protocol=protocol):
            pass


async def test_a_broker_that_is_not_there_is_named_with_what_to_check() -> None:
    with pytest.raises(
        ConnectionError,
        match=r"anonymous@127\.0\.0\.1:1 cannot be reached: .*is it running, and are its host",
    ):
        async with AsyncConnection(BrokerAddress(HOST, 1), "ana"):
            pass


async def test_a_login_that_is_refused_later_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    answers = iter([ACCEPTED, NOT_AUTHORISED, NOT_AUTHORISED, ACCEPTED])
    connections: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.read(1)
        writer.write(next(answers))

    async with await asyncio.start_server(serve, HOST) as server:
        address = BrokerAddress(HOST, server.sockets[0].getsockname()[1])
        async with AsyncConnection(address, "refused-later", protocol="mqtt311") as connection:
            connections[0].transport.abort()
            await until(lambda: not connection.connected)
            await connection.wait_connected()
        for writer in connections:
            writer.transport.abort()
    assert sum("refused the login" in line for line in caplog.messages) == 2


@BOTH
async def test_a_refused_subscription_is_one_clear_error(secured: SecuredBroker, protocol: Protocol) -> None:
    connection = AsyncConnection(
        secured.address_of("gateway"),
        "gateway-curious",
        protocol=protocol,
        subscriptions=["recharge/v1/reply/#"],
    )
    with pytest.raises(BrokerRefused, match=r"refused to subscribe to recharge/v1/reply/#"):
        async with connection:
            pass


async def test_a_refused_message_is_an_error_and_the_next_goes_out(secured: SecuredBroker) -> None:
    async with AsyncConnection(secured.address_of("gateway"), "gateway-writing") as connection:
        with pytest.raises(BrokerRefused, match=r"recharge/v1/state/station/1: Not authorized"):
            await connection.publish(Message("recharge/v1/state/station/1", b"{}"))
        await connection.publish(Message("recharge/v1/service/gateway", b"{}", retain=True))


async def test_a_message_larger_than_the_broker_takes_is_refused_before_it_costs_the_connection(
    broker: Broker, topic: str
) -> None:
    async with AsyncConnection(broker.address, "large") as connection:
        with pytest.raises(BrokerRefused, match="bytes at most"):
            await connection.publish(Message(topic, b"x" * 3_000_000))
        await connection.publish(Message(topic, b"x" * 1_500_000))
        assert connection.connected


def test_a_password_is_in_no_text(secured: SecuredBroker) -> None:
    address = secured.address_of("gateway")
    assert address.password
    assert address.password not in f"{address} {address!r}"


async def test_tls_carries_large_and_many_messages(secured: SecuredBroker) -> None:
    topic = "recharge/v1/reply/gateway/tls"
    address = msgspec.structs.replace(
        secured.address_of("cloud_service"), port=secured.tls_port, ca_file=secured.folders.ca_file
    )
    listener = AsyncConnection(
        msgspec.structs.replace(
            secured.address_of("gateway"), port=secured.tls_port, ca_file=address.ca_file
        ),
        "gateway-tls",
        subscriptions=[topic],
        on_message=lambda message: heard.append(message.payload),
    )
    heard: list[bytes] = []
    bodies = [b"x" * 1_000_000, *(b"%d" % number for number in range(500)), b"y" * 100_000]
    async with listener, AsyncConnection(address, "service-tls") as sender:
        await asyncio.gather(*(sender.publish(Message(topic, body)) for body in bodies))
        await until(lambda: len(heard) == len(bodies))
    assert heard == bodies


async def test_tls_needs_the_brokers_own_authority(secured: SecuredBroker, tmp_path: Path) -> None:
    strangers = BrokerFolders.within(tmp_path)
    prepare(strangers, ["localhost", HOST], datetime.now(UTC))
    no_certificate = tmp_path / "no-certificate.pem"
    no_certificate.write_text("nothing")
    for ca_file, said in (
        (strangers.ca_file, "CERTIFICATE_VERIFY_FAILED"),
        (tmp_path / "missing.pem", r"missing\.pem: .*No such file"),
        (no_certificate, r"no-certificate\.pem: "),
    ):
        address = msgspec.structs.replace(
            secured.address_of("gateway"), port=secured.tls_port, ca_file=ca_file
        )
        with pytest.raises(ConnectionError, match=said):
            async with AsyncConnection(address, "gateway-lost"):
                pass


async def test_what_is_taken_back_while_the_broker_is_away_takes_up_no_memory(
    own_broker: Broker, topic: str
) -> None:
    """Requests give up after seconds, and others come; an outage lasts as long as it does."""
    async with AsyncConnection(own_broker.address, "patient") as connection:
        own_broker.kill()
        await until(lambda: not connection.connected)
        kept = connection.send(Message(topic, b"kept"))
        for _ in range(50):
            for given_up in [connection.send(Message(topic, b"given up")) for _ in range(20)]:
                given_up.cancel()
            await asyncio.sleep(0)
        assert connection.waiting == 1
        await asyncio.to_thread(own_broker.start)
        await kept


@BOTH
async def test_two_connections_of_one_client_id_say_so_and_slow_down(
    broker: Broker, protocol: Protocol, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a pause they would cut each other off a thousand times meanwhile."""
    caplog.set_level(logging.INFO)
    client_id = f"twin-{next(NUMBERS)}"
    first = AsyncConnection(broker.address, client_id, protocol=protocol)
    second = AsyncConnection(broker.address, client_id, protocol=protocol)
    async with first, second:
        await until(lambda: sum("again" in line for line in caplog.messages) >= 3)
        await asyncio.sleep(4)
    assert any(f"a second {client_id} at this broker" in line for line in caplog.messages)
    assert sum("again" in line for line in caplog.messages) < 15


async def test_tls_that_is_missing_is_one_clear_error(secured: SecuredBroker) -> None:
    address = msgspec.structs.replace(secured.address_of("gateway"), port=secured.tls_port)
    with pytest.raises(ConnectionError, match=r"expects? TLS.*--mqtt-ca-file"):
        async with AsyncConnection(address, "gateway-plain"):
            pass


async def test_the_broker_counts_what_a_message_has_waited_in_its_queue(broker: Broker, topic: str) -> None:
    """docs/mqtt.md says so of Message Expiry Interval."""
    received: list[Message] = []

    def connection() -> AsyncConnection:
        return AsyncConnection(
            broker.address,
            f"lasting-on-{topic}",
            subscriptions=[topic],
            session_expiry=60,
            on_message=received.append,
        )

    async with connection():
        pass
    async with AsyncConnection(broker.address, f"sender-on-{topic}") as sender:
        await sender.publish(Message(topic, b"dropped", expiry=1))
        await sender.publish(Message(topic, b"shortened", expiry=60))
        await asyncio.sleep(2.1)
        async with connection():
            await until(lambda: received)
    (message,) = received
    assert message.payload == b"shortened"
    assert message.expiry is not None
    assert message.expiry <= 58
