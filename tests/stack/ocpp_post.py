"""A charger on OCPP at the gateway of a stack, over TLS."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from msgspec import Struct
from ocpp.exceptions import OCPPError
from paho.mqtt.client import MQTTMessage

from cloud_service.ocpp.schemas import Version
from cloud_service.protocol.ocpp import Place, PlacePoint, encode, place
from tests.kit.mqtt import MqttClient
from tests.kit.ocpp import Charger, connected
from tests.stack.compose import ComposeStack


class OcppContainer(Struct, frozen=True):
    """The gateway as chargers reach it."""

    url: str


@asynccontextmanager
async def post_of(
    compose: ComposeStack, ca_file: Path, version: Version, power: int
) -> AsyncIterator[tuple[Charger, MqttClient]]:
    """A charger that has booted, with one point of this power, and an operator of its network."""
    name = f"post-{version.replace('.', '-')}"
    login = await asyncio.to_thread(compose.accounts, "add", name, "--role", "charger", "--ocpp")
    operator_login = await asyncio.to_thread(
        compose.accounts, "add", f"operator-{name}", "--role", "operator"
    )
    gateway = OcppContainer(f"wss://localhost:{compose.ocpp_port}/ocpp/")
    tls = ssl.create_default_context(cafile=str(ca_file))
    with MqttClient(
        compose.tls_port, f"operator-{name}", operator_login, ca_file=ca_file, role="operator"
    ) as operator:
        where = encode(Place(power, 9, (PlacePoint(1, power, 1),)))
        assert operator.publish(place(name), where, retain=True)
        async with connected(gateway, name, version, login, tls) as charger:
            await _boot(charger)
            yield charger, operator


def await_point(operator: MqttClient, power: int, availability: str) -> None:
    """Waits until everybody sees the point with this power like this."""
    operator.subscribe("recharge/v1/state/point/+/+")

    def fits(message: MQTTMessage) -> bool:
        if not message.topic.startswith("recharge/v1/state/point/") or not message.payload:
            return False
        point = json.loads(message.payload)
        return bool((point["power"], point["availability"]) == (power, availability))

    operator.expect(fits, f"a point with {power} kW is {availability}")


async def _boot(charger: Charger) -> None:
    """The gateway logs in again when an account is added, and hears of the place a moment later."""
    while True:
        with suppress(OCPPError):
            if await charger.boot() == "Accepted":
                return
        await asyncio.sleep(0.2)
