"""TLS at the running broker: versions, certificates, and devices that have one instead of a password."""

import asyncio
import gc
import shutil
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from cloud_service.accounts import certificates
from cloud_service.accounts.certificates import Authority, CertificateError, CertificateFiles, prepare_broker
from cloud_service.mqtt.async_connection import AsyncConnection
from tests.kit import mqtt_bytes
from tests.kit.mqtt import VERSIONS, MqttConnection, Version
from tests.kit.processes import HOST, free_port
from tests.kit.secured import SecuredBroker
from tests.kit.waiting import DEADLINE

NOW = datetime.now(UTC)
MUTUAL = Path(__file__).parents[2] / "mosquitto" / "mutual-tls.conf"


def _version(port: int, least: ssl.TLSVersion, most: ssl.TLSVersion) -> str | None:
    """The version that a handshake with this port agrees on. Raises SSLError if it fails."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # The client of a test must not be the one that refuses old versions.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = least, most
    with (
        socket.create_connection((HOST, port), DEADLINE) as connection,
        context.wrap_socket(connection) as secured,
    ):
        return secured.version()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_tls_from_1_2_on(broker: SecuredBroker, old_server: int) -> None:
    versions = ssl.TLSVersion
    assert _version(broker.tls_port, versions.TLSv1_2, versions.TLSv1_2) == "TLSv1.2"
    assert _version(broker.tls_port, versions.TLSv1_3, versions.TLSv1_3) == "TLSv1.3"
    assert _version(old_server, versions.TLSv1_1, versions.TLSv1_1) == "TLSv1.1", "the test's client cannot"
    with pytest.raises(ssl.SSLError):
        _version(broker.tls_port, versions.TLSv1_1, versions.TLSv1_1)


@pytest.fixture
def old_server(broker: SecuredBroker) -> Iterator[int]:
    """The port of a server that still takes TLS 1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    files = CertificateFiles.of(broker.folders.certificates, "broker")
    context.load_cert_chain(files.certificate_file, files.key_file)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_plain_text_on_the_tls_port(broker: SecuredBroker) -> None:
    with socket.create_connection((HOST, broker.tls_port), DEADLINE) as connection:
        connection.sendall(mqtt_bytes.connect("plain", "gateway", broker.password("gateway")))
        assert mqtt_bytes.ACCEPTED not in _all(connection)
    _connect_ours(broker)


def _all(connection: socket.socket) -> bytes:
    received = b""
    try:
        while more := connection.recv(4096):
            received += more
    except ConnectionResetError:
        pass
    return received


def _connect_ours(broker: SecuredBroker, ca_file: Path | None = None) -> None:
    """Connects as our own processes and clients do. Raises ConnectionError if they refuse."""
    address = replace(
        broker.address_of("gateway"), port=broker.tls_port, ca_file=ca_file or broker.folders.ca_file
    )

    async def run() -> None:
        async with AsyncConnection(address, "ours"):
            pass

    refusal = None
    try:
        asyncio.run(run())
    except ConnectionError as error:
        refusal = str(error)
    with warnings.catch_warnings():
        # paho leaves the socket of a failed handshake to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    if refusal:
        raise ConnectionError(refusal)


def test_clients_refuse_a_broker_of_another_authority(broker: SecuredBroker, tmp_path: Path) -> None:
    other = Authority(tmp_path, NOW).files.certificate_file
    with pytest.raises(ConnectionError, match="verify failed"):
        _connect_ours(broker, other)


def test_clients_refuse_a_broker_that_is_called_otherwise(tmp_path: Path) -> None:
    broker = _broker(tmp_path, NOW, names=["elsewhere.example.org"])
    try:
        with pytest.raises(ConnectionError, match="not valid for"):
            _connect_ours(broker)
    finally:
        broker.stop()


def test_clients_refuse_a_broker_whose_certificate_has_expired(tmp_path: Path) -> None:
    broker = _broker(
        tmp_path, NOW - certificates.BROKER_LIFETIME - timedelta(days=1), names=["localhost", HOST]
    )
    try:
        with pytest.raises(ConnectionError, match="expired"):
            _connect_ours(broker)
    finally:
        broker.stop()


def _broker(folder: Path, made: datetime, names: list[str]) -> SecuredBroker:
    """A broker whose certificate was made at this time and for these names, and not renewed since."""
    broker = SecuredBroker(folder)
    authority = Authority(broker.folders.authority, made)
    CertificateFiles.of(broker.folders.certificates, "broker").write(authority.issue_broker(names, made))
    broker.start()
    return broker


@pytest.fixture(scope="module")
def mutual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    """A broker with the compose stack's listener for devices' certificates, at `mutual_port`."""
    folder = tmp_path_factory.mktemp("mutual")
    port = free_port()
    configuration = MUTUAL.read_text().replace("listener 8883", f"listener {port} {HOST}")
    configuration = configuration.replace("/mosquitto/certificates", f"{folder}/certificates")
    with SecuredBroker(folder, more=configuration) as broker:
        broker.tls_port = port
        yield broker


def _device(broker: SecuredBroker, folder: Path, name: str, made: datetime = NOW) -> tuple[Path, Path]:
    """The files of a device's certificate by the broker's own authority."""
    files = CertificateFiles.of(folder, name)
    files.write(Authority(broker.folders.authority, made).issue_device(name, made))
    return files.certificate_file, files.key_file


