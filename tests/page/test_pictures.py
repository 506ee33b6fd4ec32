"""The pictures in the READMEs can be taken, and the ones that are there show this page."""

import struct
from pathlib import Path

import pytest

from tests.page.chromium import Viewer
from tests.page.pictures import DARK, IMAGES, LIGHT, PHONE, take_pictures

pytestmark = pytest.mark.asyncio(loop_scope="module")


def size_of(picture: Path) -> tuple[int, int]:
    width, height = struct.unpack(">II", picture.read_bytes()[16:24])
    return width, height


async def test_the_pictures_are_taken(view: Viewer, tmp_path: Path) -> None:
    await take_pictures(view, tmp_path)
    for name in (LIGHT, DARK, PHONE):
        taken, kept = tmp_path / name, IMAGES / name
        assert size_of(taken) == size_of(kept), name
        # A map that draws nothing compresses to much less.
        assert taken.stat().st_size > kept.stat().st_size / 2, name
