"""A charger on MQTT and charging points on OCPP play the same stories. What everybody else sees is the same.

docs/ocpp.md says what a charger on OCPP cannot tell: where it stands, and what it costs.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from recharge.errors import NotFound
from tests.kit.ocpp import OcppGatewayProcess
from tests.kit.onlooker import Onlooker
from tests.kit.posts import KINDS, POWERS, PRICES, Kind, new_spot, post_of
from tests.kit.processes import Stack
from tests.kit.scene import Scene
from tests.kit.waiting import until

SCHEDULED = "reservationScheduled requested"
FINISHED = "reservationFinished chargingFinished"


@pytest.fixture(scope="module")
def gateway(stack: Stack) -> Iterator[OcppGatewayProcess]:
    with OcppGatewayProcess(stack) as process:
        yield process


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@asynccontextmanager
async def scene_of(kind: Kind, stack: Stack, gateway: OcppGatewayProcess) -> AsyncIterator[Scene]:
    """A new post of this kind, which the network knows."""
    spot = new_spot()
    async with (
        Onlooker(stack, spot.name) as onlooker,
        post_of(kind, spot, stack, gateway) as post,
        Scene(stack, spot, post, onlooker) as scene,
    ):
        await onlooker.station()
        yield scene


@pytest.fixture
async def scene(stack: Stack, gateway: OcppGatewayProcess, kind: Kind) -> AsyncIterator[Scene]:
    async with scene_of(kind, stack, gateway) as scene:
        yield scene


async def test_a_station_with_its_points(scene: Scene) -> None:
    assert await scene.seen.station() == {
        "x_position": scene.spot.x,
        "y_position": scene.spot.y,
        "chargingPoints": 2,
    }
    for point in POWERS:
        await scene.seen.shows(
            point,
            power=POWERS[point],
            kWhPrice=PRICES[point],
            availability="livre",
            operational=True,
            queueLength=0,
            session=None,
        )
    await until(lambda: scene.seen.presence == [True])


async def test_a_reservation_is_served(scene: Scene) -> None:
    ana = await scene.vehicle()
    booked = await scene.book(ana)
    assert (booked.point_id, booked.power, booked.state) == (1, 22, "reserved")
    await scene.seen.shows(1, availability="reservado", queueLength=1)
    assert await scene.post.begin(ana.name)
    active = await ana.reservation()
    assert active is not None
    assert (active.key, active.state) == (booked.key, "active")
    await scene.seen.charges()
    await scene.post.measure(2.5, 20)
    await scene.seen.charges(2.5, 20)
    await scene.post.measure(1.5, 18)
    await scene.post.measure(4, 19)
    await scene.seen.charges(4, 19)
    await scene.post.finish(5.25)
    await scene.seen.shows(1, availability="livre", queueLength=0, session=None)
    assert await ana.reservation() is None
    for account in (ana.name, scene.spot.name):
        await scene.seen.heard(account, SCHEDULED, FINISHED)
    assert scene.seen.history() == [("completed", 5.25, 1)]


async def test_another_vehicle_than_the_one_that_has_reserved(scene: Scene) -> None:
    ana, bia = await scene.vehicle(), await scene.vehicle()
    booked = await scene.book(ana)
    assert not await scene.post.begin(bia.name)
    await scene.seen.shows(1, availability="reservado", queueLength=1, session=None)
    assert await ana.reservation() == booked
    assert await scene.post.begin(ana.name), "it comes after all"
    await scene.post.finish(1)
    await scene.seen.heard(scene.spot.name, SCHEDULED, FINISHED)
    await scene.seen.heard(bia.name)
    assert scene.seen.history() == [("completed", 1, 1)]


async def test_a_walk_in(scene: Scene) -> None:
    ana, bia = await scene.vehicle(), await scene.vehicle()
    assert await scene.post.begin(bia.name)
    await scene.post.measure(3, 11)
    await scene.seen.charges(3, 11)
    assert (await scene.book(ana)).point_id == 2, "the first one is taken for an hour"
    assert not await scene.post.begin(bia.name, 2), "it charges at the first one"
    await scene.post.finish(3.5)
    await scene.seen.shows(1, availability="livre", queueLength=0, session=None)
    await scene.seen.shows(2, availability="reservado", queueLength=1, session=None)
    await scene.seen.heard(bia.name)
    assert scene.seen.history() == [], "nobody had booked it"


async def test_a_vehicle_charges_at_the_other_point(scene: Scene) -> None:
    ana = await scene.vehicle()
    await scene.book(ana)
    assert await scene.post.begin(ana.name, 2)
    await scene.seen.charges(point=2)
    await scene.seen.shows(1, availability="livre", queueLength=0, session=None)
    await scene.post.finish(2, 2)
    await scene.seen.heard(ana.name, SCHEDULED, "reservationChanged pointChanged", FINISHED)
    assert scene.seen.history() == [("completed", 2, 2)]


async def test_an_early_stop_lets_the_next_one_move_up(scene: Scene) -> None:
    ana, bia = await scene.vehicle(), await scene.vehicle()
    first = await scene.book(ana, point=1)
    second = await scene.book(bia, point=1, flexible=True)
    assert second.start > first.finish
    assert await scene.post.begin(ana.name)
    await scene.post.finish(0.5)
    await scene.seen.heard(bia.name, SCHEDULED, "reservationChanged movedUp")
    moved = await bia.reservation()
    assert moved is not None
    assert moved.start < second.start
    await scene.seen.shows(1, availability="reservado", queueLength=1, session=None)
    assert scene.seen.history() == [("completed", 0.5, 1)]


async def test_a_fault_during_a_charge_while_others_wait(scene: Scene) -> None:
    ana, bia, cleo = [await scene.vehicle() for _ in range(3)]
    assert await scene.post.begin(cleo.name, 2)
    await scene.book(ana)
    waiting = await scene.book(bia)
    assert waiting.point_id == 1, "the other one is taken for an hour"
    await scene.post.finish(0.1, 2)
    assert await scene.post.begin(ana.name)
    await scene.post.measure(1, 20)
    await scene.post.fail()
    await scene.seen.shows(1, availability="ocupado", operational=False, queueLength=1)
    await scene.seen.heard(bia.name, SCHEDULED, "reservationChanged pointFailed")
    moved = await bia.reservation()
    assert moved is not None
    assert moved.point_id == 2
    active = await ana.reservation()
    assert active is not None
    assert active.state == "active", "its charge goes on"
    await scene.post.finish(1.5)
    await scene.seen.shows(1, availability="livre", operational=False, queueLength=0, session=None)
    await scene.post.recover()
    await scene.seen.shows(1, availability="livre", operational=True)
    await scene.seen.heard(ana.name, SCHEDULED, FINISHED)
    assert scene.seen.history() == [("completed", 1.5, 1)]


async def test_what_is_out_of_order_takes_no_reservations(scene: Scene) -> None:
    ana = await scene.vehicle()
    for point in POWERS:
        await scene.post.fail(point)
    with pytest.raises(NotFound):
        await scene.book(ana)
    await scene.post.recover(2)
    assert (await scene.book(ana)).point_id == 2
    await scene.seen.shows(1, operational=False)
    await scene.seen.shows(2, operational=True, availability="reservado")


async def test_a_vehicle_gives_up_while_it_charges(scene: Scene) -> None:
    ana = await scene.vehicle()
    await scene.book(ana)
    assert await scene.post.begin(ana.name)
    await scene.post.measure(2, 22)
    active = await ana.reservation()
    assert active is not None
    await ana.cancel(active)
    await scene.seen.heard(ana.name, SCHEDULED, "reservationFinished vehicleLeft")
    await scene.seen.charges(2, 22)
    await scene.post.finish(2.25)
    await scene.seen.shows(1, availability="livre", queueLength=0, session=None)
    assert scene.seen.history() == [("completed", 2, 1)]


async def test_a_connection_that_is_lost_while_a_vehicle_charges(scene: Scene) -> None:
    ana, bia = await scene.vehicle(), await scene.vehicle()
    await scene.book(ana)
    assert await scene.post.begin(ana.name)
    await scene.post.go_offline()
    await until(lambda: scene.seen.presence == [True, False])
    await scene.post.go_online()
    await until(lambda: scene.seen.presence == [True, False, True])
    await scene.seen.charges()
    await scene.post.finish(4.5)
    start = datetime.now(UTC) - timedelta(hours=3)
    await scene.post.tell_of(bia.name, start, start + timedelta(hours=1), 7.25)
    await scene.seen.shows(1, availability="livre", queueLength=0, session=None)
    await scene.seen.heard(ana.name, SCHEDULED, FINISHED)
    await scene.seen.heard(bia.name, "reservationFinished chargedOffline")
    assert scene.seen.history() == [("completed", 4.5, 1), ("completed", 7.25, 1)]


async def test_a_point_that_an_operator_deletes(scene: Scene) -> None:
    ana = await scene.vehicle()
    await scene.book(ana, point=2)
    await scene.seen.ask("deleteChargingPoint", chargingStationID=scene.seen.station_id, chargingPointID=2)
    await scene.seen.heard(ana.name, SCHEDULED, "reservationCancelled pointDeleted")
    assert not await scene.post.begin(ana.name, 2)
    assert await scene.post.begin(ana.name), "the other one is still there"
    await scene.seen.charges()
    assert scene.seen.history() == [("cancelled", None, 2)]


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A network in which a quarter of an hour takes five seconds."""
    with Stack(tmp_path_factory.mktemp("same-fast"), clock_speed="180") as running:
        yield running


