"""OCPP at a secured broker: who may connect as which charger, and for whom a gateway may speak."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from secrets import token_hex

import pytest
from ocpp.exceptions import OCPPError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from cloud_service.accounts.broker_accounts import AccountsError
from tests.kit.mqtt import MqttConnection
from tests.kit.ocpp import Charger, OcppGatewayProcess, basic, connected
from tests.kit.secured import SecuredBroker, SecuredStack
from tests.kit.waiting import wait_until

CHARGER_ACTIONS = (
    "newChargingStation",
    "newChargingPoint",
    "startCharging",
    "meterCharging",
    "finishCharging",
    "recordCharging",
)
WRONG, AT_ONCE, HEARD = 1_000, 20, 5
CUT_OFF = "ended the connection: Administrative action"
ELSEWHERE = "127.0.0.2"
PLACE = b'{"x_position": 5, "y_position": 6, "points": [{"connector": 1, "power": 22, "kWhPrice": 1}]}'


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    """Marking a charger disconnects the gateways of a broker: those of other tests are elsewhere."""
    with SecuredBroker(tmp_path_factory.mktemp("ocpp-broker")) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(
    own_broker: SecuredBroker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OcppGatewayProcess]:
    folder = tmp_path_factory.mktemp("ocpp-stack")
    password = own_broker.accounts(lambda accounts: accounts.add("ocpp-gateway", "ocpp-gateway"))
    file = folder / "ocpp.password"
    file.write_text(password)
    login = {"mqtt_user": "ocpp-gateway", "mqtt_password_file": str(file)}
    with (
        SecuredStack(folder / "stack", own_broker) as stack,
        OcppGatewayProcess(stack, **login) as process,
    ):
        yield process


def added(broker: SecuredBroker, *, ocpp: bool = True, password: str | None = None) -> tuple[str, str]:
    """The name of a new charger, and its password."""
    name = f"post-{token_hex(4)}"
    return name, broker.accounts(lambda accounts: accounts.add(name, "charger", password, ocpp=ocpp))


async def refusal(gateway: OcppGatewayProcess, identity: str, headers: dict[str, str]) -> int:
    """The status with which a handshake is refused."""
    with pytest.raises(InvalidStatus) as raised:
        async with connect(gateway.url + identity, additional_headers=headers):
            pass
    return raised.value.response.status_code


@asynccontextmanager
async def operator_of(broker: SecuredBroker) -> AsyncIterator[MqttConnection]:
    name = f"operator-{token_hex(4)}"
    password = await asyncio.to_thread(broker.accounts, lambda accounts: accounts.add(name, "operator"))
    with MqttConnection(broker.port, name, name, password) as client:
        yield client


def test_a_gateway_speaks_only_for_those_who_are_marked(broker: SecuredBroker) -> None:
    gateway = f"ocpp-gateway-{token_hex(4)}"
    password = broker.accounts(lambda accounts: accounts.add(gateway, "ocpp-gateway"))
    marked, _ = added(broker)
    other, _ = added(broker, ocpp=False)
    with MqttConnection(broker.port, gateway, gateway, password) as client:
        for name, may in ((marked, True), (other, False)):
            topics = [f"recharge/v1/request/{action}/{name}" for action in CHARGER_ACTIONS]
            topics.append(f"recharge/v1/presence/{name}")
            assert client.publish_all(topics) == [may] * len(topics)
            assert client.subscribe(f"recharge/v1/event/{name}/#") == [may]
        assert client.publish_all([f"recharge/v1/request/scheduleReservation/{marked}"]) == [False]
    broker.accounts(lambda accounts: accounts.let_speak_ocpp(other))
    listed = {account.name: account.ocpp for account in broker.accounts(lambda accounts: accounts.all())}
    assert listed[marked]
    assert listed[other]
    with MqttConnection(broker.port, gateway, gateway, password) as client:
        assert client.publish_all([f"recharge/v1/request/startCharging/{other}"]) == [True]


def test_only_chargers_can_be_marked(broker: SecuredBroker) -> None:
    name = f"car-{token_hex(4)}"
    with pytest.raises(AccountsError, match="only a charger speaks OCPP"):
        broker.accounts(lambda accounts: accounts.add(name, "vehicle", ocpp=True))
    known = {account.name for account in broker.accounts(lambda accounts: accounts.all())}
    assert name not in known, "nor was the account made"


async def test_a_charger_logs_in_with_its_password(
    gateway: OcppGatewayProcess, own_broker: SecuredBroker
) -> None:
    name, password = await asyncio.to_thread(added, own_broker)
    for _ in range(HEARD + 1):  # right ones do not count
        async with connected(gateway, name, "1.6", password) as charger:
            assert await charger.boot() == "Pending"


async def test_a_marked_charger_gets_its_station(
    gateway: OcppGatewayProcess, own_broker: SecuredBroker
) -> None:
    name, password = await asyncio.to_thread(added, own_broker)
    async with operator_of(own_broker) as operator:
        operator.publish(f"recharge/v1/ocpp/place/{name}", PLACE, retain=True)
    async with connected(gateway, name, "2.0.1", password) as charger:
        await _until_accepted(charger)
        await charger.status("Available")
        assert await charger.start("somebody", 0) is not None


async def test_marking_another_charger_interrupts_no_charge(
    gateway: OcppGatewayProcess, own_broker: SecuredBroker
) -> None:
    """The plugin disconnects the gateway, which is back at once; its chargers notice nothing."""
    name, password = await asyncio.to_thread(added, own_broker)
    presence = f"recharge/v1/presence/{name}"
    async with operator_of(own_broker) as operator:
        elsewhere = PLACE.replace(b'"x_position": 5', b'"x_position": 7')
        operator.publish(f"recharge/v1/ocpp/place/{name}", elsewhere, retain=True)
        async with connected(gateway, name, "1.6", password) as charger:
            await _until_accepted(charger)
            transaction = await charger.start(f"car-{name}", 0)
            assert transaction is not None
            operator.subscribe(presence)
            assert json.loads(operator.on(presence).payload)["online"]
            times = gateway.log.read_text().count(CUT_OFF)
            await asyncio.to_thread(added, own_broker)
            await charger.measure(transaction, 500, 7_000)
            assert json.loads(operator.on(presence).payload)["online"], "it is told again"
            await charger.stop(transaction, 1_000)
            wait_until(lambda: gateway.log.read_text().count(CUT_OFF) > times, "the log tells")
            assert not operator.arrived(presence)


async def _until_accepted(charger: Charger) -> None:
    while await charger.boot() != "Accepted":
        await asyncio.sleep(0.05)


async def test_a_key_is_text_or_its_hexadecimal_digits(
    gateway: OcppGatewayProcess, own_broker: SecuredBroker
) -> None:
    key = "0123456789abcdef0123456789abcdef01234567"
    name, _ = await asyncio.to_thread(lambda: added(own_broker, password=key))
    for given in (key.encode(), bytes.fromhex(key)):
        async with connected(gateway, name, "1.6", given) as charger:
            assert await charger.boot() == "Pending"


async def test_wrong_logins_are_refused(gateway: OcppGatewayProcess, own_broker: SecuredBroker) -> None:
    name, password = await asyncio.to_thread(added, own_broker)
    other, _ = await asyncio.to_thread(added, own_broker)
    assert await refusal(gateway, name, {}) == 401
    assert await refusal(gateway, other, basic(name, password)) == 401
    assert await refusal(gateway, "operator-1", basic("operator-1", "x")) == 404
    wait_until(lambda: f"logs in as '{name}'" in _lines(gateway, other), "the log tells")
    assert password not in gateway.log.read_text()


async def test_a_thousand_wrong_passwords_lock_nobody_out(
    gateway: OcppGatewayProcess, own_broker: SecuredBroker
) -> None:
    """The broker is asked a few times, and nobody else waits, nor the charger itself at another address."""
    name, password = await asyncio.to_thread(added, own_broker)
    asked = own_broker.log.read_text().count(name)
    found: Counter[int] = Counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(_guess(gateway, name, WRONG // AT_ONCE, found))
        async with connected(gateway, name, "1.6", password, address=ELSEWHERE) as charger:
            assert await charger.boot() == "Pending"
    assert found == Counter({401: HEARD, 429: WRONG - HEARD})
    wait_until(lambda: _lines(gateway, name).count("wrong password") == HEARD, "the log tells")
    broker_lines = own_broker.log.read_text().count(name) - asked
    assert broker_lines < 100, f"the broker has {broker_lines} lines about {WRONG} passwords"
    assert await refusal(gateway, name, basic(name, password)) == 429, "whoever guesses is not told"


async def test_a_thousand_logins_as_somebody_else_are_logged_once(
    gateway: OcppGatewayProcess, own_broker: SecuredBroker
) -> None:
    name, password = await asyncio.to_thread(added, own_broker)
    other, _ = await asyncio.to_thread(added, own_broker)
    asked = own_broker.log.read_text().count(other)
    for _ in range(WRONG):
        assert await refusal(gateway, other, basic(name, password)) == 401
    wait_until(lambda: _lines(gateway, other).count("logs in as") == 1, "the log tells")
    assert own_broker.log.read_text().count(other) == asked, "the broker is not asked about strangers"


async def _guess(gateway: OcppGatewayProcess, name: str, count: int, found: Counter[int]) -> None:
    for number in range(count):
        found[await refusal(gateway, name, basic(name, f"wrong-{number}"))] += 1


def _lines(gateway: OcppGatewayProcess, name: str) -> str:
    """What the log says of a charger."""
    return "\n".join(line for line in gateway.log.read_text().splitlines() if name in line)


async def test_wrong_passwords_of_one_charger_hold_up_no_other_at_its_address(
    gateway: OcppGatewayProcess, own_broker: SecuredBroker
) -> None:
    name, _ = await asyncio.to_thread(added, own_broker)
    other, of_other = await asyncio.to_thread(added, own_broker)
    found = [await refusal(gateway, name, basic(name, "wrong")) for _ in range(HEARD + 1)]
    assert found == [401] * HEARD + [429]
    async with connected(gateway, other, "1.6", of_other) as charger:
        assert await charger.boot() == "Pending"


def test_an_unmarked_charger_has_no_effect(gateway: OcppGatewayProcess, own_broker: SecuredBroker) -> None:
    name, password = added(own_broker, ocpp=False)

    async def story() -> None:
        async with operator_of(own_broker) as operator:
            operator.publish(f"recharge/v1/ocpp/place/{name}", PLACE, retain=True)
        async with connected(gateway, name, "1.6", password) as charger:
            with pytest.raises(OCPPError, match="not possible now"):
                await _until_accepted(charger)

    asyncio.run(story())
    wait_until(lambda: "cannot do BootNotification" in gateway.log.read_text(), "the log tells")
