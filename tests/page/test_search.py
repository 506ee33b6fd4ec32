"""Search by ID, name and place, and the filters."""

import pytest
from playwright.async_api import Page, expect

from tests.kit.scripted_monitor import Row, ScriptedMonitor
from tests.page.chromium import Viewer, wait_for_tooltip

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS: dict[int, Row] = {
    1: [1, 0, 0, "São João", 0, [[1, 22, 0.5, "free"], [2, 150, 1.5, "occupied", "CHADEMO"]]],
    2: [2, 10, 0, "Boa Vista", 0, [[1, 11, 0.4, "reserved"]]],
    3: [3, 0, 10, None, 1, [[1, 50, 0.8, "free"]]],
    23: [23, 10, 10, "Posto 4", 0, [[1, 50, 0.8, "free", "IEC_62196_T2_COMBO"]], "Praça Áurea, 8"],
}


async def ids(page: Page) -> list[int]:
    links = await page.locator("#stations .row").evaluate_all("all => all.map(one => one.hash)")
    return [int(link.removeprefix("#station=")) for link in links]


async def search(page: Page, query: str) -> list[int]:
    await page.get_by_label("Search", exact=True).fill(query)
    return await ids(page)


async def test_search_finds_by_id_name_and_place(view: Viewer) -> None:
    with ScriptedMonitor(dict(ROWS)) as monitor:
        page = await view(monitor.address)
        assert await search(page, "") == [1, 2, 3, 23]
        assert await search(page, "2") == [2, 23]
        assert await search(page, "sao joao") == [1]
        assert await search(page, "VISTA") == [2]
        assert await search(page, "nowhere") == []
        await expect(page.locator("#stations .count")).to_have_text("No station matches.")
        for query in ("9, 9", "9 9", "(9,9)", "9,0; 9,0", "9;9"):
            assert await search(page, query) == [23, 2, 3, 1], query
        assert await search(page, "-1, 12") == [3, 23, 1, 2]
        await expect(page.locator("#stations li").first).to_contain_text("2.24 km away")


async def test_search_finds_by_address_and_connector(view: Viewer) -> None:
    with ScriptedMonitor(dict(ROWS)) as monitor:
        page = await view(monitor.address)
        assert await search(page, "praca aurea") == [23]
        await expect(page.locator("#stations li")).to_contain_text("23 · Praça Áurea, 8")
        assert await search(page, "ccs") == [23]
        assert await search(page, "T2_COMBO") == [23]
        assert await search(page, "chademo") == [1]


async def test_enter_goes_to_what_was_searched(view: Viewer) -> None:
    with ScriptedMonitor(dict(ROWS)) as monitor:
        page = await view(monitor.address)
        for query, title in (("2", "Boa Vista"), ("joão", "São João"), ("3", "Station 3")):
            await search(page, query)
            await page.keyboard.press("Enter")
            await expect(page.locator("#panel-title")).to_have_text(title)
            await page.keyboard.press("Escape")
        await search(page, "0, 10")
        await page.keyboard.press("Enter")
        await wait_for_tooltip(page, "Station 3")


async def test_filters_ask_for_one_point_that_fits(view: Viewer) -> None:
    with ScriptedMonitor(dict(ROWS)) as monitor:
        page = await view(monitor.address)
        power, price, free = (
            page.get_by_label(label) for label in ("Power from (kW)", "Price up to (kWh)", "Free now")
        )
        await power.fill("50")
        assert await ids(page) == [1, 3, 23]
        await price.fill("1")
        assert await ids(page) == [3, 23]
        await free.check()
        assert await ids(page) == [23], "station 3 is offline"
        await power.fill("")
        assert await ids(page) == [1, 23]
        await free.uncheck()
        monitor.change([23, 10, 10, "Posto 4", 0, [[1, 50, 0.8, "free"], [2, 22, 0.8, "outOfOrder"]]])
        await page.get_by_label("Out of order").check()
        await expect(page.locator("#stations .count")).to_have_text("1 station")
        assert await ids(page) == [23]


async def test_a_filter_follows_what_changes(view: Viewer) -> None:
    with ScriptedMonitor(dict(ROWS)) as monitor:
        page = await view(monitor.address)
        await page.get_by_label("Free now").check()
        await expect(page.locator("#stations .count")).to_have_text("2 stations")
        monitor.change([2, 10, 0, "Boa Vista", 0, [[1, 11, 0.4, "free"]]])
        await expect(page.locator("#stations .count")).to_have_text("3 stations")
        monitor.change([2, 10, 0, "Boa Vista", 0, [[1, 11, 0.4, "occupied"]]])
        await expect(page.locator("#stations .count")).to_have_text("2 stations")


async def test_a_long_list_is_shown_in_parts(view: Viewer) -> None:
    rows: dict[int, Row] = {number: [number, number, 0, None, 0, []] for number in range(1, 61)}
    with ScriptedMonitor(rows) as monitor:
        page = await view(monitor.address)
        await expect(page.locator("#stations li")).to_have_count(25)
        await page.get_by_role("button", name="Show 25 more").click()
        await page.get_by_role("button", name="Show 10 more").click()
        await expect(page.locator("#stations li")).to_have_count(60)
        await expect(page.locator("#stations button")).to_be_hidden()
