"""How the page follows the network: differences, gaps, lost connections, figures, services and events."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from playwright.async_api import Page, expect

from tests.kit.scripted_monitor import ScriptedMonitor, a_reservation, an_event, random_stations
from tests.page.chromium import Viewer, colour, eventually, middle_colour, wait_for_tooltip
from tests.page.test_map import a_station

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime.now(UTC)


async def test_after_a_gap_the_page_asks_for_the_whole(view: Viewer) -> None:
    with ScriptedMonitor({1: a_station("free")}) as monitor:
        page = await view(monitor.address)
        monitor.lose_message(a_station("outOfOrder"))
        monitor.change(a_station("free", 2, 4, 5.5))
        await expect(page.locator("#stations .count")).to_have_text("2 stations")
        await expect(page.locator("#stations")).to_contain_text("out of order")
        assert monitor.asked == [{"resync": True}]


async def test_a_lost_connection_is_shown_and_heals_by_itself(view: Viewer) -> None:
    with ScriptedMonitor({1: a_station("free")}) as monitor:
        page = await view(monitor.address)
        state, banner = page.locator("#connection"), page.locator("#banner")
        await expect(state).to_have_text("Live")
        await expect(banner).to_be_hidden()
        monitor.stop()
        await expect(state).to_have_text("Connection lost")
        await expect(banner).to_contain_text("tries again by itself")
        monitor.rows[1] = a_station("busy")
        monitor.start()
        await expect(state).to_have_text("Live")
        await expect(banner).to_be_hidden()
        await expect(page.locator("#status")).to_contain_text("Connected again.")
        await eventually(partial(middle_colour, page), await colour(page, "busy"))


async def test_a_device_that_is_online_again_tries_at_once(view: Viewer) -> None:
    with ScriptedMonitor({1: a_station("free")}) as monitor:
        page = await view(monitor.address)
        await page.context.set_offline(True)
        await expect(page.locator("#connection")).to_have_text("Connection lost")
        await page.context.set_offline(False)
        await expect(page.locator("#connection")).to_have_text("Live")


async def test_silence_is_looked_into(view: Viewer) -> None:
    with ScriptedMonitor({1: a_station("free")}) as monitor:
        page = await view(monitor.address, own_clock=True)
        await page.clock.fast_forward(61_000)
        await eventually(lambda: _answered(monitor), (2, 1))
        await expect(page.locator("#connection")).to_have_text("Live")
        monitor.silent = True
        await page.clock.fast_forward(61_000)
        await eventually(lambda: _answered(monitor), (2, 2))
        await page.clock.fast_forward(16_000)
        await eventually(lambda: _answered(monitor), (3, 2))
        await expect(page.locator("#connection")).to_have_text("Live")


async def _answered(monitor: ScriptedMonitor) -> tuple[int, int]:
    return monitor.wholes, len(monitor.asked)


async def test_the_absence_of_the_broker_is_shown(view: Viewer) -> None:
    with ScriptedMonitor({1: a_station("free")}) as monitor:
        page = await view(monitor.address)
        monitor.lose_broker()
        await expect(page.locator("#banner")).to_contain_text("lost the broker")
        await expect(page.locator("#services .unwell")).to_contain_text("Broker: offline")
        monitor.lose_broker(False)
        await expect(page.locator("#banner")).to_be_hidden()
        await expect(page.locator("#services .unwell")).to_have_count(0)


async def test_services_say_since_when_they_are_well(view: Viewer) -> None:
    with ScriptedMonitor({1: a_station("free")}) as monitor:
        page = await view(monitor.address)
        services = page.locator("#services")
        for text in ("Service: online", "Gateway: online", "since "):
            await expect(services).to_contain_text(text)


async def figure_value(page: Page, name: str) -> str:
    return await page.locator(f"[data-figure={name}] .value").inner_text()


async def test_figures_follow_and_have_a_line_of_the_last_hour(view: Viewer) -> None:
    with ScriptedMonitor(random_stations(30)) as monitor:
        page = await view(monitor.address)
        assert monitor.history.keys() == set(
            await page.locator("[data-figure]").evaluate_all("all => all.map(one => one.dataset.figure)")
        )
        for line in await page.locator(".sparkline path").all():
            drawn = await line.get_attribute("d") or ""
            assert drawn.count("M") == 1, "one line, although the first minutes are not known"
            assert drawn.count("L") == 54
        before = int(await figure_value(page, "stationsOffline"))
        online = [row for row in monitor.rows.values() if not row[4]]
        monitor.change(*[[*row[:4], 1, row[5]] for row in online[:3]])
        await eventually(partial(figure_value, page, "stationsOffline"), str(before + 3))


async def test_events_appear_with_the_newest_first(view: Viewer) -> None:
    rows = {7: [7, 0, 0, "Rio Claro", 0, [[1, 22, 1, "free"]]]}
    with ScriptedMonitor(rows) as monitor:
        page = await view(monitor.address)
        await page.get_by_role("tab", name="Events").click()
        await expect(page.locator("#events")).to_contain_text("Nothing has happened yet.")
        booked = a_reservation(7, 1, NOW, 1)
        monitor.change(events=(an_event("reservationScheduled", booked),))
        monitor.change(events=(an_event("reservationCancelled", booked),))
        events = page.locator("#events li")
        await expect(events).to_have_count(2)
        await expect(events.first).to_contain_text("Cancelled")
        await expect(events.last).to_contain_text("Rio Claro, point 1")
        assert "vehicle" not in await page.locator("#events").inner_text()
        named = a_reservation(7, 1, NOW + timedelta(hours=1), 1, vehicleID="beto")
        monitor.change(events=(an_event("reservationScheduled", named),))
        await expect(events.first).to_contain_text("vehicle beto")


async def test_events_say_why_and_where_a_reservation_was_before(view: Viewer) -> None:
    rows = {7: [7, 0, 0, "Rio Claro", 0, [[1, 22, 1, "outOfOrder"], [2, 22, 1, "free"]]]}
    moved = an_event(
        "reservationChanged",
        a_reservation(7, 2, NOW, 1),
        "pointFailed",
        before=a_reservation(7, 1, NOW, 1),
    )
    missed = an_event("reservationNoShow", a_reservation(7, 2, NOW, 1), "noShow")
    unknown = an_event("reservationCancelled", a_reservation(7, 2, NOW, 1), "somethingNew")
    with ScriptedMonitor(rows) as monitor:
        monitor.events += [moved, missed, unknown]
        for locale, texts in {
            "en-US": ("the point is out of order · before: Rio Claro, point 1, ", "No-show", "Cancelled"),
            "pt-BR": (
                "o ponto está fora de serviço · antes: Rio Claro, ponto 1, ",
                "Não compareceu",
                "Cancelado",
            ),
        }.items():
            page = await view(monitor.address, locale=locale)
            await page.locator("#tab-events").click()
            events = page.locator("#events li")
            for number, text in enumerate(reversed(texts)):
                await expect(events.nth(number)).to_contain_text(text)
            assert "somethingNew" not in await page.locator("#events").inner_text()
        await expect(page.locator("#events .count")).to_have_text("Última hora: transferidas 4, faltas 2")
        monitor.lately["noShowsAnHour"] = 3
        monitor.change()
        await expect(page.locator("#events .count")).to_have_text("Última hora: transferidas 4, faltas 3")


async def test_names_from_the_network_are_never_markup(view: Viewer) -> None:
    name = "<img src=x onerror=alert(1)>"
    row = [1, 0, 0, name, 0, [[1, 22, 1, "free"]]]
    with ScriptedMonitor({1: row}) as monitor:
        page = await view(f"{monitor.address}/#station=1")
        await wait_for_tooltip(page, name)
        await expect(page.locator("#panel-title")).to_have_text(name)
        await expect(page.locator("#stations")).to_contain_text(name)
        assert await page.locator("img[src=x]").count() == 0
