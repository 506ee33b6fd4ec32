"""The page for everybody: axe's findings, keyboard, screen reader, narrow screens."""

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.kit.scripted_monitor import ScriptedMonitor, random_stations
from tests.page.chromium import Viewer
from tests.page.test_panel import monitor_with_queue

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHONE = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}


async def serious_findings(page: Page) -> list[str]:
    found = await Axe().run(page)
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found.response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"color_scheme": "light"},
        {"color_scheme": "dark"},
        {**PHONE, "color_scheme": "light", "locale": "pt-BR"},
    ],
    ids=["light", "dark", "phone"],
)
async def test_axe_has_no_serious_findings(view: Viewer, options: dict[str, Any]) -> None:
    with monitor_with_queue() as monitor:
        monitor.booking = True
        page = await view(f"{monitor.address}/#station=12", **options)
        await expect(page.locator(".bar")).to_have_count(2)
        assert await serious_findings(page) == []
        await page.keyboard.press("Escape")
        for tab in ("stations", "events", "booking"):
            await page.locator(f"#tab-{tab}").click()
            assert await serious_findings(page) == [], tab
        monitor.stop()
        await expect(page.locator("#banner")).to_be_visible()
        assert await serious_findings(page) == []
        monitor.start()


async def test_axe_has_something_to_find(view: Viewer) -> None:
    """The negative control: a page with a fault has a finding."""
    with monitor_with_queue() as monitor:
        page = await view(monitor.address)
        await page.evaluate("document.querySelector('#search [name=query]').closest('label').replaceWith("
                            "Object.assign(document.createElement('input'), {type: 'text'}))")  # fmt: skip
        assert await serious_findings(page)


async def test_a_narrow_screen_needs_no_scrolling_to_the_side(view: Viewer) -> None:
    with ScriptedMonitor(random_stations(200), booking=True) as monitor:
        for locale in ("en-US", "pt-BR"):
            page = await view(f"{monitor.address}/#station=12", locale=locale, **PHONE)
            await expect(page.locator("#panel-title")).to_be_visible()
            for tab in (None, "events", "booking"):
                if tab:
                    await page.locator(f"#tab-{tab}").click()
                assert await page.evaluate("document.documentElement.scrollWidth") == 320


async def test_everything_is_reached_with_the_keyboard(view: Viewer) -> None:
    with monitor_with_queue() as monitor:
        page = await view(monitor.address)
        reached = []
        for _ in range(16):
            await page.keyboard.press("Tab")
            reached.append(await page.evaluate(
                "(({id, name, title, hash, className}) => id || name || title || hash || className)"
                "(document.activeElement)"
            ))  # fmt: skip
        wanted = [
            "skip", "figures", "map", "Zoom in", "Zoom out", "Show the whole network",
            "query", "quiet go", "minPower", "maxPrice", "free", "tab-stations", "stations", "#station=12",
        ]  # fmt: skip
        assert [name for name in reached if name in wanted or name == "#side"][1:] == wanted[1:]
        await page.keyboard.press("Enter")


async def test_the_list_says_what_the_map_shows(view: Viewer) -> None:
    with ScriptedMonitor(random_stations(20)) as monitor:
        page = await view(monitor.address)
        offline = [row for row in monitor.rows.values() if row[4]]
        rows = page.locator("#stations li")
        await expect(rows).to_have_count(20)
        await expect(rows.filter(has_text="offline")).to_have_count(len(offline))


async def test_changes_of_the_network_are_not_read_aloud(view: Viewer) -> None:
    with ScriptedMonitor(random_stations(50)) as monitor:
        page = await view(monitor.address)
        await page.evaluate("""() => {
          window.spoken = [];
          const live = "[role=alert], [role=status], [role=log]:not([aria-live=off]), [aria-live=polite]";
          for (const region of document.querySelectorAll(live)) {
            new MutationObserver(() => spoken.push(region.textContent)).observe(
              region, { childList: true, subtree: true, characterData: true });
          }
        }""")
        before = await page.locator("[data-figure=pointsFree] .value").inner_text()
        stop = monitor.chatter(100)
        await expect(page.locator("[data-figure=pointsFree] .value")).not_to_have_text(before)
        stop()
        assert await page.evaluate("spoken") == []
        monitor.stop()
        await expect(page.locator("#banner")).to_be_visible()
        assert len(await page.evaluate("spoken")) == 1
        monitor.start()
