"""`recharge status`, `stations` and `watch` beside a running network."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_service.overview.observer import Observer
from recharge import Charger, Vehicle
from tests.integration.client_commands import command
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
    assert [row["answers"] for row in found["addresses"]] == [True, True]
    assert found["bookings"]["next"][0]["chargingStationID"] == 1
    assert found["bookings"]["next"][0]["vehicleID"] is None
    assert found["gone"] == ["beto", "post"]
    assert "beto" not in json.dumps(found["bookings"])
    assert "cloud_service  running" in stack.recharge("status").stdout
    stack.recharge("vehicle", "cancel", "--name", "beto")


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
    assert stack.recharge("stations", "--free").stdout == "No station is like that\n"


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
