"""docs/asyncapi.yaml agrees with the code."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import yaml

import cloud_service
from cloud_service.core import changes
from cloud_service.core.changes import Changes
from cloud_service.core.network import Network
from cloud_service.core.records import Station
from cloud_service.protocol import home_assistant, requests, topics
from cloud_service.protocol.actions import CLIENT_ACTIONS, Action
from cloud_service.protocol.connectors import CONNECTORS
from cloud_service.protocol.errors import ERRORS
from cloud_service.protocol.home_assistant import Subject
from cloud_service.protocol.incoming import receive
from cloud_service.protocol.messages import Message
from cloud_service.protocol.replies import decode_reply
from cloud_service.protocol.requests import make_request
from cloud_service.service.home_assistant import HomeAssistantTopics
from recharge import Charger, Vehicle
from tests.docs.pages import ROOT
from tests.kit.processes import Stack
from tests.kit.waiting import DEADLINE

DOCUMENT = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text())
CHANNELS = DOCUMENT["channels"]
SCHEMAS = DOCUMENT["components"]["schemas"]
MESSAGES = DOCUMENT["components"]["messages"]


def resolve(node: Any) -> Any:
    """The node to which a reference leads. Raises KeyError if there is none."""
    while isinstance(node, dict) and "$ref" in node:
        found: Any = DOCUMENT
        for word in node["$ref"].removeprefix("#/").split("/"):
            found = found[word]
        node = found
    return node


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(child)


def keys_of(schema: dict[str, Any]) -> list[str]:
    return list(resolve(schema)["properties"])


def payload(message: dict[str, Any]) -> dict[str, Any]:
    return resolve(resolve(message)["payload"])


def example(name: str) -> dict[str, Any]:
    return MESSAGES[name]["examples"][0]["payload"]


def test_every_reference_leads_somewhere() -> None:
    references = [node for node in nodes(DOCUMENT) if "$ref" in node]
    assert len(references) > 100
    for reference in references:
        resolve(reference)


def test_version() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT["info"]["version"] == cloud_service.__version__


def test_every_action_has_its_channel_and_operation() -> None:
    received = [
        name for name, operation in DOCUMENT["operations"].items() if operation["action"] == "receive"
    ]
    assert received == [*CLIENT_ACTIONS, "seePresence"]
    for name, action in CLIENT_ACTIONS.items():
        operation = DOCUMENT["operations"][name]
        channel = resolve(operation["channel"])
        assert channel["address"] == action.topic("{client}")
        replies = [resolve(message) for message in resolve(operation["reply"])["messages"]]
        assert replies == [MESSAGES[f"{_reply_name(action)}Reply"], MESSAGES["ErrorReply"]]
        assert resolve(channel["messages"]["request"]) is MESSAGES[name]


def _reply_name(action: Action) -> str:
    return "ID" if action.result == "id" else action.result.title().replace(" ", "")


@pytest.mark.parametrize("action", CLIENT_ACTIONS)
def test_the_keys_of_an_action(action: str) -> None:
    schema = payload(MESSAGES[action])
    assert sorted(keys_of(schema)) == sorted(CLIENT_ACTIONS[action].keys)
    fields = msgspec.structs.fields(CLIENT_ACTIONS[action].request)
    needed = {entry.encode_name for entry in fields if entry.required}
    assert set(schema.get("required", ())) == needed
    make_request(CLIENT_ACTIONS[action].request, example(action))


@pytest.mark.parametrize("action", CLIENT_ACTIONS)
@pytest.mark.parametrize("key", ["requestID", "replyTo", "expiresAt"])
def test_the_envelope_of_an_action(action: str, key: str) -> None:
    """The keys are described, and the code reads them: it refuses a value of the wrong type."""
    assert {"$ref": "#/components/schemas/Envelope"} in payload(MESSAGES[action])["allOf"]
    assert key in keys_of(SCHEMAS["Envelope"])
    body = json.dumps({**example(action), key: []}).encode()
    incoming = receive(Message(topics.request(action, "carla"), body), arrival=0)
    assert incoming.error is not None
    assert key in incoming.error.message


def test_other_channels() -> None:
    assert CHANNELS["reply"]["address"] == topics.reply("{client}")
    assert CHANNELS["event"]["address"] == topics.event("{client}", "{type}")
    assert CHANNELS["stationState"]["address"] == topics.station_state("{stationID}")
    assert CHANNELS["pointState"]["address"] == topics.point_state("{stationID}", "{pointID}")
    assert CHANNELS["presence"]["address"] == topics.presence("{client}")
    assert CHANNELS["service"]["address"] == topics.service("{name}")
    told = CHANNELS["homeAssistantDevice"]["address"], CHANNELS["homeAssistantFreePoints"]["address"]
    assert told[0].format(device="1_2") == home_assistant.topic_of(Subject("point", 1, 2))
    assert told[1].format(stationID=1) == home_assistant.topic_of(Subject("free", 1))
    assert len(CHANNELS) == len(CLIENT_ACTIONS) + 8


def test_what_home_assistant_is_told() -> None:
    network = Network()
    network.apply(Changes(stations=(Station(1, 0, 0),)))
    topics = HomeAssistantTopics(switched_on=True)
    topics.begin_reconciliation(b"")
    assert topics.end_reconciliation(network, b"")
    told = [json.loads(message.payload) for message in topics.take(network, 10, datetime.now(UTC))]
    expected = [keys_of(SCHEMAS["HomeAssistantDevice"]), keys_of(SCHEMAS["FreePoints"])]
    assert [list(message) for message in told] == expected


def test_errors() -> None:
    described: dict[str, bool] = {}
    for name in ("FinalError", "PassingError"):
        retryable = SCHEMAS[name]["properties"]["retryable"]["const"]
        described |= dict.fromkeys(SCHEMAS[name]["properties"]["code"]["enum"], retryable)
    assert described == {code: error.retryable for code, error in ERRORS.items()}


def test_words() -> None:
    event = SCHEMAS["Event"]["properties"]
    assert event["type"]["enum"] == CHANNELS["event"]["parameters"]["type"]["enum"]
    assert tuple(event["type"]["enum"]) == get_args(changes.EventType)
    assert tuple(event["reason"]["enum"]) == get_args(changes.Reason)
    assert tuple(SCHEMAS["Availability"]["enum"]) == get_args(requests.Availability)
    assert tuple(SCHEMAS["Connector"]["enum"]) == CONNECTORS


@pytest.mark.parametrize("name", [name for name in MESSAGES if name.endswith("Reply")])
def test_examples_of_replies_are_replies(name: str) -> None:
    assert list(example(name)) == keys_of(payload(MESSAGES[name]))
    reply = decode_reply(json.dumps(example(name)).encode())
    assert (reply.error is not None) == (name == "ErrorReply")


def _hear(stack: Stack, *words: str) -> dict[str, Any]:
    heard = subprocess.check_output(
        ["mosquitto_sub", "-p", str(stack.mqtt_port), "-C", "1", *words],
        timeout=DEADLINE,
        env=stack.environment,
    )
    return json.loads(heard)


def test_real_messages_have_these_keys(network: Stack, tmp_path: Path) -> None:
    async def live() -> dict[str, dict[str, Any]]:
        async with (
            Charger("asyncapi-charger", network.address) as charger,
            Vehicle("asyncapi", network.address) as car,
        ):
            station = await charger.register_station(500, 500, name="Town hall", address="Main Street 1")
            point = await charger.add_point(station.station_id, 22, 0.9, connector="IEC_62196_T2")
            listening = asyncio.create_task(
                asyncio.to_thread(_hear, network, "-q", "1", "-t", topics.event("+", "reservationCancelled"))
            )
            while not listening.done():  # the listener may have subscribed after the first one
                await car.cancel(await car.book(500, 501, 20, 40))
                await asyncio.sleep(0.1)
            reservation = await car.book(500, 501, 20, 40)
            assert reservation.station_id == station.station_id
            return {
                "Event": listening.result(),
                "StationState": _hear(network, "-t", topics.station_state(station.station_id)),
                "PointState": _hear(network, "-t", topics.point_state(station.station_id, point.point_id)),
                "Presence": _hear(network, "-t", topics.presence("asyncapi")),
                "Service": _hear(network, "-t", topics.service("gateway")),
            }

    heard = asyncio.run(live())
    for name, message in heard.items():
        optional = {"before", "clockSpeed", "clockSince", "offlineMinutes", "tariff", "through"}
        assert list(message) == [key for key in keys_of(SCHEMAS[name]) if key not in optional], name
    assert list(heard["Event"]["reservation"]) == keys_of(SCHEMAS["Reservation"])
