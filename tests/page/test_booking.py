"""Booking from the map, where the monitor has an operator's account."""

import pytest
from playwright.async_api import expect

from tests.kit.scripted_monitor import ScriptedMonitor
from tests.page.chromium import Viewer
from tests.page.test_map import a_station

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS = {1: a_station("free"), 2: a_station("free", 2, 40, 5)}


async def test_a_monitor_that_only_reads_has_no_booking(view: Viewer) -> None:
    with ScriptedMonitor(dict(ROWS)) as monitor:
        page = await view(monitor.address)
        await expect(page.locator("html")).to_have_attribute("data-version", "1.0")
        await page.locator("#map").click(position={"x": 250, "y": 200})
        await expect(page.locator("#tab-booking")).to_be_hidden()
        await expect(page.locator("#booking")).to_be_hidden()


async def test_a_click_on_the_map_a_booking_and_its_cancellation(view: Viewer) -> None:
    with ScriptedMonitor(dict(ROWS), booking=True) as monitor:
        page = await view(f"{monitor.address}/#station=1")
        await expect(page.locator("#panel")).to_be_visible()
        await page.locator("#map").click(position={"x": 250, "y": 200})
        await expect(page.locator("#panel")).to_be_hidden()
        await page.get_by_label("Battery (%)").fill("10")
        await page.get_by_label("Capacity (kWh)").fill("50")
        await page.get_by_role("button", name="Book a charge").click()
        await expect(page.locator(".result")).to_contain_text("Booked: Station 1, point 1")
        await expect(page.locator("#status")).to_contain_text("for 28.80")
        [booked] = monitor.bookings
        assert booked == {
            "x": pytest.approx(10, abs=5), "y": pytest.approx(7, abs=5),
            "actualBatteryPercentage": 10, "batteryCapacity": 50,
        }  # fmt: skip
        await page.get_by_role("button", name="Cancel the booking").click()
        await expect(page.locator(".result")).to_contain_text("The booking is cancelled.")
        assert monitor.bookings[1]["cancelled"]["reservationID"] == 1


async def test_a_booking_with_the_keyboard_only(view: Viewer) -> None:
    with ScriptedMonitor(dict(ROWS), booking=True) as monitor:
        page = await view(monitor.address)
        await page.get_by_role("tab", name="Stations").focus()
        for _ in range(2):
            await page.keyboard.press("ArrowRight")
        await expect(page.get_by_role("tab", name="Book")).to_be_focused()
        await page.get_by_label("x (km)").focus()
        await page.keyboard.type("39")
        await page.keyboard.press("Tab")
        await page.keyboard.type("5")
        await page.keyboard.press("Enter")
        await expect(page.locator(".result")).to_contain_text("Booked: Station 2, point 1")


async def test_a_refusal_is_said(view: Viewer) -> None:
    with ScriptedMonitor(dict(ROWS), booking=True) as monitor:
        page = await view(monitor.address)
        refusal = {"error": {"code": "NOT_FOUND", "message": "no station can take this charge"}}
        await page.route("**/api/reservations", lambda route: route.fulfill(status=404, json=refusal))
        await page.get_by_role("tab", name="Book").click()
        await page.locator("#map").click()
        await page.get_by_role("button", name="Book a charge").click()
        await expect(page.locator(".result")).to_have_text("Not booked: no station can take this charge")
        await expect(page.get_by_role("button", name="Book a charge")).to_be_enabled()


async def test_a_booking_that_somebody_else_has_cancelled_is_forgotten(view: Viewer) -> None:
    with ScriptedMonitor(dict(ROWS), booking=True) as monitor:
        page = await view(monitor.address)
        refusal = {"error": {"code": "NOT_FOUND", "message": "there is no such reservation"}}
        await page.route("**/api/reservations/*", lambda route: route.fulfill(status=404, json=refusal))
        await page.locator("#map").click(position={"x": 250, "y": 200})
        await page.get_by_role("button", name="Book a charge").click()
        cancel = page.get_by_role("button", name="Cancel the booking")
        await cancel.click()
        await expect(page.locator(".result")).to_contain_text("there is no such reservation")
        await expect(cancel).to_have_count(0)
