"""What the map draws, and what changes when a charger changes."""

import copy
from functools import partial

import pytest
from playwright.async_api import Page, expect

from tests.kit.scripted_monitor import Row, ScriptedMonitor
from tests.page.chromium import Viewer, colour, eventually, middle_colour, pixels, wait_for_tooltip

pytestmark = pytest.mark.asyncio(loop_scope="module")

STATIONS = {
    "free": [[1, 22, 0.9, "occupied"], [2, 22, 0.9, "free"]],
    "reserved": [[1, 22, 0.9, "reserved"], [2, 22, 0.9, "outOfOrder"]],
    "busy": [[1, 22, 0.9, "occupied"], [2, 22, 0.9, "reserved"]],
    "outOfOrder": [[1, 22, 0.9, "outOfOrder"], [2, 22, 0.9, "outOfOrder"]],
    "empty": [],
    "offline": [[1, 22, 0.9, "free"], [2, 22, 0.9, "free"]],
}


def a_station(state: str, number: int = 1, x: float = 4, y: float = 5) -> Row:
    return [number, x, y, None, int(state == "offline"), copy.deepcopy(STATIONS[state])]


def crowd(count: int) -> dict[int, Row]:
    return {number: a_station("free", number, number / 1000, 0) for number in range(1, count + 1)}


async def silhouette(page: Page) -> tuple[bool, ...]:
    """Which pixels around the middle have the colour of the state there."""
    wanted = await middle_colour(page)
    return tuple(f"#{red:02x}{green:02x}{blue:02x}" == wanted for red, green, blue, _ in await pixels(page))


@pytest.mark.parametrize("state", STATIONS)
async def test_a_station_has_the_colour_of_its_state(view: Viewer, state: str) -> None:
    with ScriptedMonitor({1: a_station(state)}) as monitor:
        page = await view(monitor.address)
        await eventually(partial(middle_colour, page), await colour(page, state))


async def test_each_state_has_a_shape_of_its_own(view: Viewer) -> None:
    shapes = set()
    for state in STATIONS:
        with ScriptedMonitor({1: a_station(state)}) as monitor:
            page = await view(monitor.address)
            await eventually(partial(middle_colour, page), await colour(page, state))
            shapes.add(await silhouette(page))
    assert len(shapes) == len(STATIONS)


async def test_a_station_with_more_points_is_larger(view: Viewer) -> None:
    painted = []
    for count in (1, 4, 16):
        row = [1, 0, 0, None, 0, [[number, 22, 0.9, "free"] for number in range(1, count + 1)]]
        with ScriptedMonitor({1: row}) as monitor:
            page = await view(monitor.address)
            await eventually(partial(middle_colour, page), await colour(page, "free"))
            painted.append(sum(await silhouette(page)))
    assert painted[0] * 1.2 < painted[1] < painted[2] / 1.2


async def test_a_change_is_seen_without_loading_again(view: Viewer) -> None:
    with ScriptedMonitor({1: a_station("free")}) as monitor:
        page = await view(monitor.address)
        for state in ("busy", "outOfOrder", "offline", "free"):
            monitor.change(a_station(state))
            await eventually(partial(middle_colour, page), await colour(page, state))
        assert monitor.wholes == 1


async def test_a_station_that_moves_or_goes_leaves_its_place(view: Viewer) -> None:
    with ScriptedMonitor({1: a_station("free")}) as monitor:
        page = await view(monitor.address)
        free = await colour(page, "free")
        await eventually(partial(middle_colour, page), free)
        monitor.change(a_station("free", x=4.5))
        await eventually(lambda: _is_middle(page, free), False)
        monitor.change(a_station("free"))
        await eventually(partial(middle_colour, page), free)
        monitor.change(gone=(1,))
        await eventually(lambda: _is_middle(page, free), False)
        await expect(page.locator("#stations")).to_contain_text("No station matches.")


async def _is_middle(page: Page, wanted: str) -> bool:
    return await middle_colour(page) == wanted


async def test_the_colours_follow_light_and_dark(view: Viewer) -> None:
    with ScriptedMonitor({1: a_station("free")}) as monitor:
        page = await view(monitor.address, color_scheme="light")
        light = await colour(page, "free")
        await eventually(partial(middle_colour, page), light)
        await page.emulate_media(color_scheme="dark")
        dark = await colour(page, "free")
        assert dark != light
        await eventually(partial(middle_colour, page), dark)


