"""`recharge status`, `stations` and `watch` beside a running network."""

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_service.mqtt.requester import Requester
from cloud_service.overview.observer import Observer
from cloud_service.protocol.errors import StorageFailed
from recharge import Charger, Vehicle
from tests.integration.client_commands import command
from tests.kit.monitor import Monitor
from tests.kit.processes import Broker, Stack
from tests.kit.waiting import DEADLINE, wait_until


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A network with a station of two points, whose charger has gone."""
    with Stack(tmp_path_factory.mktemp("overview")) as running:

        async def build() -> None:
            async with Charger("post", running.address) as charger:
                station = await charger.register_station(3, 4)
                await charger.add_point(station.station_id, 22, 0.9)
                await charger.add_point(station.station_id, 50, 0.5)

        asyncio.run(build())
        yield running


def book_and_cancel(stack: Stack) -> None:
    async def use() -> None:
        async with Vehicle("ana", stack.address) as vehicle:
            await vehicle.cancel(await vehicle.book(3, 4, 50, 20))

    asyncio.run(use())


def test_status_shows_what_runs_and_what_is_reserved(stack: Stack) -> None:
    async def reserve() -> None:
        async with Vehicle("beto", stack.address) as vehicle:
            await vehicle.book(3, 4, 50, 20)

    asyncio.run(reserve())
    wait_until(
        lambda: json.loads(stack.recharge("status", "--json").stdout)["figures"]["reservations"] == 1,
        "the reservation is in the retained state",
    )
    ended = stack.recharge("status", "--json")
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert {row["name"]: row["online"] for row in found["services"]} == {
        "cloud_service": True,
        "gateway": True,
    }
    answers = {row["name"]: row["answers"] for row in found["addresses"]}
    assert (answers["MQTT"], answers["TCP"]) == (True, True)
    assert [row["errors"] for row in found["services"]] == [0, 0]
    assert found["bookings"]["next"][0]["chargingStationID"] == 1
    assert found["bookings"]["next"][0]["vehicleID"] is None
    assert found["gone"] == ["beto", "post"]
    assert "beto" not in json.dumps(found["bookings"])
    assert "cloud_service  running" in stack.recharge("status").stdout
    stack.recharge("vehicle", "cancel", "--name", "beto")


def test_status_shows_the_address_of_the_map(stack: Stack) -> None:
    with Monitor(stack) as monitor:
        shown = stack.recharge("status", "--http-port", str(monitor.port))
    assert f"Map            {monitor.address}/" in shown.stdout
    (line,) = [line for line in shown.stdout.splitlines() if line.startswith("Map")]
    assert "does not answer" not in line


def test_status_tells_of_errors(stack: Stack) -> None:
    """Those of a service that cannot write: the kernel refuses to let its files grow."""

    async def register() -> None:
        async with Requester(stack.address, "clumsy") as clumsy:
            await clumsy.request("newChargingStation", {"x_position": 70, "y_position": 70}, retry=False)

    pid = stack.service.pid
    unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, unlimited[1]))
    try:
        with pytest.raises(StorageFailed):
            asyncio.run(register())
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
    wait_until(
        lambda: "errors of cloud_service in the last hour: " in stack.recharge("status").stdout,
        "the service has told of its errors",
    )


def test_stations_are_listed(stack: Stack) -> None:
    ended = stack.recharge("stations", "--near=0,0", "--json")
    assert ended.returncode == 0, ended.stderr
    (row,) = json.loads(ended.stdout)
    assert (row["chargingStationID"], row["distance"]) == (1, 5.0)
    assert [point["power"] for point in row["chargingPoints"]] == [22, 50]
    assert "22-50" in stack.recharge("stations").stdout


def test_a_station_whose_charger_has_gone_is_known_to_be_offline(stack: Stack) -> None:
    (row,) = json.loads(stack.recharge("stations", "--offline", "--json").stdout)
    assert row["offline"]
    assert stack.recharge("stations", "--free").stdout == "No stations match\n"


def test_watch_prints_events_as_lines_of_json(stack: Stack, tmp_path: Path) -> None:
    with command(stack, tmp_path, "watch", "--json") as watch:

        def events() -> list[dict[str, object]]:
            return [json.loads(line) for line in watch.tail().splitlines() if line.startswith("{")]

        def watched() -> bool:
            watch.check()
            book_and_cancel(stack)
            return len(events()) >= 2

        wait_until(watched, "events are printed")
        first = events()[0]
        assert watch.stop() == 0
    assert first["type"] in ("reservationScheduled", "reservationCancelled")
    assert "ana" not in json.dumps(first)


def test_watch_ends_when_nobody_reads_it(stack: Stack) -> None:
    words = [sys.executable, "-m", "cloud_service", "watch"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=stack.environment
    ) as watch:
        assert watch.stdout is not None
        assert watch.stderr is not None
        watch.stdout.close()

        def ended() -> bool:
            book_and_cancel(stack)
            return watch.poll() is not None

        wait_until(ended, "watch has ended")
        assert b"Traceback" not in watch.stderr.read()


def test_without_a_broker_one_sentence_says_so(stack: Stack) -> None:
    for words in (("status",), ("stations",), ("watch", "--json")):
        ended = stack.recharge(*words, "--mqtt-port", "1")
        assert ended.returncode == 1
        assert ended.stderr.count("\n") == 1
        assert ended.stderr.startswith(f"recharge {words[0]}: the broker anonymous@127.0.0.1:1 ")


def test_the_first_retained_message_is_waited_for(tmp_path: Path) -> None:
    """It may come a moment after the login: `stations` listed none then. This broker has none at all."""
    quiet = 0.3

    async def settle(broker: Broker) -> float:
        observer = Observer(broker.address, "monitor")
        begun = time.monotonic()
        async with observer.running():
            await observer.settle(quiet)
        return time.monotonic() - begun

    with Broker(tmp_path / "broker") as broker:
        assert asyncio.run(settle(broker)) >= quiet


def test_what_is_retained_is_known_after_the_broker_has_been_away(tmp_path: Path) -> None:
    """Nothing is forgotten that the broker still has, however early it sends it."""
    with Broker(tmp_path / "broker") as broker, Stack(tmp_path / "stack", broker) as stack:

        def restart() -> None:
            broker.stop()
            broker.start()

        async def observe() -> None:
            async with Charger("post", stack.address) as charger:
                await charger.register_station(3, 4)
            observer = Observer(stack.address, "monitor")
            async with observer.running(), asyncio.timeout(DEADLINE):
                for _ in range(2):
                    while not observer.overview.is_complete:
                        await asyncio.sleep(0.05)
                    assert [station.number for station in observer.overview.known_stations()] == [1]
                    await asyncio.to_thread(restart)
                    while observer.overview.is_complete:
                        await asyncio.sleep(0.05)

        asyncio.run(observe())


def test_status_looks_at_every_station(tmp_path: Path) -> None:
    """The next reservation is found in whichever of many stations it is."""
    count = 120

    async def fill() -> None:
        async with Requester(network.address, "operator", limit=50) as operator:

            async def reserve(number: int) -> None:
                place = {"x_position": 1000 * number, "y_position": 500}
                station = await operator.request("newChargingStation", place)
                point = {"chargingStationID": station, "power": 1, "kWhPrice": 1, "availability": "livre"}
                await operator.request("newChargingPoint", point)
                wish = {"x": 1000 * number, "y": 500, "actualBatteryPercentage": 50, "batteryCapacity": 40}
                await operator.request("scheduleReservation", {"vid": f"v-{number}", **wish})

            await asyncio.gather(*map(reserve, range(1, count + 1)))

    with Stack(tmp_path) as network:
        asyncio.run(fill())
        wait_until(
            lambda: (
                json.loads(network.recharge("status", "--json").stdout)["figures"]["reservations"] == count
            ),
            "the reservations are in the retained state",
        )
        bookings = json.loads(network.recharge("status", "--json").stdout)["bookings"]
        assert (bookings["under_way"], bookings["not_asked"], len(bookings["next"])) == (0, 0, 20)
