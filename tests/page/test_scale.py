"""Large networks: how long until they are drawn, and how smoothly they move while much changes."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Callable

import pytest
from playwright.async_api import Page

from tests.kit.scale import Scale
from tests.kit.scripted_monitor import ScriptedMonitor, random_stations
from tests.page.chromium import Viewer, eventually

pytestmark = [pytest.mark.alone, pytest.mark.asyncio(loop_scope="module")]

CHANGES_A_SECOND = 500
# What the page promises for 5,000 stations. A frame may take longer on a machine without a graphics card.
DRAWN_WITHIN = 3.0
SMOOTH = 1 / 20
SHARED = 4
"""So many times as long may all of it take if other work shares the machine."""

FRAMES = """seconds => new Promise(resolve => {
  const times = [];
  const frame = now => {
    times.push(now);
    if (now - times[0] < seconds * 1000) requestAnimationFrame(frame); else resolve(times);
  };
  requestAnimationFrame(frame);
})"""


async def open_page(view: Viewer, address: str) -> tuple[Page, float]:
    """The page, and the seconds from its address to its first drawn frame."""
    start = time.monotonic()
    page = await view(address, viewport={"width": 1400, "height": 860})
    await page.evaluate("new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)))")
    return page, time.monotonic() - start


async def frames_while_moving(page: Page) -> list[float]:
    """The seconds of each frame, while the map is dragged to and fro and zoomed."""
    measuring = asyncio.create_task(page.evaluate(FRAMES, 4))
    await page.locator("#map").hover(position={"x": 400, "y": 300})
    await page.mouse.down()
    for step in range(60):
        await page.mouse.move(400 + 150 * (step % 20) / 20, 400 + step, steps=2)
    await page.mouse.up()
    for turn in (-240, -240, 240, 240):
        await page.mouse.wheel(0, turn)
    times = await measuring
    return [(after - before) / 1000 for before, after in itertools.pairwise(times)]


async def shown_number(page: Page) -> int:
    text = await page.locator("[data-figure=stationsFree] .value").inner_text()
    return int(text.replace(",", ""))


@pytest.mark.parametrize(("count", "within", "smooth"), [(5_000, DRAWN_WITHIN, SMOOTH), (50_000, 20.0, 0.5)])
async def test_a_large_network_opens_and_moves(
    view: Viewer, scale: Scale, figure: Callable[[str], None], count: int, within: float, smooth: float
) -> None:
    with ScriptedMonitor(random_stations(count)) as monitor:
        page, opened = await open_page(view, monitor.address)
        stop = monitor.chatter(CHANGES_A_SECOND)
        frames = await frames_while_moving(page)
        stop()
        await eventually(lambda: shown_number(page), monitor.number)
        slow = statistics.quantiles(frames, n=20)[-1]
        figure(
            f"map of {count:,} stations: drawn after {opened:.1f} s; at {CHANGES_A_SECOND} changes a second "
            f"and moving, {len(frames) / sum(frames):.0f} frames a second, 95 % within {slow * 1000:.0f} ms"
        )
        patience = scale(share=SHARED, full=1)
        assert opened < within * patience
        assert slow < smooth * patience
        assert not monitor.asked, "it never lost track"
