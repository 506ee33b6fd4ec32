"""A request to an action that does not exist, at a broker with accounts."""

import asyncio
from collections.abc import Iterator
from secrets import token_hex

import pytest

from cloud_service.mqtt.requester import Requester
from cloud_service.protocol.errors import BadRequest
from tests.kit.mqtt import VERSIONS, MqttClient, Version
from tests.kit.secured import SecuredBroker, SecuredStack


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory, broker: SecuredBroker) -> Iterator[SecuredStack]:
    with SecuredStack(tmp_path_factory.mktemp("network"), broker) as network:
        yield network


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "action", ["findReservatoin", "findreservation", "find Reservation", "findReservation/"]
)
def test_it_is_refused_and_the_next_request_is_answered(
    network: SecuredStack, version: Version, action: str
) -> None:
    """MQTT 5 has a reason code in PUBACK; MQTT 3.1.1 has no way to say no, so only the reply is missing."""
    name = f"car-{token_hex(4)}"
    password = network.secured.accounts(lambda accounts: accounts.add(name, "vehicle"))
    with MqttClient(network.broker.port, name, password, version=version, role="vehicle") as client:
        granted = client.publish(f"recharge/v1/request/{action}/{name}", b'{"requestID": "misspelt"}')
        assert granted is (version == "mqtt311")
        client.settle()
        assert client.arrived() == []


def test_our_requester_names_the_action_that_was_meant(network: SecuredStack) -> None:
    async def ask() -> None:
        async with Requester(network.address, "gateway", client_id=f"gateway-{token_hex(4)}") as requester:
            await requester.request("findReservatoin", {"vid": 7})

    with pytest.raises(BadRequest, match="no action findReservatoin; did you mean findReservation"):
        asyncio.run(ask())