@pytest.fixture(scope="module")
def fast_gateway(fast: Stack) -> Iterator[OcppGatewayProcess]:
    with OcppGatewayProcess(fast) as process:
        yield process


@pytest.fixture
async def fast_scene(fast: Stack, fast_gateway: OcppGatewayProcess, kind: Kind) -> AsyncIterator[Scene]:
    async with scene_of(kind, fast, fast_gateway) as scene:
        yield scene


async def test_a_vehicle_that_does_not_come(fast_scene: Scene) -> None:
    scene = fast_scene
    ana, bia = await scene.vehicle(), await scene.vehicle()
    assert await scene.post.begin(bia.name), "so this post tells when vehicles come"
    await scene.post.finish(1)
    await scene.book(ana)
    for account in (ana.name, scene.spot.name):
        await scene.seen.heard(account, SCHEDULED, "reservationNoShow noShow")
    await scene.seen.shows(1, availability="livre", queueLength=0, session=None)
    assert scene.seen.history() == [("noShow", None, 1)]


async def test_a_post_that_stays_away(fast_scene: Scene) -> None:
    scene = fast_scene
    ana, bia = await scene.vehicle(), await scene.vehicle()
    assert await scene.post.begin(bia.name), "so nobody waits for a vehicle that nobody can tell of"
    await scene.post.finish(1)
    early = await scene.book(bia)
    await scene.book(ana, point=2, not_before=early.start + timedelta(minutes=40))
    await bia.cancel(early)
    await scene.post.go_offline()
    await scene.seen.heard(ana.name, SCHEDULED, "reservationCancelled pointFailed")
    await scene.post.go_online()
    await until(lambda: scene.seen.presence == [True, False, True])
    await scene.seen.shows(1, availability="livre", queueLength=0)
    assert (await scene.book(ana)).point_id == 1
    assert scene.seen.history() == [("cancelled", None, 1), ("cancelled", None, 2)]
