"""Charge points of others: ocpp-rpc and ocpp-ws-io, which check our answers against schemas of their own."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cloud_service.ocpp.schemas import SUBPROTOCOLS
from tests.docs.pages import ROOT
from tests.guests import INSTALL, MODULES
from tests.kit.ocpp import OcppGatewayProcess
from tests.kit.ocpp_site import Site
from tests.kit.processes import Stack
from tests.kit.waiting import DEADLINE, wait_until

GUESTS = ROOT / "tests" / "guests"
NODE = shutil.which("node")
MAKERS = {"ocpp-rpc": ("ocpp1.6", "ocpp2.0.1"), "ocpp-ws-io": ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")}
"""Packages, and the protocols of which they have schemas."""
pytestmark = pytest.mark.skipif(
    NODE is None or not all((MODULES / maker).exists() for maker in MAKERS),
    reason=f"{' or '.join(MAKERS)} is missing: {INSTALL}",
)


@pytest.fixture(scope="module")
def gateway(stack: Stack) -> Iterator[OcppGatewayProcess]:
    with OcppGatewayProcess(stack) as process:
        yield process


class Guest:
    """The charge point, a step at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.asked: list[dict[str, str]] = []
        """What the gateway has asked of it."""

    def do(self, step: str, **values: Any) -> Any:
        """The answer to a step. Raises AssertionError if there was an error."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"step": step, **values}) + "\n")
        self._process.stdin.flush()
        while "step" not in (line := self._line()):
            self.asked.append(line)
        assert line["step"] == step
        assert "error" not in line, line
        return line["answer"]

    def await_asked(self) -> dict[str, str]:
        """What the gateway asks next."""
        if not self.asked:
            self.asked.append(self._line())
        return self.asked.pop(0)

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line: dict[str, Any] = json.loads(self._process.stdout.readline())
        return line


@contextmanager
def guest_of(
    gateway: OcppGatewayProcess, identity: str, protocol: str, maker: str, log: Path
) -> Iterator[Guest]:
    endpoint = gateway.url.rstrip("/")
    words = [str(NODE), str(GUESTS / "ocpp_charger.mjs"), endpoint, identity, protocol, maker]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            yield Guest(process)
        finally:
            process.kill()


@pytest.mark.timeout(2 * DEADLINE)
@pytest.mark.parametrize(
    ("maker", "protocol"),
    [(maker, protocol) for maker, protocols in MAKERS.items() for protocol in protocols],
)
def test_its_day(
    gateway: OcppGatewayProcess, stack: Stack, tmp_path: Path, maker: str, protocol: str
) -> None:
    """Boot, heartbeat, status, a reservation, a charge, a fault, and a connection that is lost in between."""
    site = Site(stack)
    site.add()
    vehicle = f"car-{site.x}"
    with guest_of(gateway, site.identity, protocol, maker, tmp_path / "guest.log") as guest:
        assert guest.do("connect") == protocol
        assert guest.do("boot") == "Accepted"
        assert guest.do("heartbeat")
        guest.do("status", status="Available")
        site.await_states("free", "free")
        site.book(stack, vehicle)
        assert guest.await_asked() == {"asked": "ReserveNow", "tag": vehicle}
        assert guest.do("authorize", tag=vehicle) == "Accepted"
        transaction = guest.do("start", tag=vehicle, meter=1000)
        site.await_states("occupied", "free")
        guest.do("measure", transaction=transaction, meter=3500)
        wait_until(lambda: site.reading()[0] == 2.5, "its reading is known")
        gateway.kill()
        gateway.start()
        guest.do("stop", transaction=transaction, meter=5000)
        site.await_states("free", "free")
        for status, state in (("Faulted", "outOfOrder"), ("Available", "free")):
            guest.do("status", status=status)
            site.await_states(state, "free")
        guest.do("close")
    listed = site.listed()
    assert (listed["version"], listed["vendor"]) == (SUBPROTOCOLS[protocol], maker)
    assert site.leniencies() == []
