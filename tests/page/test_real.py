"""The page on a real network: broker, service, gateway and monitor are the product's own processes."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from cloud_service.mqtt.requester import Requester
from cloud_service.protocol.messages import Message
from cloud_service.protocol.presence import client_presence
from tests.kit.monitor import Monitor
from tests.kit.processes import Stack
from tests.page.chromium import Viewer, colour, eventually, middle_colour

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLACE = {"x_position": 3, "y_position": 4}
BATTERY = {"actualBatteryPercentage": 50, "batteryCapacity": 40}


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path) as running:
        yield running


async def register_station(ana: Requester) -> int:
    station = int(await ana.request("newChargingStation", PLACE))
    point = {"chargingStationID": station, "power": 22, "kWhPrice": 0.9, "availability": "livre"}
    await ana.request("newChargingPoint", point)
    return station


async def test_what_a_charger_and_a_vehicle_do_is_seen(network: Stack, view: Viewer) -> None:
    with Monitor(network) as monitor:
        page = await view(monitor.address)
        await expect(page.locator("#services")).to_contain_text("Service: online")
        await expect(page.locator("#services")).to_contain_text("Gateway: online")
        async with Requester(network.address, "ana") as ana, Requester(network.address, "beto") as beto:
            station = await register_station(ana)
            row = page.locator("#stations li")
            await expect(row).to_contain_text(f"Station {station}")
            await page.get_by_role("button", name="Show the whole network").click()
            await eventually(lambda: middle_colour(page), await colour(page, "free"))
            await page.locator("#map").click()
            await expect(page.locator("#panel")).to_contain_text("22 kW · 0.90 per kWh")
            await expect(page.locator("#panel")).to_contain_text("No reservations")

            await beto.request("scheduleReservation", {"x": 0, "y": 0, **BATTERY})
            await expect(page.locator(".bar")).to_have_count(1)
            await expect(page.locator("#panel")).to_contain_text("1 reservation, free from")
            await expect(page.locator("[data-figure=bookingsAMinute] .value")).to_have_text("1")
            await expect(page.locator("[data-figure=reservations] .value")).to_have_text("1")
            await expect(page.locator("[data-figure=reservationsSoon] .value")).to_have_text("1")
            await expect(page.locator("[data-figure=reservationsNow] .value")).to_have_text("0")
            await page.keyboard.press("Escape")
            await eventually(lambda: middle_colour(page), await colour(page, "reserved"))
            await page.get_by_role("tab", name="Events").click()
            await expect(page.locator("#events li")).to_have_count(1)
            await expect(page.locator("#events li")).to_contain_text("Booked")
            assert "beto" not in await page.content()

            occupied = {
                "chargingStationID": station, "chargingPointID": 1,
                "power": 22, "kWhPrice": 0.9, "availability": "ocupado",
            }  # fmt: skip
            await ana.request("updateChargingPoint", occupied)
            await eventually(lambda: middle_colour(page), await colour(page, "busy"))
            await expect(page.locator("[data-figure=powerUnderWay] .value")).to_have_text("22")

            await ana.connection.publish(client_presence("ana", online=False))
            await eventually(lambda: middle_colour(page), await colour(page, "offline"))
            await ana.connection.publish(client_presence("ana", online=True))
            await eventually(lambda: middle_colour(page), await colour(page, "busy"))

            await ana.request("deleteChargingStation", {"chargingStationID": station})
            await expect(page.locator("#stations .count")).to_have_text("No station matches.")


async def test_an_operators_monitor_books_and_cancels(network: Stack, view: Viewer) -> None:
    with Monitor(network, mqtt_user="operator") as monitor:
        async with Requester(network.address, "ana") as ana:
            station = await register_station(ana)
            page = await view(monitor.address)
            await page.locator("#map").click(position={"x": 200, "y": 200})
            await page.get_by_role("button", name="Book a charge").click()
            await expect(page.locator(".result")).to_contain_text(f"Booked: Station {station}, point 1")
            [reservation] = await ana.request("receiveAllReservations", {"chargingStationID": station})
            assert reservation["vehicleID"].startswith("map-")
            await page.reload()
            await page.get_by_role("tab", name="Book").click()
            await page.get_by_role("button", name="Cancel the booking").click()
            await expect(page.locator(".result")).to_contain_text("The booking is cancelled.")
            assert await ana.request("receiveAllReservations", {"chargingStationID": station}) == []


async def test_a_viewer_logs_in_with_the_token(network: Stack, browser: Browser) -> None:
    with Monitor(network, http_token="a-token-that-nobody-guesses") as monitor:
        page = await browser.new_page(locale="en-US")
        await page.goto(monitor.address)
        token = page.get_by_label("Token of this monitor")
        await token.fill("a guess")
        await token.press("Enter")
        await expect(token).to_have_value("")
        await token.fill("a-token-that-nobody-guesses")
        await token.press("Enter")
        await expect(page.locator("#connection")).to_have_text("Live")
        assert await page.evaluate("document.cookie") == "", "no script reads the login"


async def test_broker_service_and_monitor_go_and_come(network: Stack, view: Viewer) -> None:
    with Monitor(network) as monitor:
        async with Requester(network.address, "ana") as ana:
            await register_station(ana)
        page = await view(monitor.address)
        await expect(page.locator("#stations li")).to_have_count(1)
        network.service.kill()
        await expect(page.locator("#services")).to_contain_text("Service: offline")
        await asyncio.to_thread(network.start_service)
        await expect(page.locator("#services")).to_contain_text("Service: online")
        monitor.kill()
        await expect(page.locator("#connection")).to_have_text("Connection lost")
        await asyncio.to_thread(monitor.start)
        await expect(page.locator("#connection")).to_have_text("Live")
        network.broker.kill()
        await expect(page.locator("#banner")).to_contain_text("lost the broker")
        await asyncio.to_thread(network.broker.start)
        await expect(page.locator("#banner")).to_be_hidden()
        await expect(page.locator("#stations li")).to_have_count(1)


async def test_what_is_not_the_protocol_is_skipped(network: Stack, view: Viewer) -> None:
    with Monitor(network) as monitor:
        async with Requester(network.address, "ana") as ana:
            for topic, payload in (
                ("recharge/v1/state/station/9", b"not JSON"),
                ("recharge/v1/state/point/9/1", json.dumps({"power": "much"}).encode()),
                ("recharge/v1/event/ana/reservationScheduled", b"[]"),
                ("recharge/v1/presence/ana", b"{}"),
            ):
                await ana.connection.publish(Message(topic, payload))
            await register_station(ana)
        page = await view(monitor.address)
        await expect(page.locator("#stations li")).to_have_count(1)
        await eventually(lambda: _skipped(monitor), 4)


async def _skipped(monitor: Monitor) -> int:
    """A thread of the monitor writes its log."""
    return monitor.tail().count("skipped the message on")
