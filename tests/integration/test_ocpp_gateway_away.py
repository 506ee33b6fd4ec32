"""The only OCPP gateway dies. Its chargers have no last will, and everybody learns that they are gone."""

import json
from typing import Any

from tests.kit.mqtt import MqttConnection
from tests.kit.ocpp import OcppGatewayProcess, connected
from tests.kit.ocpp_site import Site
from tests.kit.processes import Stack


async def test_chargers_of_a_dead_gateway_are_offline_until_they_are_back(stack: Stack) -> None:
    site = Site(stack)
    site.add()
    presence = f"recharge/v1/presence/{site.identity}"

    def told() -> Any:
        return json.loads(watching.on(presence).payload)

    with MqttConnection(stack.mqtt_port, "watching") as watching, OcppGatewayProcess(stack) as gateway:
        watching.subscribe(presence)
        async with connected(gateway, site.identity, "1.6") as charger:
            assert await charger.boot() == "Accepted"
            assert told() == {"online": True, "through": "ocpp-gateway"}
            assert site.listed()["online"]
            gateway.kill()
        assert told() == {"online": False}
        assert not site.listed()["online"], "though its gateway could not write it down"
        gateway.start()
        async with connected(gateway, site.identity, "1.6") as charger:
            assert await charger.boot() == "Accepted"
            assert told() == {"online": True, "through": "ocpp-gateway"}
