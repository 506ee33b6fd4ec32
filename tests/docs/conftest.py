"""The network and the folder in which the pages' code blocks run."""

import asyncio
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recharge import Charger
from tests.docs.pages import ROOT
from tests.kit.processes import Stack


@pytest.fixture
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A new network for each page, with the demo's four stations, so that readers get the same IDs."""

    async def register(stack: Stack) -> None:
        for number in range(4):
            async with Charger(f"demo-charger-{number + 1}", stack.address) as charger:
                station = await charger.register_station(number, -number)
                await charger.add_point(station.station_id, 22, 0.9)

    with Stack(tmp_path_factory.mktemp("docs")) as stack:
        asyncio.run(register(stack))
        yield stack


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that works like the repository in a reader's shell: `./run` starts `recharge`."""
    run = tmp_path / "run"
    run.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cloud_service "$@"\n')
    run.chmod(run.stat().st_mode | stat.S_IXUSR)
    return tmp_path


@pytest.fixture
def reader(network: Stack) -> dict[str, str]:
    """The environment of a reader's shell."""
    path = os.pathsep.join((network.environment["PATH"], "/usr/sbin", "/usr/local/sbin"))
    return {**network.environment, "PATH": path, "PYTHONPATH": str(ROOT)}
