"""What real chargers do that OCPP does not foresee: they are served all the same."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from cloud_service.ocpp.server import LARGEST_MESSAGE
from tests.kit.ocpp import OcppGatewayProcess, connected
from tests.kit.ocpp_site import Site
from tests.kit.ocpp_wire import BOOT, Wire, now, shaken, wired
from tests.kit.processes import Stack, free_port
from tests.kit.scraping import wait_for_sample
from tests.kit.waiting import wait_until

MESSAGES = "recharge_ocpp_messages_total"


@pytest.fixture(scope="module")
def metrics_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def gateway(stack: Stack, metrics_port: int) -> Iterator[OcppGatewayProcess]:
    with OcppGatewayProcess(stack, metrics_port=str(metrics_port)) as process:
        yield process


@pytest.fixture
def site(stack: Stack) -> Site:
    return Site(stack)


@pytest.fixture
async def charger(gateway: OcppGatewayProcess, site: Site) -> AsyncIterator[Wire]:
    """One with OCPP 1.6, which has booted at its place."""
    site.add()
    async with wired(gateway, site.identity) as charger:
        assert await charger.boot() == "Accepted"
        yield charger


def status(word: str) -> dict[str, Any]:
    return {"connectorId": 1, "status": word, "errorCode": "NoError"}


async def start(charger: Wire, tag: str = "", *, at: str | None = None) -> int:
    """The transaction. Without a tag, it is of somebody who charges nowhere else."""
    begin = {"connectorId": 1, "idTag": tag or token_hex(6), "meterStart": 0, "timestamp": at or now()}
    answer = await charger.call("StartTransaction", begin)
    assert answer["idTagInfo"] == {"status": "Accepted"}
    return int(answer["transactionId"])


async def stop(charger: Wire, transaction: int, meter: int, *, at: str | None = None) -> Any:
    end = {"transactionId": transaction, "meterStop": meter, "timestamp": at or now()}
    return await charger.call("StopTransaction", end)


async def test_messages_are_counted(gateway: OcppGatewayProcess, metrics_port: int) -> None:
    async with wired(gateway, "post-counted") as charger:
        for _ in range(2):
            await charger.call("BootNotification", BOOT, "the same")
        assert await charger.call("Dance", {}) == "NotImplemented"
        await charger.send('[2, "torn", "Heartb')
        await charger.call("Heartbeat", {})
        found = await asyncio.to_thread(
            wait_for_sample, metrics_port, MESSAGES, 1, action="Heartbeat", outcome="ok"
        )
    assert found(MESSAGES, action="BootNotification", outcome="ok") == 2
    assert found(MESSAGES, action="none", outcome="NotImplemented") == 1
    assert found(MESSAGES, action="none", outcome="FormationViolation") == 1
    assert ("action", "Dance") not in found.labels()


class TestHandshakes:
    async def test_no_subprotocol_is_16(self, gateway: OcppGatewayProcess, site: Site) -> None:
        site.add()
        async with wired(gateway, site.identity, None) as charger:
            assert await charger.boot() == "Accepted"
            assert await start(charger), "which only 1.6 can"
        await asyncio.to_thread(site.await_leniencies, "offers no subprotocol")

    @pytest.mark.parametrize(
        ("headers", "lenient"),
        [
            (("upgrade: WebSocket", "connection: upgrade"), False),
            (("Upgrade: websocket",), True),
            (("Connection: keep-alive", "Upgrade: websocket"), True),
        ],
    )
    async def test_the_connection_header(
        self, gateway: OcppGatewayProcess, site: Site, headers: tuple[str, ...], *, lenient: bool
    ) -> None:
        async with shaken(gateway, site.identity, *headers) as (_, _, status):
            assert status.startswith("HTTP/1.1 101")
            expected = ["no Connection: Upgrade in the handshake"] if lenient else []
            expected.append("offers no subprotocol")
            await asyncio.to_thread(site.await_leniencies, *expected)
            assert await asyncio.to_thread(site.leniencies) == expected

    async def test_no_version_that_we_know(self, gateway: OcppGatewayProcess, site: Site) -> None:
        async with wired(gateway, site.identity, "ocpp1.2") as charger:
            await charger.socket.wait_closed()
            assert charger.socket.close_code == 1002
            assert "ocpp1.6" in (charger.socket.close_reason or "")

    async def test_a_half_open_connection_locks_nobody_out(
        self, gateway: OcppGatewayProcess, site: Site
    ) -> None:
        """The old one reads nothing, and does not say goodbye."""
        site.add()
        upgrade = ("Connection: Upgrade", "Upgrade: websocket")
        async with shaken(gateway, site.identity, *upgrade), wired(gateway, site.identity) as charger:
            assert await charger.boot() == "Accepted"
            assert (await charger.call("Heartbeat", {}))["currentTime"]

    async def test_nor_does_its_own_one_where_no_other_may_connect(self, stack: Stack, site: Site) -> None:
        settings = {"ocpp_max_connections": "1", "mqtt_user": "ocpp-gateway-small", "mqtt_password": "any"}
        with OcppGatewayProcess(stack, **settings) as gateway:
            async with (
                connected(gateway, site.identity, "1.6", "any"),
                connected(gateway, site.identity, "1.6", "any") as charger,
            ):
                assert await charger.boot() == "Pending"
                with pytest.raises(InvalidStatus, match="503"):
                    async with connected(gateway, "post-other", "1.6", "any"):
                        pass


class TestOrder:
    async def test_messages_before_and_instead_of_boot(self, gateway: OcppGatewayProcess, site: Site) -> None:
        site.add()
        async with wired(gateway, site.identity) as charger:
            answer = await charger.call("DataTransfer", {"vendorId": "Maker", "data": "x"})
            assert answer == {"status": "UnknownVendorId"}
            await charger.call("StatusNotification", status("Faulted"))
            await asyncio.to_thread(site.await_states, "outOfOrder", "free")

    async def test_boots_again_and_again_make_nothing_new(
        self, gateway: OcppGatewayProcess, site: Site
    ) -> None:
        site.add()
        async with wired(gateway, site.identity) as charger:
            transaction = await start(charger)
            for _ in range(20):
                assert await charger.boot() == "Accepted"
            await asyncio.to_thread(site.await_states, "occupied", "free")
            assert await stop(charger, transaction, 2000) == {"idTagInfo": {"status": "Accepted"}}
            await asyncio.to_thread(site.await_states, "free", "free")

    async def test_a_stop_without_a_start_frees_nothing(self, charger: Wire, site: Site) -> None:
        await start(charger)
        for transaction in (2**63 - 1, 77):
            await stop(charger, transaction, 2000)
        await asyncio.to_thread(site.await_states, "occupied", "free")
        await asyncio.to_thread(site.await_leniencies, "ended a charge that never began")

    async def test_the_only_charge_ends_without_its_name(self, charger: Wire, site: Site) -> None:
        await start(charger)
        await stop(charger, -1, 2000)
        await asyncio.to_thread(site.await_states, "free", "free")
        await asyncio.to_thread(site.await_leniencies, "ended a charge without its transaction ID")

    async def test_one_that_is_stuck_in_finishing_charges_the_next(self, charger: Wire, site: Site) -> None:
        first = await start(charger)
        await charger.call("StatusNotification", status("Finishing"))
        await asyncio.to_thread(site.await_states, "occupied", "free")
        second = await start(charger)
        assert second not in (0, first)
        await stop(charger, second, 2000)
        await asyncio.to_thread(site.await_states, "free", "free")
        await asyncio.to_thread(site.await_leniencies, "began a charge before it ended the last one")

    async def test_the_same_message_again_is_answered_the_same(self, charger: Wire, site: Site) -> None:
        begin = {"connectorId": 1, "idTag": token_hex(6), "meterStart": 0, "timestamp": now()}
        answers = [await charger.call("StartTransaction", begin, "again") for _ in range(3)]
        assert answers[0]["transactionId"] > 0
        assert answers == [answers[0]] * 3
        now_and_then = [await charger.call("Heartbeat", {}, "beat") for _ in range(2)]
        assert now_and_then[0] == now_and_then[1], "also the time that was told"
        assert (await charger.call("Heartbeat", {}, "again"))["currentTime"]
        await asyncio.to_thread(site.await_leniencies, "used a message ID twice")


class TestValues:
    async def test_what_no_schema_allows(self, gateway: OcppGatewayProcess, site: Site) -> None:
        site.add()
        async with wired(gateway, site.identity) as charger:
            boot = {"chargePointVendor": "M" * 500, "chargePointModel": 7, "firmwareVersion": None}
            assert (await charger.call("BootNotification", boot))["status"] == "Accepted"
            await charger.send('[2, "torn", "Heartb')
            assert await charger.call("Dance", {}) == "NotImplemented"
            for _ in range(2):
                await charger.call("StatusNotification", {**status("Dancing"), "connectorId": "1"})
            begin = {"connectorId": "1", "idTag": 77, "meterStart": "1000", "timestamp": now()}
            begun = await charger.call("StartTransaction", begin)
            assert begun["idTagInfo"] == {"status": "Accepted"}
            sampled = [{"value": 3500}, {"value": "7200", "measurand": "Power.Active.Import"}]
            values = {"connectorId": 1, "meterValue": [{"timestamp": now(), "sampledValue": sampled}]}
            await charger.call("MeterValues", {**values, "transactionId": str(begun["transactionId"])})
            await asyncio.to_thread(
                wait_until, lambda: site.reading() == (2.5, 7.2), "Wh and W, where no unit is told"
            )
        told = (
            "BootNotification.chargePointVendor: maxLength",
            "BootNotification.chargePointModel: type",
            "a message is not JSON",
            "Dance: not an action of OCPP 1.6",
            "StatusNotification.status: unknown value",
            "StatusNotification.connectorId: type",
            "StartTransaction.idTag: type",
            "MeterValues.transactionId: type",
        )
        await asyncio.to_thread(site.await_leniencies, *told)
        logged = gateway.log.read_text()
        for each in told:
            assert logged.count(f"lenient: {each} client={site.identity}") == 1, "each is logged once"

    @pytest.mark.parametrize(
        ("subprotocol", "action", "payload", "answer"),
        [
            ("ocpp1.6", "FirmwareStatusNotification", {"status": "Idle"}, {}),
            ("ocpp2.0.1", "SignCertificate", {"csr": "x"}, "NotSupported"),
            ("ocpp2.0.1", "StartTransaction", {}, "NotImplemented"),
        ],
    )
    async def test_actions_without_an_effect(
        self,
        gateway: OcppGatewayProcess,
        site: Site,
        subprotocol: str,
        action: str,
        payload: dict[str, Any],
        answer: Any,
    ) -> None:
        async with wired(gateway, site.identity, subprotocol) as charger:
            assert await charger.call(action, payload) == answer

    async def test_a_message_without_end(self, gateway: OcppGatewayProcess, site: Site) -> None:
        async with wired(gateway, site.identity) as charger:
            await charger.send(json.dumps([2, "1", "Heartbeat", {"x": "x" * LARGEST_MESSAGE}]))
            await charger.socket.wait_closed()
            assert charger.socket.close_code == 1009

    @pytest.mark.parametrize(
        ("timestamp", "told"),
        [
            ("1970-01-01T00:00:07Z", "its clock is not set"),
            (None, "timestamp: no time zone, read as UTC"),
            ("yesterday", "timestamp: not a date"),
        ],
    )
    async def test_clocks(self, charger: Wire, site: Site, timestamp: str | None, told: str) -> None:
        timestamp = timestamp or datetime.now(UTC).replace(tzinfo=None).isoformat()
        transaction = await start(charger, at=timestamp)
        await asyncio.to_thread(site.await_states, "occupied", "free")
        await stop(charger, transaction, 2000, at=timestamp)
        await asyncio.to_thread(site.await_states, "free", "free")
        await asyncio.to_thread(site.await_leniencies, told)

    async def test_local_time_as_utc(self, charger: Wire, site: Site) -> None:
        """A charge that begins now is not one that begins in three hours."""
        local = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
        await charger.call("StatusNotification", {**status("Available"), "timestamp": local})
        await start(charger, at=local)
        await asyncio.to_thread(site.await_states, "occupied", "free")
        await asyncio.to_thread(site.await_leniencies, "its clock shows local time as UTC")

    async def test_20_without_the_variable_of_its_availability(
        self, gateway: OcppGatewayProcess, site: Site
    ) -> None:
        site.add()
        async with wired(gateway, site.identity, "ocpp2.0.1") as charger:
            event = {"component": {"name": "Fan"}, "variable": {"name": "Active"}, "actualValue": "true"}
            events = {"generatedAt": now(), "seqNo": 0, "eventData": [event]}
            assert await charger.call("NotifyEvent", events) == {}
            told = {"timestamp": now(), "connectorStatus": "Faulted", "evseId": 1, "connectorId": 1}
            await charger.call("StatusNotification", told)
            await asyncio.to_thread(site.await_states, "outOfOrder", "free")


class TestReservations:
    async def test_another_tag_than_the_reserved_one_waits(
        self, charger: Wire, stack: Stack, site: Site
    ) -> None:
        await asyncio.to_thread(site.book, stack, f"car-{site.x}")
        begin = {"connectorId": 1, "idTag": "somebody", "meterStart": 0, "timestamp": now()}
        refused = await charger.call("StartTransaction", begin)
        assert refused["idTagInfo"] == {"status": "Invalid"}
        await asyncio.to_thread(site.await_states, "reserved", "free")
        assert await start(charger, f"car-{site.x}"), "without a reservationId"
        await asyncio.to_thread(site.await_states, "occupied", "free")

    async def test_commands_that_the_charger_refuses(self, charger: Wire, stack: Stack, site: Site) -> None:
        words = ("ocpp", "trigger", site.identity, "--message", "Heartbeat")
        command = asyncio.create_task(asyncio.to_thread(stack.recharge, *words))
        _, call_id, action, _ = await charger.asked()
        assert action == "TriggerMessage"
        await charger.send(json.dumps([4, call_id, "NotSupported", "", {}]))
        done = await command
        assert done.returncode == 1
        assert "the charger refuses it (NotSupported)" in done.stderr
