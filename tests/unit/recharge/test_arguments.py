"""A mistake in an argument is named when a client is made, and not as a request without a reply."""

from collections.abc import Mapping
from typing import Any

import pytest

from recharge import BrokerAddress, Charger, Vehicle

WRONG_FOR_BOTH = [
    ({"protocol": "mqtt"}, "protocol must be one of mqtt5, mqtt311"),
    ({"protocol": "MQTT5"}, "protocol must be one of mqtt5, mqtt311"),
    ({"protocol": None}, "protocol must be one of mqtt5, mqtt311"),
    ({"timeout": 0}, "timeout must be a number of seconds above 0, not 0"),
    ({"timeout": -1.5}, "timeout must be a number of seconds above 0"),
    ({"timeout": float("nan")}, "timeout must be a number of seconds above 0"),
    ({"timeout": float("inf")}, "timeout must be a number of seconds above 0"),
    ({"timeout": "10"}, "timeout must be a number of seconds above 0, not '10'"),
    ({"timeout": True}, "timeout must be a number of seconds above 0"),
    ({"client_id": ""}, "client_id must be a text that is not empty, or None"),
    ({"client_id": 7}, "client_id must be a text that is not empty, or None"),
    ({"broker": "127.0.0.1"}, "broker must be a BrokerAddress"),
    ({"broker": BrokerAddress(port=0)}, "the port of broker must be an integer from 1 to 65535, not 0"),
    ({"broker": BrokerAddress(port=65_536)}, "the port of broker must be an integer from 1 to 65535"),
    ({"broker": BrokerAddress(port="1883")}, "the port of broker must be an integer from 1 to 65535"),  # type: ignore[arg-type]
    ({"broker": BrokerAddress("")}, "the host of broker must be a host name or an address"),
    ({"broker": BrokerAddress("mqtt://host")}, "the host of broker must be a host name or an address"),
    ({"broker": BrokerAddress("host:1883")}, "the host of broker must be a host name or an address"),
    ({"broker": BrokerAddress("[::1]")}, "the host of broker must be a host name or an address"),
    ({"broker": BrokerAddress(user="other")}, "the account other cannot act as ana"),
    ({"name": "a/b"}, "not an account name: 'a/b'"),
    ({"name": ""}, "not an account name: ''"),
    ({"name": 7}, "not an account name: 7"),
]


@pytest.mark.parametrize("client", [Charger, Vehicle])
@pytest.mark.parametrize(("argument", "message"), WRONG_FOR_BOTH)
def test_a_wrong_argument_is_named(
    client: type[Charger | Vehicle], argument: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match="^" + message.replace("(", r"\(")):
        client(**{"name": "ana", **argument})


@pytest.mark.parametrize("limit", [0, -1, 1.5, "1", None, True])
def test_a_charger_s_limit_is_an_integer_from_1(limit: Any) -> None:
    with pytest.raises(ValueError, match="limit must be an integer from 1"):
        Charger("ana", limit=limit)


@pytest.mark.parametrize("vehicle_id", ["", "x" * 129, "a\nb", 1.5, True, 10**128])
def test_a_vehicle_s_id_is_one_that_the_network_takes(vehicle_id: Any) -> None:
    with pytest.raises(ValueError, match="vehicle_id must be an integer or a text of 1 to 128 characters"):
        Vehicle("operator", vehicle_id=vehicle_id)
    if isinstance(vehicle_id, str):
        with pytest.raises(ValueError, match="name must be an integer or a text of 1 to 128 characters"):
            Vehicle(vehicle_id, protocol="tcp")


@pytest.mark.parametrize("gateway", [("host", 0), ("host", "64352"), ("", 64352), ("tcp://host", 64352)])
def test_a_gateway_is_a_host_and_a_port(gateway: Any) -> None:
    with pytest.raises(ValueError, match="of gateway must be"):
        Vehicle("ana", protocol="tcp", gateway=gateway)


@pytest.mark.parametrize(
    "host", ["localhost", "broker.example.org", "192.0.2.1", "::1", "my_host", "café.example"]
)
def test_right_arguments_are_taken(host: str) -> None:
    address = BrokerAddress(host, 65_535, "ana", "secret")
    Charger("ana", address, protocol="mqtt311", limit=1, timeout=0.1, client_id="another")
    Vehicle("operator", vehicle_id="São Paulo 7")
    Vehicle("São Paulo 7", protocol="tcp", gateway=(host, 1))