async def test_stations_close_together_are_one_mark_that_opens(view: Viewer) -> None:
    rows = crowd(40) | {100: a_station("busy", 100, 500, 0), 101: a_station("busy", 101, -500, 0)}
    with ScriptedMonitor(rows) as monitor:
        page = await view(monitor.address)
        await wait_for_tooltip(page, "40 stations")
        await wait_for_tooltip(page, "40 free, 0 busy or reserved")
        await page.locator("#map").click()
        await wait_for_tooltip(page, "Station ")


async def test_a_click_on_a_station_opens_its_panel(view: Viewer) -> None:
    with ScriptedMonitor({1: a_station("free")}) as monitor:
        page = await view(monitor.address)
        await page.locator("#map").click()
        await expect(page.locator("#panel-title")).to_have_text("Station 1")
        assert page.url.endswith("#station=1")


async def test_the_map_moves_and_zooms_with_the_keyboard(view: Viewer) -> None:
    rows = {1: a_station("free"), 2: a_station("free", 2, 40, 5)}
    with ScriptedMonitor(rows) as monitor:
        page = await view(monitor.address)
        scale = page.locator(".scale")
        before = await scale.inner_text()
        await page.locator("#map").focus()
        await page.keyboard.press("+")
        await page.keyboard.press("+")
        await expect(scale).not_to_have_text(before)
        await page.keyboard.press("-")
        await page.keyboard.press("-")
        await expect(scale).to_have_text(before)
        pane = page.locator(".leaflet-map-pane")
        place = await pane.bounding_box()
        await page.keyboard.press("ArrowRight")
        await eventually(lambda: _is_at(page, place), False)


async def _is_at(page: Page, place: object) -> bool:
    return await page.locator(".leaflet-map-pane").bounding_box() == place


# Whether the map moves by itself, two frames after a button of it was pressed.
MOVES = """button => {
  document.querySelector(button)?.click();
  const frame = () => new Promise(resolve => requestAnimationFrame(resolve));
  return frame().then(frame).then(() => document.querySelector(".leaflet-zoom-anim") !== null);
}"""


async def test_the_first_view_is_there_at_once(view: Viewer) -> None:
    with ScriptedMonitor({1: a_station("free"), 2: a_station("free", 2, 200, 100)}) as monitor:
        page = await view(monitor.address)
        assert not await page.evaluate(MOVES, "#none")


async def test_nothing_moves_by_itself_where_motion_is_not_wanted(view: Viewer) -> None:
    with ScriptedMonitor({1: a_station("free"), 2: a_station("free", 2, 40, 5)}) as monitor:
        page = await view(monitor.address, reduced_motion="reduce")
        assert not await page.evaluate(MOVES, ".leaflet-control-zoom-out")


async def test_the_map_moves_with_the_mouse_and_zooms_with_its_wheel(view: Viewer) -> None:
    with ScriptedMonitor({1: a_station("free"), 2: a_station("free", 2, 40, 5)}) as monitor:
        page = await view(monitor.address)
        scale = page.locator(".scale")
        before = await scale.inner_text()
        await page.locator("#map").hover(position={"x": 300, "y": 80})
        place = await page.locator(".leaflet-map-pane").bounding_box()
        await page.mouse.down()
        await page.mouse.move(350, 300, steps=4)
        await page.mouse.up()
        await eventually(lambda: _is_at(page, place), False)
        await page.mouse.wheel(0, -600)
        await expect(scale).not_to_have_text(before)


async def test_two_fingers_zoom_and_a_tap_opens_a_station(view: Viewer) -> None:
    with ScriptedMonitor({1: a_station("free")}) as monitor:
        page = await view(monitor.address, has_touch=True, viewport={"width": 390, "height": 800})
        scale = page.locator(".scale")
        before = await scale.inner_text()
        box = await page.locator("#map").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        session = await page.context.new_cdp_session(page)
        for kind, apart in (("Start", 100), ("Move", 60), ("Move", 25), ("End", None)):
            fingers = [] if apart is None else [{"x": x - apart, "y": y}, {"x": x + apart, "y": y}]
            await session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": fingers})
        await expect(scale).not_to_have_text(before)
        await page.touchscreen.tap(x, y)
        await expect(page.locator("#panel-title")).to_have_text("Station 1")
