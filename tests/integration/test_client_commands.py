"""`recharge charger`, `vehicle` and `demo` against a network of real processes."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recharge import Charger, OutcomeUnknown, Point, Reservation, Vehicle
from tests.integration.client_commands import EXAMPLES, command, points_of, presence_of, running_charger
from tests.kit.processes import Stack
from tests.kit.terminal import Terminal
from tests.kit.waiting import wait_until

CSV = str(EXAMPLES / "stations.csv")
FAST = ("--time-scale", "3000")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A network of this module's own: a demo fills it with stations."""
    with Stack(tmp_path_factory.mktemp("clients")) as running:
        yield running


def remembered(folder: Path, name: str) -> dict[str, Any]:
    file = folder / "recharge" / f"charger-{name}.json"
    return json.loads(file.read_text()) if file.exists() else {}


def run_charger(stack: Stack, folder: Path, *words: str) -> dict[str, Any]:
    """Runs it until it has registered everything, ends it in order, and gives what it remembers."""
    with running_charger(stack, folder, "roadside", *words) as charger:
        assert presence_of(stack, "roadside") is True
        assert charger.stop() == 0
    assert presence_of(stack, "roadside") is False
    return remembered(folder, "roadside")


def test_a_charger_keeps_its_station_and_points_between_runs(stack: Stack, tmp_path: Path) -> None:
    first = run_charger(stack, tmp_path, "--x", "7000", "--y", "1", "--points", "3", "--power", "11")
    assert len(first["points"]) == 3
    assert run_charger(stack, tmp_path) == first

    moved = run_charger(stack, tmp_path, "--y", "2", "--price", "0.5")
    assert (moved["station_id"], moved["y"]) == (first["station_id"], 2)
    assert points_of(stack, "roadside", first["station_id"]) == [
        Point(number, first["station_id"], 11, 0.5, "livre") for number in (1, 2, 3)
    ]


def test_a_charger_makes_up_for_what_was_deleted_meanwhile(stack: Stack, tmp_path: Path) -> None:
    first = run_charger(stack, tmp_path, "--x", "7000", "--y", "10")

    async def delete(point_only: bool) -> None:
        async with Charger("roadside", stack.address) as charger:
            if point_only:
                await charger.delete_point((await charger.points(first["station_id"]))[0])
            else:
                await charger.delete_station(first["station_id"])

    asyncio.run(delete(point_only=True))
    second = run_charger(stack, tmp_path)
    assert second["station_id"] == first["station_id"]
    assert [point["chargingPointID"] for point in second["points"]] == [2, 3]

    asyncio.run(delete(point_only=False))
    third = run_charger(stack, tmp_path)
    assert third["station_id"] > first["station_id"]
    assert len(third["points"]) == 2


def test_a_charger_that_lost_its_memory_finds_its_station_by_the_location(
    stack: Stack, tmp_path: Path
) -> None:
    first = run_charger(stack, tmp_path, "--seed", "5")
    (tmp_path / "recharge" / "charger-roadside.json").unlink()
    assert run_charger(stack, tmp_path, "--seed", "5") == first


def test_a_killed_charger_is_offline_by_its_last_will(stack: Stack, tmp_path: Path) -> None:
    with running_charger(stack, tmp_path, "victim") as charger:
        charger.kill()
        wait_until(lambda: presence_of(stack, "victim") is False, "the last will is published")


