"""Networks of any size, as a checkpoint leaves them, and the requests of their vehicles."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from cloud_service.core.records import Point, Reservation, Station
from cloud_service.core.tables import Tables
from cloud_service.store.checkpoint import Checkpoint
from cloud_service.store.checkpoint_writer import CheckpointWriter, JournalTail
from cloud_service.store.filesystem import DiskFolder, replace_file
from cloud_service.store.names import segment_name

SHORT = timedelta(minutes=3)
"""How long the reservations of such a network last: short, so that many fit before the booking horizon."""
APART = timedelta(minutes=8)
"""From one start to the next: no other charge fits in between."""
AWAY = 300.0
"""Kilometres from one side of the country to the other."""
TOWN = 5.0
"""Kilometres from the middle of a town within which two thirds of its stations are."""

_vehicles = count(1)


class Shape(Struct, frozen=True):
    """How large a network is. The first `queued` points of each station have `queue` reservations each."""

    stations: int
    points: int = 4
    queued: int = 0
    queue: int = 0

    @property
    def reservations(self) -> int:
        return self.stations * self.queued * self.queue

    def places(self, random: Random) -> Iterator[tuple[float, float]]:
        """Places in towns, as stations and people are: the first town is the largest."""
        middles = Random("towns")
        towns = [
            (middles.uniform(0, AWAY), middles.uniform(0, AWAY)) for _ in range(max(self.stations // 200, 1))
        ]
        while True:
            x, y = towns[min(int(random.expovariate(4 / len(towns))), len(towns) - 1)]
            yield random.gauss(x, TOWN), random.gauss(y, TOWN)

    def make(self, folder: Path) -> None:
        """Writes the network into a new data folder."""
        now = datetime.now(UTC)
        disk = DiskFolder(folder)
        try:
            checkpoint = Checkpoint(sequence=1, checksum="00000001", segment=1, at=now)
            CheckpointWriter(disk, self.tables(now), checkpoint, JournalTail(), 1).write()
            replace_file(disk, segment_name(1), iter(()))
        finally:
            disk.close()

    def bookings(self, vehicles: Iterable[int] = _vehicles) -> Iterator[bytes]:
        """Bodies of `scheduleReservation`, each of another vehicle."""
        places = self.places(Random("vehicles"))
        for vehicle, (x, y) in zip(vehicles, places, strict=False):
            need = {"actualBatteryPercentage": 20, "batteryCapacity": 40}
            yield msgspec.json.encode({"vid": vehicle, "x": round(x, 3), "y": round(y, 3), **need})

    def legacy_bookings(self) -> Iterator[bytes]:
        """The same bookings as old clients send them."""
        for body in self.bookings():
            yield b'{"scheduleReservation":true,' + body[1:]

    def tables(self, now: datetime) -> Tables:
        """All records of the network."""
        tables = Tables(last_station_id=self.stations)
        places = self.places(Random("stations"))
        for number in range(1, self.stations + 1):
            x, y = next(places)
            tables.stations[number] = Station(number, x, y, "owner", self.points)
            for point in range(1, self.points + 1):
                tables.points[number, point] = Point(point, number, 22, 0.5, "livre")
                if point <= self.queued:
                    _fill(tables, (number, point), self.queue, now)
        return tables


def _fill(tables: Tables, key: tuple[int, int], queue: int, now: datetime) -> None:
    hours = SHORT / timedelta(hours=1)
    for number in range(1, queue + 1):
        start = now + number * APART
        vehicle = f"{key[0]}-{key[1]}-{number}"
        row = Reservation(
            number, *key, 22, 0.5, vehicle, start, start + SHORT, hours, 22 * hours * 0.5, False
        )
        tables.reservations[row.key] = row
    point = tables.points[key]
    tables.points[key] = replace(
        point, availability="reservado" if queue else "livre", last_reservation_id=queue
    )
