"""The counts for metrics follow the changes, and are those of a count from the beginning."""

from collections import Counter

from cloud_service.core.rules import DEFAULT_RULES
from tests.unit.service.engine.bench import Bench


def bench_with_points() -> Bench:
    """Two stations of Ana with two points each and one of Bia, counted before anything happens."""
    bench = Bench()
    bench.station("ana", points=2)
    bench.station("ana", x=10, points=2)
    bench.station("bia", x=20)
    agrees(bench)
    return bench


def agrees(bench: Bench) -> tuple[Counter[str], int]:
    """The points by availability and those out of order, after comparing them with the network's records."""
    network, counts = bench.engine.network, bench.engine.counts(bench.now)
    away = {
        absence.owner for absence in network.absences() if absence.since + DEFAULT_RULES.offline <= bench.now
    }
    points = network.tables.points.values()
    by_availability = Counter(str(point.availability) for point in points)
    out_of_order = sum(
        not point.operational or network.tables.stations[point.station_id].owner in away for point in points
    )
    assert +Counter(counts.points) == by_availability
    assert counts.points_out_of_order == out_of_order
    return by_availability, out_of_order


def update(bench: Bench, point: int, **values: object) -> None:
    keys = {"chargingStationID": 1, "chargingPointID": point, "power": 10, "kWhPrice": 1}
    bench.ask("ana", "updateChargingPoint", **{**keys, "availability": "livre", **values})


def test_availabilities_are_counted_by_the_changes() -> None:
    bench = bench_with_points()
    bench.book("car")
    assert agrees(bench)[0] == {"livre": 4, "reservado": 1}
    update(bench, 2, availability="ocupado")
    assert agrees(bench)[0] == {"livre": 3, "reservado": 1, "ocupado": 1}
    bench.turn(hours=2)
    assert agrees(bench)[0] == {"livre": 4, "ocupado": 1}
    bench.ask("ana", "deleteChargingPoint", chargingStationID=1, chargingPointID=2)
    bench.ask("ana", "deleteChargingStation", chargingStationID=2)
    bench.station("ana", x=30, points=3)
    assert agrees(bench)[0] == {"livre": 5}


def test_a_batch_of_many_requests_is_counted_as_each_by_itself() -> None:
    bench = bench_with_points()
    point = {"chargingStationID": 1, "power": 10, "kWhPrice": 1, "availability": "livre"}
    bench.send("ana", "newChargingPoint", **point, operational=False)
    bench.send("ana", "updateChargingPoint", chargingPointID=3, **point, operational=True)
    bench.send("ana", "updateChargingPoint", chargingPointID=1, **point, operational=False)
    bench.send("ana", "updateChargingPoint", chargingPointID=2, **point, operational=False)
    bench.send("ana", "deleteChargingPoint", chargingStationID=1, chargingPointID=2)
    assert [answer.outcome for answer in bench.turn().answers] == ["ok"] * 5
    assert agrees(bench) == ({"livre": 5}, 1)


def test_points_of_an_owner_that_is_away_are_out_of_order() -> None:
    bench = bench_with_points()
    update(bench, 1, operational=False)
    bench.engine.note_presence("ana", False, bench.now)
    bench.turn()
    assert agrees(bench)[1] == 1
    bench.now += DEFAULT_RULES.offline
    bench.turn()
    assert agrees(bench)[1] == 4
    bench.ask("ana", "deleteChargingStation", chargingStationID=2)
    update(bench, 1)
    assert agrees(bench)[1] == 2
    bench.engine.note_presence("ana", True, bench.now)
    bench.turn()
    assert agrees(bench)[1] == 0
