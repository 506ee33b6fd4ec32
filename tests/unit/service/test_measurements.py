"""What the service counts agrees with what has happened."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cloud_service.service.brokers import Links
from cloud_service.service.engine.answers import BatchResult
from cloud_service.service.figures import ServiceFigures
from cloud_service.service.measurements import Measurements, folder_figures
from cloud_service.store.file_store import FileStore, StoreOptions
from tests.kit.simulated_disk import SimulatedFolder
from tests.unit.service.engine.bench import NOON, Bench, FailingStore


def take(measurements: Measurements, bench: Bench, now: datetime | None = None) -> ServiceFigures:
    links = Links(connected=True, reconnects=2, outstanding=7, stale=0)
    measurements.take(bench.engine, links, now or bench.now, now or bench.now)
    assert measurements.latest is not None
    return measurements.latest


class Measured(Bench):
    """A bench whose batches are counted, a second after each arrival."""

    def __init__(self, store: FailingStore | None = None) -> None:
        self.measurements = Measurements(NOON)
        super().__init__(store)

    def turn(self, **later: float) -> BatchResult:
        result = super().turn(**(later or {"seconds": 1}))
        self.measurements.note(result, self.now)
        return result

    @property
    def points(self) -> dict[str, float]:
        return {labels[0]: count for labels, count in take(self.measurements, self).points.items()}


def test_requests_are_counted_by_action_and_outcome() -> None:
    bench = Measured()
    bench.station("post")
    bench.book("car")
    bench.ask("car", "deleteReservation", reservationID=9)
    bench.ask("car", "deleteReservation", reservationID="nine")
    figures = take(bench.measurements, bench)
    assert figures.requests["newChargingStation", "ok"] == 1
    assert figures.requests["deleteReservation", "NOT_FOUND"] == 1
    assert figures.requests["deleteReservation", "BAD_REQUEST"] == 1
    seconds = figures.request_seconds["deleteReservation",]
    assert seconds.cumulative()[-1] == ("+Inf", 2)
    assert seconds.total == pytest.approx(2)
    assert figures.batch_requests.cumulative()[-1] == ("+Inf", 5)
    assert figures.mqtt_reconnects == 2
    assert figures.mqtt_outstanding == 7


def test_what_is_ignored_has_no_label_of_its_senders_choice() -> None:
    bench = Measured()
    bench.send("car", "tellMeEverything")
    bench.turn()
    counted = {labels: count for labels, count in take(bench.measurements, bench).requests.items() if count}
    assert counted == {("none", "ignored"): 1}


def test_points_are_counted_by_availability() -> None:
    bench = Measured()
    station = bench.station("post", points=3)
    assert bench.points == {"livre": 3, "ocupado": 0, "reservado": 0}
    booked = bench.book("car")
    assert bench.points == {"livre": 2, "ocupado": 0, "reservado": 1}
    values = {"chargingStationID": station, "power": 10, "kWhPrice": 1, "availability": "ocupado"}
    bench.ask("post", "updateChargingPoint", chargingPointID=2, **values)
    assert bench.points == {"livre": 1, "ocupado": 1, "reservado": 1}
    bench.ask("car", "deleteReservation", reservationID=booked["reservationID"])
    assert bench.points == {"livre": 2, "ocupado": 1, "reservado": 0}
    bench.ask("post", "deleteChargingPoint", chargingPointID=2, chargingStationID=station)
    assert bench.points == {"livre": 2, "ocupado": 0, "reservado": 0}
    bench.ask("post", "deleteChargingStation", chargingStationID=station)
    assert bench.points == {"livre": 0, "ocupado": 0, "reservado": 0}


def test_the_life_of_reservations_is_counted() -> None:
    bench = Measured()
    station = bench.station("post", points=2)
    there = {"chargingStationID": station, "power": 10, "kWhPrice": 1, "availability": "livre"}
    bench.book("first")
    bench.book("second")
    bench.ask("post", "startCharging", chargingStationID=station, chargingPointID=1, vehicleID="first")
    assert take(bench.measurements, bench).sessions == 1
    bench.ask("post", "updateChargingPoint", chargingPointID=2, operational=False, **there)
    figures = take(bench.measurements, bench)
    assert (figures.points_out_of_order, figures.moves["pointFailed",]) == (1, 1)
    assert figures.due_steps == 1, "the reservation of the point that failed has moved"
    bench.ask("post", "finishCharging", chargingStationID=station, chargingPointID=1)
    bench.turn(hours=2)  # the second one's session should have begun by then
    figures = take(bench.measurements, bench)
    assert figures.sessions == 0
    assert figures.ended == {("completed",): 1, ("cancelled",): 0, ("noShow",): 1}
    assert figures.due_steps == 2
    bench.ask("post", "updateChargingPoint", chargingPointID=2, **there)
    assert take(bench.measurements, bench).points_out_of_order == 0


def test_points_of_an_owner_that_stays_offline_are_out_of_order() -> None:
    bench = Measured()
    bench.station("post", points=2)
    bench.station("other", x=50)

    def out_of_order(**later: float) -> int:
        bench.turn(**later)
        return take(bench.measurements, bench).points_out_of_order

    bench.engine.note_presence("post", online=False, now=bench.now)
    assert out_of_order(minutes=4.9) == 0
    assert out_of_order(minutes=0.1) == 2
    bench.station("post", x=60)
    assert out_of_order() == 3, "one that it registers meanwhile, too"
    bench.engine.note_presence("post", online=True, now=bench.now)
    assert out_of_order() == 0


def test_owners_that_are_offline_are_counted() -> None:
    bench = Measured()
    bench.station("post")
    bench.engine.note_presence("post", online=False, now=bench.now)
    bench.turn()
    assert take(bench.measurements, bench).offline_owners == 1
    bench.engine.note_presence("post", online=True, now=bench.now)
    bench.turn()
    assert take(bench.measurements, bench).offline_owners == 0


def test_points_are_counted_again_after_a_recovery() -> None:
    store = FailingStore()
    bench = Measured(store)
    station = bench.station("post", points=2)
    assert bench.points["livre"] == 2
    store.failing_syncs, store.keeps_on_failure = 1, True
    assert bench.ask("post", "deleteChargingStation", chargingStationID=station) == "STORAGE"
    assert not take(bench.measurements, bench).store_writable
    assert bench.turn(seconds=10).reloaded
    assert bench.points == {"livre": 0, "ocupado": 0, "reservado": 0}
    assert take(bench.measurements, bench).store_writable


def test_bookings_wait_for_their_charge() -> None:
    bench = Measured()
    bench.station("post")
    bench.book("first")
    bench.book("first")
    bench.book("second")
    figures = take(bench.measurements, bench)
    assert figures.booking_wait_seconds.cumulative()[-1] == ("+Inf", 2), "a repeated booking is no new one"
    assert figures.booking_wait_seconds.total == pytest.approx(300 + 300 + 3600 + 300, abs=5)
    assert figures.reservations == 2


def test_the_store_tells_of_syncs_and_checkpoints() -> None:
    bench = Bench()
    measurements = Measurements(NOON)
    folder = SimulatedFolder()
    bench.store = FileStore(folder, StoreOptions(checkpoint_seconds=60), measurements)
    bench.restart()
    begun = take(measurements, bench).sync_seconds.cumulative()[-1][1]
    bench.station("post", points=2)
    figures = take(measurements, bench)
    assert figures.sync_seconds.cumulative()[-1][1] == begun + 3
    assert figures.checkpoint_seconds is None, "none was written since the start"
    bench.engine.close(bench.now)


def test_the_age_of_a_checkpoint_is_that_of_the_networks_time() -> None:
    bench = Bench()
    measurements = Measurements(NOON)
    assert take(measurements, bench).checkpoint_age is None
    measurements.checkpoint_done(NOON, 0.25)
    measurements.checkpoint_failed()
    figures = take(measurements, bench, NOON + timedelta(seconds=90))
    assert (figures.checkpoint_age, figures.checkpoint_seconds, figures.failed_checkpoints) == (90, 0.25, 1)


def test_the_journal_is_all_of_its_segments(tmp_path: Path) -> None:
    (tmp_path / "journal-000001.jsonl").write_bytes(b"12345")
    (tmp_path / "journal-000002.jsonl").write_bytes(b"678")
    (tmp_path / "audit.jsonl").write_bytes(b"90")
    figures = folder_figures(tmp_path)
    assert figures.journal_bytes == 8
    assert figures.free_bytes > 0
