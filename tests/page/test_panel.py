"""A station's panel: its points and their queues, its presence, and its link."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from tests.kit.scripted_monitor import RUNS_FOR, Row, ScriptedMonitor, a_reservation
from tests.page.chromium import Viewer
from tests.page.test_map import a_station

pytestmark = pytest.mark.asyncio(loop_scope="module")

POINTS = [[1, 22, 0.9, "occupied"], [2, 7.4, 1.25, "free"]]
ROWS: dict[int, Row] = {
    12: [12, -7.3, 4.1, "Boa Vista", 0, POINTS, "Rua da Praia, 10"],
    13: [13, 30, 4.1, None, 1, [[1, 50, 2, "free"]]],
}


def monitor_with_queue() -> ScriptedMonitor:
    """One vehicle charges at station 12, and another will in three hours from now."""
    now = datetime.now(UTC)
    monitor = ScriptedMonitor(dict(ROWS))
    monitor.reservations[12] = [
        a_reservation(12, 1, now + timedelta(hours=3), 1),
        a_reservation(12, 1, now - timedelta(minutes=30), 1, state="active", vehicleID="beto"),
    ]
    return monitor


async def test_a_link_opens_the_panel(view: Viewer) -> None:
    with monitor_with_queue() as monitor:
        page = await view(f"{monitor.address}/#station=12")
        panel = page.get_by_role("article", name="Boa Vista")
        for text in (
            "Station 12",
            "Rua da Praia, 10",
            "at -7.3, 4.1",
            "online since",
            "22 kW",
            "0.90 per kWh",
        ):
            await expect(panel).to_contain_text(text)
        await expect(panel.locator("[data-point='2']")).to_contain_text("free")
        await expect(panel.locator("[data-point='2']")).to_contain_text("7.4 kW · 1.25 per kWh")


async def test_a_queue_is_a_timeline_without_names(view: Viewer) -> None:
    with monitor_with_queue() as monitor:
        page = await view(f"{monitor.address}/#station=12")
        queue = page.locator("[data-point='1']")
        await expect(queue.locator(".bar")).to_have_count(2)
        await expect(queue.locator(".bar.active")).to_have_count(1)
        await expect(queue).to_contain_text("2 reservations, free from")
        left = [
            float((await bar.get_attribute("x") or "").rstrip("%"))
            for bar in await queue.locator(".bar").all()
        ]
        assert left[0] == 0, "the one that is under way begins at the left"
        assert 49 < left[1] < 51, "in three of six hours"
        spoken = await queue.get_by_role("img").get_attribute("aria-label") or ""
        assert spoken.count(" to ") == 2
        await expect(page.locator("[data-point='2']")).to_contain_text("No reservations")
        assert "beto" not in await page.content()


async def test_a_session_says_how_long_it_holds_the_point(view: Viewer) -> None:
    with monitor_with_queue() as monitor:
        since, until = (datetime.now(UTC).replace(hour=hour, minute=5) for hour in (9, 22))
        monitor.sessions[12, 1] = {"since": since.isoformat(), "until": until.isoformat()}
        page = await view(f"{monitor.address}/#station=12")
        await expect(page.locator("[data-point='1'] .session")).to_have_text(
            re.compile(r"^Charging since .*09:05 AM, until .*10:05 PM$")
        )
        await expect(page.locator("[data-point='2'] .session")).to_have_count(0)
        monitor.sessions[12, 1] |= {"energy": 4.25, "power": 0}
        monitor.change([12, -7.3, 4.1, "Boa Vista", 0, [[1, 22, 0.9, "occupied"], POINTS[1]]])
        await expect(page.locator("[data-point='1'] .session")).to_have_text(
            re.compile(r"until .*10:05 PM · 4\.25 kWh so far · 0 kW$")
        )
        monitor.sessions.clear()
        monitor.change([12, -7.3, 4.1, "Boa Vista", 0, [[1, 22, 0.9, "free"], POINTS[1]]])
        await expect(page.locator(".session")).to_have_count(0)


async def test_queues_follow_the_networks_time(view: Viewer) -> None:
    with monitor_with_queue() as monitor:
        monitor.clock_speed = 2
        network_now = datetime.now(UTC) + RUNS_FOR
        monitor.reservations[12] = [a_reservation(12, 1, network_now + timedelta(hours=3), 1)]
        page = await view(f"{monitor.address}/#station=12")
        bar = page.locator("[data-point='1'] .bar")
        await expect(bar).to_have_count(1)
        left = float((await bar.get_attribute("x") or "").rstrip("%"))
        assert 49 < left < 51, "in three of six hours"


async def test_the_panel_follows_its_station(view: Viewer) -> None:
    with monitor_with_queue() as monitor:
        page = await view(f"{monitor.address}/#station=12")
        await expect(page.locator(".bar")).to_have_count(2)
        monitor.reservations[12] = []
        monitor.change([12, -7.3, 4.1, "Boa Vista", 0, [[1, 22, 0.9, "outOfOrder"], POINTS[1]]])
        await expect(page.locator("[data-point='1']")).to_contain_text("out of order")
        await expect(page.locator(".bar")).to_have_count(0)
        monitor.change([12, -7.3, 4.1, "Boa Vista", 1, POINTS])
        await expect(page.locator("#panel .presence")).to_contain_text("offline since")
        monitor.change(gone=(12,))
        await expect(page.locator("#panel")).to_contain_text("This station no longer exists.")


async def test_closing_goes_back_to_where_one_came_from(view: Viewer) -> None:
    with monitor_with_queue() as monitor:
        page = await view(monitor.address)
        link = page.get_by_role("link", name="Boa Vista")
        await link.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#panel-title")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.locator("#panel")).to_be_hidden()
        await expect(link).to_be_focused()
        assert page.url == f"{monitor.address}/"


async def test_back_and_forth_go_from_panel_to_panel(view: Viewer) -> None:
    with monitor_with_queue() as monitor:
        page = await view(f"{monitor.address}/#station=12")
        await page.evaluate("location.hash = 'station=13'")
        title = page.locator("#panel-title")
        await expect(title).to_have_text("Station 13")
        await page.go_back()
        await expect(title).to_have_text("Boa Vista")


async def test_the_link_is_copied(view: Viewer) -> None:
    with monitor_with_queue() as monitor:
        permissions = ["clipboard-read", "clipboard-write"]
        page = await view(f"{monitor.address}/#station=12", permissions=permissions)
        await page.get_by_role("button", name="Copy link").click()
        await expect(page.locator("#status")).to_contain_text("Link copied.")
        assert await page.evaluate("navigator.clipboard.readText()") == f"{monitor.address}/#station=12"


async def test_a_station_that_does_not_exist_is_said_to(view: Viewer) -> None:
    with ScriptedMonitor({1: a_station("free")}) as monitor:
        page = await view(f"{monitor.address}/#station=99")
        await expect(page.locator("#panel")).to_contain_text("This station no longer exists.")


async def test_queues_that_cannot_be_asked_for_leave_the_rest(view: Viewer) -> None:
    with monitor_with_queue() as monitor:
        page = await view(monitor.address)
        refusal = {"error": {"code": "BUSY", "message": "the service is busy"}}
        await page.route("**/api/stations/12", lambda route: route.fulfill(status=503, json=refusal))
        await page.get_by_role("link", name="Boa Vista").click()
        await expect(page.locator("#panel")).to_contain_text("could not be loaded: the service is busy")
        await expect(page.locator("[data-point='1']")).to_contain_text("22 kW")
