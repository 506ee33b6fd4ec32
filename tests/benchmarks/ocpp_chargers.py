"""Many chargers at one OCPP gateway, and their return: python -m tests.benchmarks.ocpp_chargers

The broker has accounts, and each charger has a password. It sends a heartbeat every 300 s and meter values
every 60 s. Meanwhile an operator books and cancels, one request after another: before the chargers are there,
while all connect, with them, and while all come back to a gateway that was killed. All processes share this
machine's cores.
"""

import asyncio
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.requester import Requester
from tests.kit.cpu import used_seconds
from tests.kit.mqtt import MqttConnection
from tests.kit.ocpp import OcppGatewayProcess
from tests.kit.ocpp_fleet import Counts, Rates, fleet
from tests.kit.ocpp_fleet_site import give_places, make_accounts
from tests.kit.processes import HOST, Process
from tests.kit.secured import SecuredBroker, SecuredStack

PAUSE = 0.05
"""Seconds between two bookings of the vehicle beside the chargers."""
_LONGEST = 900.0


class Waits(Struct, frozen=True):
    """How long a vehicle waited for its bookings, in seconds."""

    seconds: list[float]

    def __str__(self) -> str:
        ordered = sorted(self.seconds)
        p50, p99 = (1000 * ordered[len(ordered) * percent // 100] for percent in (50, 99))
        return f"{len(ordered)} bookings beside: p50 {p50:.1f} ms, p99 {p99:.1f} ms"


class Use:
    """What processes have used since this was made."""

    def __init__(self, *processes: Process) -> None:
        self._begun = [(each, used_seconds(each.pid)) for each in processes]
        self._at = time.monotonic()

    def __str__(self) -> str:
        seconds = time.monotonic() - self._at
        return "; ".join(
            f"{each.name} {(used_seconds(each.pid) - before) / seconds:.0%} of a core,"
            f" {each.memory():.0f} MiB, {_files(each)} open files"
            for each, before in self._begun
        )


def _files(process: Process) -> int:
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


def main(words: list[str] | None = None) -> int:
    parser = ArgumentParser(prog="python -m tests.benchmarks.ocpp_chargers", description=__doc__)
    parser.add_argument("--chargers", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=120.0, help="of each measurement")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.chargers, options.seconds)
    return 0


def measure(folder: Path, count: int, seconds: float) -> None:
    """Prints what was measured, line by line."""
    with SecuredBroker(folder / "broker") as broker:
        login = make_accounts(broker, folder, count)
        operator = broker.accounts(lambda accounts: accounts.add("operator-1", "operator"))
        with SecuredStack(folder / "stack", broker) as stack:
            with MqttConnection(broker.port, "operator-1", "operator-1", operator) as client:
                give_places(client, count)
            gateway = OcppGatewayProcess(stack, **login)
            gateway.start()

            processes = gateway, stack.service, broker

            def beside(lasts: Callable[[], bool]) -> Waits:
                return asyncio.run(_book(broker.port, operator, lasts))

            print(f"without chargers: {beside(_for(seconds))}", flush=True)
            with fleet(gateway.url, count, Rates(), secured=True) as counts:
                print(f"all connect at once: {_await_all(counts, count, processes, beside)}", flush=True)
                use, answered, begun = Use(*processes), counts.answered.value, time.monotonic()
                waits = beside(_for(seconds))
                rate = (counts.answered.value - answered) / (time.monotonic() - begun)
                print(f"{count} chargers, {rate:.1f} messages/s: {waits}; {use}", flush=True)
                gateway.kill()
                begun = time.monotonic()
                gateway.start()
                print(f"killed, and listens after {time.monotonic() - begun:.1f} s", flush=True)
                print(f"all come back: {_await_all(counts, count, processes, beside)}", flush=True)
            gateway.stop()


def _await_all(
    counts: Counts, count: int, processes: Iterable[Process], beside: Callable[[Callable[[], bool]], Waits]
) -> str:
    use, begun, refused = Use(*processes), time.monotonic(), counts.refused.value
    waits = beside(lambda: counts.online.value < count and time.monotonic() < begun + _LONGEST)
    assert counts.online.value == count, f"{count - counts.online.value} chargers are lost"
    return (
        f"{count} after {time.monotonic() - begun:.1f} s, {counts.refused.value - refused} attempts failed;"
        f" {waits}; {use}"
    )


def _for(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


async def _book(port: int, password: str, lasts: Callable[[], bool]) -> Waits:
    """Books at a station of its own, and cancels the booking."""
    waits: list[float] = []
    need = {"vid": "beside", "x": 0, "y": 0, "actualBatteryPercentage": 50, "batteryCapacity": 60}
    async with Requester(BrokerAddress(HOST, port, "operator-1", password), "operator-1") as operator:
        station = await operator.request("newChargingStation", {"x_position": 0, "y_position": 0})
        point = {"chargingStationID": station, "power": 22, "kWhPrice": 1, "availability": "livre"}
        await operator.request("newChargingPoint", point)
        while lasts():
            begun = time.monotonic()
            booked = await operator.request("scheduleReservation", need, timeout=60)
            waits.append(time.monotonic() - begun)
            given_back = {"reservationID": booked["reservationID"], "vehicleID": "beside"}
            await operator.request("deleteReservation", given_back, timeout=60)
            await asyncio.sleep(PAUSE)
    return Waits(waits)


if __name__ == "__main__":
    sys.exit(main())
