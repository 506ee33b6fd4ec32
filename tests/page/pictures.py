"""The pictures of the live map in the READMEs: `python -m tests.page.pictures` takes them again."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.kit.scripted_monitor import ScriptedMonitor, a_reservation, an_event, random_stations
from tests.page.chromium import Viewer, Viewers, chromium

IMAGES = Path(__file__).parents[2] / "docs" / "images"
LIGHT, DARK, PHONE = "map.png", "map-dark.png", "map-phone.png"
SHOWN = 12
REASONS = {
    "reservationScheduled": "requested",
    "reservationFinished": "chargingFinished",
    "reservationNoShow": "noShow",
    "reservationChanged": "pointFailed",
}


def a_network() -> ScriptedMonitor:
    """Towns with a few hundred stations; one has a queue, and something has just happened."""
    monitor = ScriptedMonitor(random_stations(400))
    now = datetime.now(UTC)
    points = [
        [1, 50, 0.57, "occupied", "CHADEMO"],
        [2, 50, 0.57, "reserved", "IEC_62196_T2_COMBO"],
        [3, 150, 0.9, "free", "IEC_62196_T2_COMBO"],
        [4, 150, 0.9, "outOfOrder", "IEC_62196_T2_COMBO"],
    ]
    monitor.rows[SHOWN] = [SHOWN, *monitor.rows[SHOWN][1:3], "Boa Vista 12", 0, points, "Rua Boa Vista, 12"]
    queues = {1: ((-20, 1.2, "active"), (70, 1.5, "reserved"), (200, 2, "reserved")),
              2: ((25, 0.8, "reserved"), (130, 1, "reserved"))}  # fmt: skip
    monitor.reservations[SHOWN] = [
        a_reservation(SHOWN, point, now + timedelta(minutes=minutes), hours, state=state)
        for point, queue in queues.items()
        for minutes, hours, state in queue
    ]
    kinds = ("reservationScheduled", "reservationFinished", "reservationNoShow", "reservationScheduled",
             "reservationChanged")  # fmt: skip
    for number, kind in enumerate(kinds * 2, 5):
        there = a_reservation(number, 1, now + timedelta(minutes=7 * number), 1)
        more = {"before": a_reservation(SHOWN, 4, now, 1)} if kind == "reservationChanged" else {}
        monitor.events.append(an_event(kind, there, REASONS[kind], **more))
    held = now - timedelta(minutes=20), now + timedelta(minutes=52)
    monitor.sessions[SHOWN, 1] = dict(zip(("since", "until"), (at.isoformat() for at in held), strict=True))
    return monitor


async def take_pictures(view: Viewer, folder: Path) -> None:
    with a_network() as monitor:
        link = f"{monitor.address}/#station={SHOWN}"
        wide = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
        page = await view(link, color_scheme="light", **wide)
        await page.locator(".bar").first.wait_for()
        await page.screenshot(path=folder / LIGHT)
        page = await view(monitor.address, color_scheme="dark", **wide)
        await page.locator("#tab-events").click()
        await page.screenshot(path=folder / DARK)
        page = await view(
            link, viewport={"width": 375, "height": 812}, locale="pt-BR", reduced_motion="reduce"
        )
        await page.locator(".bar").first.wait_for()
        await page.locator("#panel").scroll_into_view_if_needed()
        await page.screenshot(path=folder / PHONE)


async def main() -> None:
    async with chromium() as browser:
        viewers = Viewers(browser)
        await take_pictures(viewers.view, IMAGES)
        await viewers.close()


if __name__ == "__main__":
    asyncio.run(main())
