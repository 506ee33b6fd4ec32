"""A Chromium for the tests of the page."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from tests.page.chromium import Viewer, Viewers, chromium


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def view(browser: Browser) -> AsyncIterator[Viewer]:
    """Opens a monitor's page. At the end of the test, no page may have reported an error."""
    viewers = Viewers(browser)
    yield viewers.view
    await viewers.close()
