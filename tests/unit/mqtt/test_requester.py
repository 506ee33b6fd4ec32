"""Requests over a real broker, to a stand-in for the service."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Literal

import msgspec
import pytest

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.mqtt.requester import NobodyListens, OutcomeUnknown, Requester
from cloud_service.protocol import topics
from cloud_service.protocol.errors import BadRequest, Busy, NotFound
from cloud_service.protocol.incoming import Incoming
from cloud_service.protocol.messages import Message
from cloud_service.protocol.requests import FindReservation
from tests.kit.processes import HOST, Broker
from tests.kit.relay import Relay
from tests.kit.responder import Responder, in_turn
from tests.kit.waiting import until

Protocol = Literal["mqtt5", "mqtt311"]
BOTH = pytest.mark.parametrize("protocol", ["mqtt5", "mqtt311"])
NUMBERS = count(1)


@pytest.fixture
def client() -> str:
    """Returns an account that no other test uses."""
    return f"client-{next(NUMBERS)}"


FIND = ("findReservation", {"vid": 7})


@asynccontextmanager
async def answered(
    broker: Broker, client: str, *answers: Any, through: Relay | None = None, **options: Any
) -> AsyncIterator[tuple[Responder, Requester]]:
    """A stand-in for the service that gives these answers in turn, and a client with these options."""
    address = broker.address if through is None else BrokerAddress(HOST, through.port)
    async with (
        Responder(broker.address, client, in_turn(*answers)) as service,
        Requester(address, client, **options) as requester,
    ):
        yield service, requester


async def lose_broker(relay: Relay, requester: Requester) -> None:
    """Until the relay lets data pass again."""
    relay.passing.clear()
    relay.cut()
    await until(lambda: not requester.connection.connected)


@BOTH
async def test_a_result(broker: Broker, client: str, protocol: Protocol) -> None:
    async with answered(broker, client, {"reservationID": 1}, protocol=protocol) as (service, requester):
        assert await requester.request(*FIND) == {"reservationID": 1}
        (incoming,) = service.received
        assert (incoming.action.name, incoming.client) == ("findReservation", client)
        assert incoming.envelope.reply_to == requester.reply_topic
        assert incoming.envelope.reply_to.startswith(f"recharge/v1/reply/{client}/")


async def test_in_mqtt_5_the_properties_carry_id_and_reply_topic(broker: Broker, client: str) -> None:
    async with answered(broker, client, 1) as (service, me):
        await me.request(*FIND, request_id="mine")
        (message,) = service.messages
        assert (message.correlation, message.response_topic) == (b"mine", me.reply_topic)
        assert message.expiry in (7, 8)
        assert msgspec.json.decode(message.payload) == {"vid": 7}


async def test_who_states_the_expiry_does_so_in_mqtt_5_too(broker: Broker, client: str) -> None:
    async with answered(broker, client, 1, states_expiry=True, wall_clock=lambda: 1000.0) as (service, me):
        await me.request(*FIND)
        (message,) = service.messages
        assert message.expiry in (7, 8)
        assert msgspec.json.decode(message.payload) == {"vid": 7, "expiresAt": 1_008_000}


async def test_what_waited_for_the_broker_is_valid_only_for_the_time_that_is_left(
    broker: Broker, relay: Relay, client: str
) -> None:
    async with answered(broker, client, 5, through=relay) as (service, requester):
        await lose_broker(relay, requester)
        asked = asyncio.create_task(requester.request(*FIND, timeout=42))
        await asyncio.sleep(1.1)  # longer than a second, which is the unit of a Message Expiry Interval
        relay.passing.set()
        assert await asked == 5
        expiry = service.messages[0].expiry
        assert expiry is not None
        assert expiry < 40


async def test_in_mqtt_3_1_1_the_body_carries_id_and_reply_topic(broker: Broker, client: str) -> None:
    async with answered(broker, client, 1, protocol="mqtt311") as (service, me):
        await me.request(*FIND, request_id="mine")
        body = msgspec.json.decode(service.messages[0].payload)
        assert (body["vid"], body["requestID"], body["replyTo"]) == (7, "mine", me.reply_topic)


@BOTH
async def test_a_typed_request_is_the_same_message_as_its_keys(
    broker: Broker, client: str, protocol: Protocol
) -> None:
    async with answered(broker, client, 1, protocol=protocol) as (service, requester):
        for values in ({"vid": "São Paulo"}, FindReservation("São Paulo"), {}, FindReservation()):
            await requester.request("findReservation", values, request_id="same")
        bodies = [msgspec.json.decode(message.payload) for message in service.messages]
        for body in bodies:
            body.pop("expiresAt", None)
        assert bodies[0] == bodies[1]
        assert bodies[2] == bodies[3]


async def test_what_only_the_administrator_may_ask_goes_to_its_own_topic(broker: Broker, client: str) -> None:
    heard: list[Message] = []
    topic = topics.control("countStations", client)
    async with (
        AsyncConnection(broker.address, f"hears-{client}", subscriptions=[topic], on_message=heard.append),
        Requester(broker.address, client) as requester,
    ):
        with pytest.raises(OutcomeUnknown):
            await requester.request("countStations", {"owner": "ana"}, timeout=1)
        await until(lambda: heard)


@BOTH
async def test_requests_expire_two_seconds_before_their_time_is_over(
    broker: Broker, client: str, protocol: Protocol
) -> None:
    async with answered(broker, client, 1, protocol=protocol) as (service, requester):
        before = time.time()
        await requester.request(*FIND, timeout=30)
        after = time.time()
        expires = service.received[0].envelope.expires_at
        assert expires is not None
        assert before + 27.99 <= expires <= after + 28


async def test_each_of_many_concurrent_requests_gets_its_own_reply(broker: Broker, client: str) -> None:
    def station(incoming: Incoming) -> Any:
        return msgspec.to_builtins(incoming.request)["chargingStationID"]

    async with (
        Responder(broker.address, client, station) as service,
        Requester(broker.address, client) as one,
        Requester(broker.address, client, client_id=f"{client}-2", protocol="mqtt311") as two,
    ):
        replies = await asyncio.gather(
            *(
                requester.request("deleteChargingStation", {"chargingStationID": number}, timeout=40)
                for number in range(1, 301)
                for requester in (one, two)
            )
        )
        assert replies == [number for number in range(1, 301) for _ in range(2)]
        assert len(set(service.ids)) == 600


async def test_a_refusal_is_raised_as_its_error(broker: Broker, client: str) -> None:
    async with answered(broker, client, NotFound("no reservation of 7")) as (service, requester):
        with pytest.raises(NotFound, match="no reservation of 7"):
            await requester.request(*FIND)
        assert len(service.received) == 1


@BOTH
async def test_busy_is_retried_with_the_same_id_and_expiry(
    broker: Broker, client: str, protocol: Protocol
) -> None:
    async with answered(broker, client, Busy(), Busy(), Busy(), 5, protocol=protocol) as (service, requester):
        assert await requester.request(*FIND, timeout=40) == 5
        assert len(service.received) == 4
        assert len(set(service.ids)) == 1
        bodies = [msgspec.json.decode(message.payload) for message in service.messages]
        assert all(body == bodies[0] for body in bodies)


async def test_busy_until_the_end_is_raised(broker: Broker, client: str) -> None:
    async with answered(broker, client, Busy()) as (service, requester):
        with pytest.raises(Busy):
            await requester.request(*FIND, timeout=1.5)
        assert len(service.received) > 1
        assert len(set(service.ids)) == 1


async def test_without_retry_busy_is_raised_at_once(broker: Broker, client: str) -> None:
    async with answered(broker, client, Busy(), 5) as (service, requester):
        with pytest.raises(Busy):
            await requester.request(*FIND, retry=False)
        assert len(service.received) == 1


async def test_no_reply_in_time_leaves_the_outcome_unknown(broker: Broker, client: str) -> None:
    async with answered(broker, client, None) as (service, requester):
        begun = time.monotonic()
        with pytest.raises(OutcomeUnknown, match="no reply to findReservation"):
            await requester.request(*FIND, timeout=0.5)
        assert time.monotonic() - begun >= 0.5
        assert len(service.received) == 1


async def test_a_request_that_nobody_received_is_sent_again(broker: Broker, client: str) -> None:
    async with Requester(broker.address, client, patience=0.2) as requester:
        asked = asyncio.create_task(requester.request(*FIND, request_id="once", timeout=40))
        await asyncio.sleep(0.1)  # the broker takes it for nobody
        async with Responder(broker.address, client, lambda incoming: 5) as service:
            assert await asked == 5
            assert set(service.ids) == {"once"}


async def test_a_request_whose_reply_was_lost_with_the_connection_is_sent_again(
    broker: Broker, relay: Relay, client: str
) -> None:
    async with answered(broker, client, None, 5, through=relay) as (service, requester):
        asked = asyncio.create_task(requester.request(*FIND, timeout=40))
        await until(lambda: service.received)
        await asyncio.sleep(0.1)  # the broker's acknowledgement may still be under way
        relay.cut()
        assert await asked == 5
        assert len(set(service.ids)) == 1


async def test_a_request_made_while_the_broker_is_away_is_answered_when_it_is_back(
    broker: Broker, relay: Relay, client: str
) -> None:
    async with answered(broker, client, 5, through=relay) as (service, requester):
        await lose_broker(relay, requester)
        asked = asyncio.create_task(requester.request(*FIND, timeout=40))
        await asyncio.sleep(0.2)
        assert not service.received
        relay.passing.set()
        assert await asked == 5


async def test_a_request_that_expired_while_the_broker_was_away_is_never_sent(
    broker: Broker, relay: Relay, client: str
) -> None:
    async with answered(broker, client, 5, through=relay) as (service, requester):
        await lose_broker(relay, requester)
        with pytest.raises(OutcomeUnknown):
            await requester.request(*FIND, timeout=0.3, request_id="too late")
        relay.passing.set()
        assert await requester.request(*FIND, timeout=40, request_id="in time") == 5
        assert service.ids == ["in time"]


async def test_further_requests_wait_for_a_free_slot(broker: Broker, client: str) -> None:
    async with answered(broker, client, None, limit=2) as (service, requester):
        asked = [asyncio.create_task(requester.request(*FIND, timeout=3)) for _ in range(2)]
        await until(lambda: len(service.received) == 2)
        with pytest.raises(Busy, match="findReservation was not sent"):
            await requester.request(*FIND, timeout=0.5)
        third = asyncio.create_task(requester.request(*FIND, timeout=40))
        await asyncio.wait(asked)
        await until(lambda: len(service.received) == 3)
        third.cancel()
        assert [type(task.exception()) for task in asked] == [OutcomeUnknown, OutcomeUnknown]


async def test_an_id_that_awaits_its_reply_cannot_be_used_again(broker: Broker, client: str) -> None:
    async with Requester(broker.address, client, absence=0.2) as requester:
        first = asyncio.create_task(requester.request(*FIND, request_id="same", timeout=40))
        await asyncio.sleep(0)
        with pytest.raises(ValueError, match="same"):
            await requester.request(*FIND, request_id="same")
        with pytest.raises(NobodyListens):
            await first


async def test_malformed_and_unexpected_replies_do_no_harm(broker: Broker, client: str) -> None:
    heard: list[Message] = []
    async with (
        Responder(broker.address, client, in_turn(5)),
        Requester(
            broker.address, client, subscriptions=[topics.event(client, "+")], on_message=heard.append
        ) as requester,
        AsyncConnection(broker.address, f"noise-{client}") as noise,
    ):
        for payload in (
            b"",
            b"no JSON",
            b"[]",
            b"{}",
            b'{"ok":false,"error":1}',
            b'{"requestID":7,"ok":true}',
        ):
            await noise.publish(Message(requester.reply_topic, payload))
            await noise.publish(Message(requester.reply_topic, payload, correlation=b"\xff"))
        event = Message(topics.event(client, "reservationScheduled"), b"{}")
        await noise.publish(event)
        assert await requester.request(*FIND) == 5
        await until(lambda: heard)
        assert [message.topic for message in heard] == [event.topic]


async def test_a_request_that_nobody_receives_is_an_error_that_says_so(broker: Broker, client: str) -> None:
    async with Requester(broker.address, client, absence=0.5) as requester:
        begun = time.monotonic()
        with pytest.raises(NobodyListens, match="had no effect: is the cloud service running"):
            await requester.request(*FIND, timeout=40)
        assert 0.5 <= time.monotonic() - begun < 10


async def test_a_service_that_comes_a_little_later_answers(broker: Broker, client: str) -> None:
    async with Requester(broker.address, client, absence=20, patience=60) as requester:
        asked = asyncio.create_task(requester.request(*FIND, timeout=40))
        await asyncio.sleep(0.3)
        async with Responder(broker.address, client, in_turn(5)):
            assert await asked == 5


async def test_a_service_that_has_heard_a_request_and_left_may_have_done_it(
    broker: Broker, client: str
) -> None:
    """The request has met with silence before, so its outcome is unknown."""
    async with Requester(broker.address, client, absence=0.2, patience=0.2) as requester:
        async with Responder(broker.address, client, in_turn(None)) as service:
            asked = asyncio.create_task(requester.request(*FIND, timeout=3))
            await until(lambda: len(service.received) == 2)
        with pytest.raises(OutcomeUnknown):
            await asked


@pytest.mark.parametrize("misspelt", ["findReservations", "findreservation", "fineReservation"])
async def test_a_misspelt_action_is_refused_with_the_name_that_was_meant(
    broker: Broker, client: str, misspelt: str
) -> None:
    async with Requester(broker.address, client) as requester:
        with pytest.raises(BadRequest, match=f"no action {misspelt}; did you mean findReservation"):
            await requester.request(misspelt, {})


async def test_a_name_that_is_like_no_action_is_refused(broker: Broker, client: str) -> None:
    async with Requester(broker.address, client) as requester:
        for name in ("fly", "x" * 1_000_000, "recharge/v1/#", ""):
            with pytest.raises(BadRequest, match="there is no action"):
                await requester.request(name, {})