def test_a_damaged_memory_stops_a_charger_with_one_sentence(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text("{")
    ended = stack.recharge("charger", "--yes", "--state", str(file))
    assert ended.returncode == 1
    assert "repair or delete it" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_point_is_occupied_while_a_vehicle_is_there(stack: Stack, tmp_path: Path) -> None:
    """The charge takes 18 days, or 8 minutes of this charger's time: long enough for any machine."""
    with running_charger(
        stack, tmp_path, "busy", "--x", "3000", "--y", "0", "--points", "1", *FAST
    ) as charger:
        station_id = remembered(tmp_path, "busy")["station_id"]

        async def come_and_go() -> None:
            async with Vehicle("visitor", stack.address) as vehicle:
                booked = await vehicle.book(3000, 0, 0, 22 * 24 * 18)
                await asyncio.to_thread(
                    wait_until, lambda: "charges at point 1" in charger.tail(), "it charges"
                )
                point = (await asyncio.to_thread(points_of, stack, "busy", station_id))[0]
                assert (booked.station_id, point.availability) == (station_id, "ocupado")
                await vehicle.cancel(booked)

        asyncio.run(come_and_go())
        wait_until(lambda: "visitor has left point 1" in charger.tail(), "the charger sees it go")
        wait_until(lambda: "Point 1 is free" in charger.tail(), "the point is free again")
    assert points_of(stack, "busy", station_id)[0].availability == "livre"


async def books(stack: Stack, name: str) -> bool:
    """Whether the network answers: what is asked before the service is back at its broker may get lost."""
    async with Vehicle(name, stack.address, timeout=3) as vehicle:
        try:
            await vehicle.book(0, 0, 50, 40)
        except OutcomeUnknown:
            return False
    return True


def test_a_charger_outlives_its_broker(tmp_path: Path) -> None:
    with (
        Stack(tmp_path / "network") as stack,
        running_charger(stack, tmp_path, "lasting", "--x", "0", "--y", "0") as charger,
    ):
        stack.broker.kill()
        stack.broker.start()
        wait_until(lambda: presence_of(stack, "lasting"), "the charger is online again")
        wait_until(lambda: asyncio.run(books(stack, "late")), "the network answers")
        wait_until(lambda: "is reserved for late" in charger.tail(), "the charger hears of it")


@pytest.mark.parametrize("words", [("charger", "--yes"), ("vehicle", "--yes"), ("demo",), ("import", CSV)])
def test_where_no_broker_is_a_command_says_so_in_one_sentence(stack: Stack, words: tuple[str, ...]) -> None:
    ended = stack.recharge(*words, "--mqtt-port", "1")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "cannot be reached" in ended.stderr


def test_where_no_broker_is_a_command_says_so_in_portuguese(stack: Stack, tmp_path: Path) -> None:
    for words in (("charger", "--yes"), ("vehicle", "--yes"), ("demo",), ("import", CSV)):
        with command(stack, tmp_path, *words, RECHARGE_MQTT_PORT="1", LANGUAGE="pt_BR") as refused:
            wait_until(lambda ended=refused: not ended.running, "it ends")
            last = refused.tail().splitlines()[-1]
            assert last.startswith(f"recharge {words[0]}: não foi possível conectar ao broker ")
            assert last.endswith("@127.0.0.1:1: conexão recusada")


@pytest.mark.parametrize("words", [("charger", "--yes"), ("vehicle", "--yes"), ("import", CSV)])
def test_a_name_that_no_account_can_have_is_refused(stack: Stack, words: tuple[str, ...]) -> None:
    for name in (("--name", "a b"), ("--name", "a", "--mqtt-user", "b")):
        ended = stack.recharge(*words, *name)
        assert ended.returncode == 1
        assert "name" in ended.stderr
        assert "Traceback" not in ended.stderr


# recharge vehicle


@pytest.mark.parametrize("protocol", ["mqtt5", "mqtt311", "tcp"])
def test_an_unattended_vehicle_charges_and_its_charger_notices(
    stack: Stack, tmp_path: Path, protocol: str
) -> None:
    place = ("--x", "6000", "--y", "0")
    name = f"driver-{protocol}"
    with running_charger(stack, tmp_path, "noticing", *place, "--points", "1") as charger:
        words = ("vehicle", "--yes", "--seed", "1", "--protocol", protocol, "--name", name)
        driven = stack.recharge(*words, *place, *FAST)
        assert driven.returncode == 0, driven.stdout + driven.stderr
        for happening in ("Driving about", "Reserved point 1", "Charging with 22 kW", "left the charging"):
            assert happening in driven.stdout
        wait_until(
            lambda: f"{name} has left" in charger.tail() or f"{name} on point 1 was" in charger.tail(),
            "the charger hears that it has gone",
        )
        assert f"Point 1 is reserved for {name}" in charger.tail()


def test_a_vehicle_that_nobody_can_charge_says_so(tmp_path: Path) -> None:
    with Stack(tmp_path) as empty:
        refused = empty.recharge("vehicle", "--yes", "--battery", "21", *FAST)
    assert refused.returncode == 1
    assert "The network refuses: " in refused.stdout


def test_a_vehicle_goes_on_with_the_reservation_that_it_has(stack: Stack, tmp_path: Path) -> None:
    async def book() -> Reservation:
        async with Charger("patient", stack.address) as charger, Vehicle("again", stack.address) as vehicle:
            station = await charger.register_station(5000, 0)
            await charger.add_point(station.station_id, 50, 1)
            return await vehicle.book(5000, 0, 20, 40)

    booked = asyncio.run(book())
    driven = stack.recharge("vehicle", "--yes", "--name", "again", "--x", "5000", "--battery", "21", *FAST)
    assert driven.returncode == 0, driven.stdout + driven.stderr
    assert f"of station {booked.station_id}, 50 kW" in driven.stdout


def test_a_vehicle_that_is_ended_says_how_to_go_on(stack: Stack, tmp_path: Path) -> None:
    with (
        running_charger(stack, tmp_path, "host", "--x", "2400", "--y", "0"),
        command(
            stack, tmp_path, "vehicle", "--name", "traveller", "--x", "2400", "--battery", "20.5", "--yes"
        ) as vehicle,
    ):
        wait_until(lambda: "Reserved" in vehicle.tail(), "the vehicle has a reservation")
        vehicle.stop()
        last = vehicle.tail().splitlines()[-1]
        assert last.endswith("  The reservation stays; continue with --name traveller")


def test_by_hand_in_portuguese(stack: Stack, tmp_path: Path) -> None:
    portuguese = {"LANG": "pt_BR.UTF-8", "LANGUAGE": "", "LC_ALL": "", "LC_MESSAGES": ""}
    charger_words = ("charger", "--name", "posto", "--points", "1")
    vehicle_words = ("vehicle", "--name", "carro", "--x", "4000", "--battery", "20.5", *FAST)
    with (
        Terminal(stack, tmp_path, *charger_words, **portuguese) as charger,
        Terminal(stack, tmp_path, *vehicle_words, **portuguese) as vehicle,
    ):
        charger.sees("quilômetros a leste: ")
        charger.types("4000,5")
        charger.sees("Quilômetros ao norte: ")
        charger.types("0")
        charger.sees("pontos 1 (22 kW)")
        vehicle.sees("Reservar uma recarga? [S/n]")
        vehicle.types("s")
        vehicle.sees("Ponto de recarga")
        vehicle.sees("Ir até lá? [S/n]")
        charger.sees("está reservado para carro")
        vehicle.types("n")
        vehicle.sees("Cancelar a reserva? Senão, ela continua valendo. [S/n]")
        vehicle.types("s")
        vehicle.sees("A reserva foi cancelada")
        assert vehicle.ends() == 0
        charger.sees("A reserva de carro no ponto 1 foi cancelada")
        charger.types("3\n1")
        charger.sees("O ponto 1 está fora de serviço")
        charger.types("4\n1\n0,25")
        charger.sees("Agora o kWh custa 0,25")
        charger.types("1")
        charger.sees("│ 22 kW    │ 0,25")
        charger.types("q")
        assert charger.ends() == 0


def test_a_vehicle_drives_where_its_reservation_has_moved(stack: Stack, tmp_path: Path) -> None:
    """Its point fails while it waits there."""
    name = "rerouted"

    async def fail(reservation: Reservation) -> None:
        async with Charger("two-points", stack.address, client_id="two-points-fail") as charger:
            points = await charger.points(reservation.station_id)
            (failing,) = [point for point in points if point.point_id == reservation.point_id]
            await charger.update_point(failing, operational=False)

    async def find() -> Reservation | None:
        async with Vehicle("operator", stack.address, vehicle_id=name) as vehicle:
            return await vehicle.reservation()

    async def prepare() -> None:
        async with Charger("two-points", stack.address) as charger:
            station = await charger.register_station(2600, 0)
            await charger.add_point(station.station_id, 22, 1)
            await charger.add_point(station.station_id, 22, 1)

    asyncio.run(prepare())
    words = ("vehicle", "--yes", "--name", name, "--x", "2600", "--battery", "20.5", "--critical", "20.4")
    wishes = ("--objective", "earliest", "--max-distance", "30", "--speed", "60", "--flexible")
    with command(stack, tmp_path, *words, *wishes, "--time-scale", "30") as vehicle:
        wait_until(lambda: "Reserved point" in vehicle.tail(), "the vehicle has a reservation")
        booked = asyncio.run(find())
        assert booked is not None
        asyncio.run(fail(booked))
        wait_until(lambda: "has moved" in vehicle.tail(), "it learns that its point is out of order")
        assert "because the point is out of order: now station" in vehicle.tail()
        vehicle.stop()
    assert "Offers: station" in vehicle.tail()


def test_wishes_need_mqtt(stack: Stack) -> None:
    refused = stack.recharge("vehicle", "--yes", "--protocol", "tcp", "--flexible", "--max-price", "1")
    assert refused.returncode == 1
    assert refused.stderr == "recharge vehicle: --protocol tcp: the old protocol has no wishes\n"


# recharge demo


def test_a_demo_lives_and_finds_its_stations_again(stack: Stack, tmp_path: Path) -> None:
    def stations(run: Path) -> list[str]:
        run.mkdir()
        words = ("demo", "--chargers", "2", "--vehicles", "3", *FAST)
        with command(stack, run, *words) as demo:
            wait_until(
                lambda: demo.tail().count("left the charging point") >= 2 or not demo.running, "they charge"
            )
            demo.check()
            assert demo.stop() == 0
        lines = demo.log.read_text().splitlines()
        return sorted(line.partition("Station ")[2].partition(" ")[0] for line in lines if "Station " in line)

    first = stations(tmp_path / "first")
    assert len(first) == 3, "two chargers, and the one whose day goes wrong"
    assert stations(tmp_path / "second") == first
