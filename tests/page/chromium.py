"""Debian's Chromium, and what tests ask of a page in it."""

import asyncio
import contextlib
import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

PATIENCE = 60
"""Seconds after which what a page is to show will not come."""

Viewer = Callable[..., Awaitable[Page]]

expect.set_options(timeout=PATIENCE * 1000)

# What Chromium itself reports when a monitor is away or refuses, which the page shows and tests check;
# and that tests read the canvas.
EXPECTED = ("net::ERR_", "WebSocket connection", "status of 4", "status of 5", "willReadFrequently")


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        await browser.close()


class Viewers:
    """Pages, and the errors that they reported: a violated Content-Security-Policy is one."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._errors: list[str] = []

    async def view(self, address: str, *, own_clock: bool = False, **options: Any) -> Page:
        """Opens an address, and waits until its network is drawn. `options` are a browser context's.

        With a clock of its own, a test can put the page's time forward.
        """
        context = await self._browser.new_context(**{"locale": "en-US", "timezone_id": "UTC", **options})
        context.set_default_timeout(PATIENCE * 1000)
        page = await context.new_page()
        if own_clock:
            await page.clock.install()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self._errors.append(str(error)))
        await page.goto(address)
        await page.locator("#loading").wait_for(state="detached")
        return page

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(text in message.text for text in EXPECTED):
            self._errors.append(message.text)

    async def close(self) -> None:
        for context in self._browser.contexts:
            await context.close()
        assert not self._errors, self._errors


# The pixels around the middle of the map, where a network of one station is drawn.
MIDDLE = """() => {
  const map = document.querySelector("#map").getBoundingClientRect();
  const canvas = document.querySelector(".leaflet-overlay-pane canvas");
  const box = canvas.getBoundingClientRect();
  const scale = canvas.width / box.width, size = 36;
  const x = (map.x + map.width / 2 - box.x) * scale, y = (map.y + map.height / 2 - box.y) * scale;
  const half = size / 2;
  const image = canvas.getContext("2d").getImageData(Math.round(x) - half, Math.round(y) - half, size, size);
  return [...image.data];
}"""


async def pixels(page: Page) -> list[tuple[int, int, int, int]]:
    """The pixels around the middle of the map, line by line, each as red, green, blue and opacity."""
    data = await page.evaluate(MIDDLE)
    return [tuple(data[at : at + 4]) for at in range(0, len(data), 4)]


async def middle_colour(page: Page) -> str | None:
    """The colour of most of what is painted in the middle of the map, or None."""
    background = await colour(page, "surface")
    painted = (
        f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue, alpha in await pixels(page) if alpha == 255
    )
    found = Counter(hue for hue in painted if hue != background).most_common(1)
    return found[0][0] if found else None


async def colour(page: Page, name: str) -> str:
    """A colour of the style sheet."""
    script = "name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()"
    return str(await page.evaluate(script, name))


async def eventually(question: Callable[[], Awaitable[object]], answer: object) -> None:
    """Asks until the answer is the expected one."""
    async with asyncio.timeout(PATIENCE):
        while await question() != answer:
            await asyncio.sleep(0.02)


async def wait_for_tooltip(page: Page, text: str) -> None:
    """Moves the mouse about in the middle of the map until a tooltip has the text."""

    async def named() -> bool:
        await page.mouse.move(1, 1)
        await page.locator("#map").hover()
        return text in "\n".join(await page.locator(".leaflet-tooltip").all_inner_texts())

    await eventually(named, True)
