"""OCPP's security profiles 2 and 3, with certificates that `recharge certificates` has made."""

import asyncio
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus

from cloud_service.accounts.certificates import DEVICE_LIFETIME, Authority, CertificateFiles
from tests.kit.ocpp import OcppGatewayProcess, basic, connected
from tests.kit.secured import SecuredBroker, SecuredStack

NOW = datetime.now(UTC)
TURNED_AWAY = (ssl.SSLError, ConnectionError, InvalidHandshake)


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    """Marking a charger disconnects the gateways of a broker: those of other tests are elsewhere."""
    with SecuredBroker(tmp_path_factory.mktemp("ocpp-tls-broker")) as running:
        yield running


@pytest.fixture(scope="module")
def stack(own_broker: SecuredBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredStack]:
    with SecuredStack(tmp_path_factory.mktemp("ocpp-tls-stack"), own_broker) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(
    own_broker: SecuredBroker, stack: SecuredStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OcppGatewayProcess]:
    """With the broker's certificate, as Compose has it."""
    password = own_broker.accounts(lambda accounts: accounts.add("ocpp-gateway", "ocpp-gateway"))
    file = tmp_path_factory.mktemp("ocpp-tls-gateway") / "password"
    file.write_text(password)
    own = CertificateFiles.of(own_broker.folders.certificates, "broker")
    settings = {
        "mqtt_user": "ocpp-gateway",
        "mqtt_password_file": str(file),
        "ocpp_certificate_file": str(own.certificate_file),
        "ocpp_key_file": str(own.key_file),
        "ocpp_ca_file": str(own_broker.folders.ca_file),
    }
    with OcppGatewayProcess(stack, **settings) as process:
        yield process


@pytest.fixture
def account(own_broker: SecuredBroker) -> tuple[str, str]:
    """The name of a charger, and its password."""
    name = f"post-{token_hex(4)}"
    return name, own_broker.accounts(lambda accounts: accounts.add(name, "charger", ocpp=True))


def trusting(broker: SecuredBroker, pair: CertificateFiles | None = None) -> ssl.SSLContext:
    """What a charger needs: the network's authority, and for profile 3 its own certificate."""
    context = ssl.create_default_context(cafile=broker.folders.ca_file)
    if pair is not None:
        context.load_cert_chain(pair.certificate_file, pair.key_file)
    return context


def issued(stack: SecuredStack, folder: Path, name: str) -> CertificateFiles:
    """A device's certificate, made by the command."""
    folders = ("--broker-dir", str(stack.secured.folders.broker), "--output-dir", str(folder))
    done = stack.recharge("certificates", "device", name, *folders)
    assert done.returncode == 0, done.stderr
    return CertificateFiles.of(folder, name)


async def test_profile_2_a_password_over_tls(
    gateway: OcppGatewayProcess, own_broker: SecuredBroker, account: tuple[str, str]
) -> None:
    name, password = account
    async with connected(gateway, name, "2.0.1", password, trusting(own_broker)) as charger:
        assert await charger.boot() == "Pending"
    with pytest.raises(InvalidStatus, match="401"):
        async with connected(gateway, name, "2.0.1", "wrong", trusting(own_broker)):
            pass


async def test_without_tls_nobody_gets_in(gateway: OcppGatewayProcess, account: tuple[str, str]) -> None:
    name, password = account
    url = gateway.url.replace("wss:", "ws:") + name
    with pytest.raises((ConnectionError, InvalidMessage)):
        async with connect(url, additional_headers=basic(name, password)):
            pass


async def test_profile_3_a_certificate_instead_of_a_password(
    gateway: OcppGatewayProcess,
    own_broker: SecuredBroker,
    stack: SecuredStack,
    account: tuple[str, str],
    tmp_path: Path,
) -> None:
    name, _ = account
    pair = await asyncio.to_thread(issued, stack, tmp_path, name)
    tls = trusting(own_broker, pair)
    async with connected(gateway, name, "2.1", None, tls) as charger:
        assert await charger.boot() == "Pending"
    with pytest.raises(InvalidStatus, match="401"):
        async with connected(gateway, "post-other", "2.1", None, tls):
            pass


async def test_a_certificate_of_others_or_of_yesterday_is_refused(
    gateway: OcppGatewayProcess, own_broker: SecuredBroker, account: tuple[str, str], tmp_path: Path
) -> None:
    name, _ = account
    old = NOW - DEVICE_LIFETIME - timedelta(days=1)
    foreign = Authority(tmp_path / "foreign", NOW).issue_device(name, NOW)
    expired = Authority(own_broker.folders.authority, NOW).issue_device(name, old)
    for what, certificate in (("foreign", foreign), ("expired", expired)):
        files = CertificateFiles.of(tmp_path / what, name)
        files.write(certificate)
        with pytest.raises(TURNED_AWAY):
            async with connected(gateway, name, "1.6", None, trusting(own_broker, files)):
                pass