def _connect(
    broker: SecuredBroker, client_id: str, pair: tuple[Path, Path] | None, version: Version = "mqtt5"
) -> MqttConnection:
    return MqttConnection(
        broker.tls_port, client_id, ca_file=broker.folders.ca_file, pair=pair, version=version
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_certificate_is_an_account(mutual: SecuredBroker, tmp_path: Path, version: Version) -> None:
    name = f"device-{version}"
    mutual.accounts(lambda accounts: accounts.add(name, "charger"))
    pair = _device(mutual, tmp_path, name)
    with _connect(mutual, name, pair, version) as client:
        granted = client.subscribe(f"recharge/v1/reply/{name}", "recharge/v1/reply/somebody-else")
        assert granted == [True, False]
        if version == "mqtt5":
            topics = ["recharge/v1/presence/somebody-else", f"recharge/v1/request/scheduleReservation/{name}"]
            assert client.publish_all(topics) == [False, False]
    mutual.accounts(lambda accounts: accounts.remove(name, leave_stations=True))
    with _connect(mutual, name, pair, version) as client:
        assert client.subscribe(f"recharge/v1/reply/{name}", "recharge/v1/state/#") == [False, False]


def test_a_certificate_gives_its_own_client_id_only(mutual: SecuredBroker, tmp_path: Path) -> None:
    for name in ("first", "second"):
        mutual.accounts(lambda accounts, name=name: accounts.add(name, "charger"))
    with _connect(mutual, "first", _device(mutual, tmp_path, "first")) as first:
        with _connect(mutual, "first", _device(mutual, tmp_path, "second")) as second:
            assert second.publish_all(["recharge/v1/presence/second", "recharge/v1/presence/first"]) == [
                True,
                False,
            ]
        assert first.publish("recharge/v1/presence/first"), "it was cut off"


def test_without_a_good_certificate_nobody_gets_in(mutual: SecuredBroker, tmp_path: Path) -> None:
    password = mutual.accounts(lambda accounts: accounts.add("device", "charger"))
    foreign = CertificateFiles.of(tmp_path / "foreign", "device")
    foreign.write(Authority(tmp_path / "foreign", NOW).issue_device("device", NOW))
    old = NOW - certificates.DEVICE_LIFETIME - timedelta(days=1)
    bad = {
        "none": None,
        "of another authority": (foreign.certificate_file, foreign.key_file),
        "expired": _device(mutual, tmp_path / "old", "device", old),
    }
    for why, pair in bad.items():
        assert _turned_away(mutual, pair, password), f"a certificate lets in: {why}"
    assert not _turned_away(mutual, _device(mutual, tmp_path / "good", "device"), password)


def _turned_away(broker: SecuredBroker, pair: tuple[Path, Path] | None, password: str) -> bool:
    context = ssl.create_default_context(cafile=broker.folders.ca_file)
    if pair:
        context.load_cert_chain(*pair)
    try:
        with (
            socket.create_connection((HOST, broker.tls_port), DEADLINE) as connection,
            context.wrap_socket(connection, server_hostname=HOST) as secured,
        ):
            secured.sendall(mqtt_bytes.connect("device", "device", password))
            return mqtt_bytes.receive(secured, 4) != mqtt_bytes.ACCEPTED
    except (ssl.SSLError, ConnectionError):
        return True


def test_the_brokers_certificate_is_renewed_before_it_ends(tmp_path: Path) -> None:
    names = ["localhost"]
    files = prepare_broker(tmp_path / "broker", tmp_path / "authority", names, NOW)
    first = files.certificate_file.read_bytes()
    prepare_broker(tmp_path / "broker", tmp_path / "authority", names, NOW + timedelta(days=100))
    assert files.certificate_file.read_bytes() == first
    later = NOW + certificates.BROKER_LIFETIME - timedelta(days=30)
    prepare_broker(tmp_path / "broker", tmp_path / "authority", names, later)
    assert files.certificate_file.read_bytes() != first
    assert files.certificate().not_valid_after_utc > later + timedelta(days=300)
    second = files.certificate_file.read_bytes()
    prepare_broker(tmp_path / "broker", tmp_path / "authority", [*names, "broker.example.org"], later)
    assert files.certificate_file.read_bytes() != second


def test_an_operators_own_certificate_is_left_alone(tmp_path: Path) -> None:
    own = Authority(tmp_path / "their authority", NOW)
    files = CertificateFiles.of(tmp_path / "broker", "broker")
    files.write(own.issue_broker(["broker.example.org"], NOW))
    shutil.copy(own.files.certificate_file, tmp_path / "broker" / "ca.crt")
    before = {file.name: file.read_bytes() for file in (tmp_path / "broker").iterdir()}
    prepare_broker(tmp_path / "broker", tmp_path / "authority", ["localhost"], NOW)
    Authority(tmp_path / "authority", NOW)
    prepare_broker(tmp_path / "broker", tmp_path / "authority", ["localhost"], NOW)
    assert before == {file.name: file.read_bytes() for file in (tmp_path / "broker").iterdir()}


def test_what_is_wrong_with_a_file_is_told(tmp_path: Path) -> None:
    authority = Authority(tmp_path, NOW)
    with pytest.raises(CertificateError, match="needs a host name"):
        authority.issue_broker([], NOW)
    (tmp_path / "ca.key").write_text("not a key")
    with pytest.raises(CertificateError, match=r"ca\.key cannot be read as a private key"):
        Authority(tmp_path, NOW)
    (tmp_path / "ca.key").unlink()
    with pytest.raises(CertificateError, match=r"ca\.key is missing"):
        Authority(tmp_path, NOW)
