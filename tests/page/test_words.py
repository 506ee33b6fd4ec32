"""The page's two languages."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.kit.scripted_monitor import PAGE, ScriptedMonitor, random_stations
from tests.page.chromium import Viewer
from tests.page.test_panel import monitor_with_queue

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Keys that are put together from a name that comes over the wire.
FROM_NAMES = (
    "cloud_service gateway ocpp-gateway broker online offline stations points now brokenBanner brokerBanner "
    "stationFree stationReserved stationBusy stationOutOfOrder stationEmpty stationOffline "
    "pointFree pointReserved pointOccupied pointOutOfOrder "
    "reservationScheduled reservationChanged reservationCancelled reservationFinished reservationNoShow "
    "becauseOverrun becausePointFailed becausePointChanged becauseMovedUp becauseStationMoved "
    "becauseVehicleCancelled becauseChargerCancelled becausePointDeleted becauseStationDeleted "
    "becauseTimePassed becauseChargingFinished becauseVehicleLeft becauseChargedOffline "
    "live connecting broken x y battery capacity"
)


async def dictionaries(page: Page) -> dict[str, dict[str, object]]:
    return dict(await page.evaluate("import('/page/words.js').then(({dictionaries}) => dictionaries)"))


def places(text: object) -> list[set[str]]:
    texts = text.values() if isinstance(text, dict) else [text]
    return [set(re.findall(r"\{(\w+)\}", str(one))) for one in texts]


async def test_both_languages_have_the_same_keys_and_values(view: Viewer) -> None:
    with ScriptedMonitor(random_stations(5)) as monitor:
        words = await dictionaries(await view(monitor.address))
    assert words.keys() == {"en", "pt"}
    assert words["en"].keys() == words["pt"].keys()
    for key, text in words["en"].items():
        assert places(text) == places(words["pt"][key]), key


async def test_every_key_is_used_and_every_used_key_is_there(view: Viewer) -> None:
    with ScriptedMonitor(random_stations(5)) as monitor:
        page = await view(monitor.address)
        known = set((await dictionaries(page))["en"])
        figures = await page.locator("[data-figure]").evaluate_all(
            "all => all.map(one => one.dataset.figure)"
        )
    source = "\n".join(file.read_text() for file in PAGE.glob("*") if file.name != "words.js")
    said = set(re.findall(r'(?:say|button|attempt)\("(\w+)"', source))
    said |= set(re.findall(r'data-(?:text|label|placeholder)="(\w+)"', source))
    assert said <= known
    assert known == said | set(FROM_NAMES.split()) | set(figures)


async def test_the_page_speaks_the_browsers_language(view: Viewer) -> None:
    with monitor_with_queue() as monitor:
        page = await view(f"{monitor.address}/#station=12", locale="pt-BR")
        await expect(page).to_have_title("Rede de recarga")
        await expect(page.locator("html")).to_have_attribute("lang", "pt-BR")
        for text in ("Ponto 1", "ocupado", "0,90 por kWh", "2 reservas, livre a partir de", "em -7,3; 4,1"):
            await expect(page.locator("#panel")).to_contain_text(text)
        assert "Station" not in await page.locator("body").inner_text()


async def test_any_other_language_reads_english(view: Viewer) -> None:
    with ScriptedMonitor(random_stations(5)) as monitor:
        page = await view(monitor.address, locale="fr-FR")
        await expect(page.locator("h1")).to_have_text("Charging network")
        await expect(page.locator("html")).to_have_attribute("lang", "en")
