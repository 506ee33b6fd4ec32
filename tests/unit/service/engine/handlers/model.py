"""The contract's eleven actions in the plainest form: lists that are searched from end to end.

test_against_model.py sends this and the real handlers the same requests, and compares.
"""

# ruff: noqa: N802, N803  methods and arguments have the names of the actions and their keys

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

MARGIN = timedelta(minutes=5)
LONGEST_HOURS = 30 * 24

Record = dict[str, Any]


class Refused(Exception):
    """A refusal; the text is the error code."""


class Model:
    """Stations, points and reservations as on the wire, and what the wire does not show."""

    def __init__(self) -> None:
        self.stations: dict[int, Record] = {}
        self.owners: dict[int, str] = {}
        self.points: dict[tuple[int, int], Record] = {}
        self.reservations: list[Record] = []
        self.vehicles: dict[tuple[int, int, int], tuple[bool, str]] = {}
        self.largest: dict[tuple[int, ...], int] = {}
        self.events: list[tuple[str, str, tuple[int, int, int], str]] = []

    def ask(self, client: str, action: str, values: Record, now: datetime) -> Any:
        """The result, or Refused. Values are of the right kind."""
        try:
            return self._ask(client, action, values, now)
        except Refused as refusal:
            return refusal

    def _ask(self, client: str, action: str, values: Record, now: datetime) -> Any:
        role = (
            client.split("-")[0] if client.split("-")[0] in ("gateway", "operator", "monitor") else "client"
        )
        reads = ("receiveAllChargingPoints", "receiveAllReservations", "findReservation")
        if client == "cloud_service" or (role == "monitor" and action not in reads):
            raise Refused("FORBIDDEN")
        self.client, self.role, self.now = client, role, now
        self.owner = "gateway" if role == "gateway" else client
        return getattr(self, action)(**values)

    def pass_time(self, now: datetime) -> None:
        for each in [each for each in self.reservations if moment(each, "finishDateTime") <= now]:
            self.leave(each, "reservationFinished", "timePassed")

    def newChargingStation(self, x_position: float, y_position: float) -> int:
        there = self.at(x_position, y_position)
        if there:
            if self.owners[min(there)] != self.owner:
                raise Refused("CONFLICT")
            return min(there)
        number = self.new_id()
        self.stations[number] = {
            "chargingStationID": number,
            "x_position": x_position,
            "y_position": y_position,
        }
        self.owners[number] = self.owner
        return number

    def updateChargingStation(
        self,
        chargingStationID: int,
        x_position: float,
        y_position: float,
    ) -> str:
        station = self.station(chargingStationID)
        there = self.at(x_position, y_position)
        if there and chargingStationID not in there:
            raise Refused("CONFLICT")
        if not there:
            for each in self.booked(chargingStationID):
                self.tell("reservationChanged", "stationMoved", each)
        station.update(x_position=x_position, y_position=y_position)
        return "Sucesso"

    def deleteChargingStation(self, chargingStationID: int) -> str:
        self.station(chargingStationID)
        for each in self.booked(chargingStationID):
            self.leave(each, "reservationCancelled", "stationDeleted")
        self.points = {key: point for key, point in self.points.items() if key[0] != chargingStationID}
        del self.stations[chargingStationID], self.owners[chargingStationID]
        return "Sucesso"

    def newChargingPoint(
        self,
        chargingStationID: int,
        power: float,
        kWhPrice: float,
        availability: str,
    ) -> int:
        self.station(chargingStationID)
        number = self.new_id(chargingStationID)
        self.points[chargingStationID, number] = {
            "chargingPointID": number,
            "chargingStationID": chargingStationID,
            "power": power,
            "kWhPrice": kWhPrice,
            "availability": availability,
        }
        return number

    def updateChargingPoint(
        self,
        chargingPointID: int,
        chargingStationID: int,
        power: float,
        kWhPrice: float,
        availability: str,
    ) -> str:
        point = self.point(chargingStationID, chargingPointID)
        point.update(power=power, kWhPrice=kWhPrice, availability=availability)
        if availability == "livre" and self.booked(chargingStationID, chargingPointID):
            point["availability"] = "reservado"
        return "Sucesso"

    def deleteChargingPoint(self, chargingPointID: int, chargingStationID: int) -> str:
        self.point(chargingStationID, chargingPointID)
        for each in self.booked(chargingStationID, chargingPointID):
            self.leave(each, "reservationCancelled", "pointDeleted")
        del self.points[chargingStationID, chargingPointID]
        return "Sucesso"

    def receiveAllChargingPoints(self, chargingStationID: int) -> list[Record]:
        self.station(chargingStationID)
        return [dict(self.points[key]) for key in sorted(self.points) if key[0] == chargingStationID]

    def receiveAllReservations(self, chargingStationID: int) -> list[Record]:
        self.station(chargingStationID)
        return self.booked(chargingStationID)

    def scheduleReservation(
        self,
        x: float,
        y: float,
        actualBatteryPercentage: float,
        batteryCapacity: float,
        vid: Any = None,
    ) -> Record:
        vehicle, vehicle_id = self.vehicle(vid)
        there = [each for each in self.reservations if self.vehicles[key_of(each)] == vehicle]
        if there:
            return there[0]
        distances = sorted(
            (
                (written(x) - written(station["x_position"])) ** 2
                + (written(y) - written(station["y_position"])) ** 2,
                number,
            )
            for number, station in self.stations.items()
            if any(key[0] == number for key in self.points)
        )
        if not distances:
            raise Refused("NOT_FOUND")
        station_id = distances[0][1]
        energy = written(batteryCapacity) * (100 - written(actualBatteryPercentage)) / 100
        choices = []
        for (station_of_point, number), point in self.points.items():
            hours = float(energy / written(point["power"]))
            if station_of_point == station_id and hours <= LONGEST_HOURS:
                start = self.earliest_start(station_id, number, timedelta(hours=hours))
                choices.append((start, point["availability"] != "livre", number, hours))
        if not choices:
            raise Refused("BAD_REQUEST")
        start, _, number, hours = min(choices)
        point = self.points[station_id, number]
        reservation = {
            "reservationID": self.new_id(station_id, number),
            "chargingStationID": station_id,
            "chargingPointID": number,
            "chargingPointPower": point["power"],
            "kWhPrice": point["kWhPrice"],
            "vehicleID": vehicle_id,
            "startDateTime": start.isoformat(),
            "finishDateTime": (start + timedelta(hours=hours)).isoformat(),
            "duration": hours,
            "price": float(energy * written(point["kWhPrice"])),
        }
        self.reservations.append(reservation)
        self.vehicles[key_of(reservation)] = vehicle
        if point["availability"] == "livre":
            point["availability"] = "reservado"
        self.tell("reservationScheduled", "requested", reservation)
        return reservation

    def findReservation(self, vid: Any = None) -> Record:
        return self.reservation(vid)

    def deleteReservation(self, reservationID: int, vehicleID: Any = None) -> str:
        reservation = self.reservation(vehicleID)
        if reservation["reservationID"] != reservationID:
            raise Refused("NOT_FOUND")
        self.leave(reservation, "reservationCancelled", "vehicleCancelled")
        return "Sucesso"

    def new_id(self, *scope: int) -> int:
        self.largest[scope] = self.largest.get(scope, 0) + 1
        return self.largest[scope]

    def at(self, x: float, y: float) -> list[int]:
        return [
            number
            for number, station in self.stations.items()
            if (station["x_position"], station["y_position"]) == (x, y)
        ]

    def station(self, number: int) -> Record:
        if number not in self.stations:
            raise Refused("NOT_FOUND")
        if self.owners[number] != self.owner and self.role not in ("operator", "monitor"):
            raise Refused("FORBIDDEN")
        return self.stations[number]

    def point(self, station_id: int, number: int) -> Record:
        self.station(station_id)
        if (station_id, number) not in self.points:
            raise Refused("NOT_FOUND")
        return self.points[station_id, number]

    def vehicle(self, vid: Any) -> tuple[tuple[bool, str], Any]:
        if self.role == "client":
            if vid is not None and str(vid) != self.client:
                raise Refused("FORBIDDEN")
            return (False, self.client), self.client if vid is None else vid
        if vid is None:
            raise Refused("BAD_REQUEST")
        return (self.role == "gateway", str(vid)), vid

    def reservation(self, vid: Any) -> Record:
        vehicle, _ = self.vehicle(vid)
        for each in self.reservations:
            if self.vehicles[key_of(each)] == vehicle:
                return each
        raise Refused("NOT_FOUND")

    def booked(self, station_id: int, point_id: int | None = None) -> list[Record]:
        """By point, and then by start."""
        found = [
            each
            for each in self.reservations
            if each["chargingStationID"] == station_id and point_id in (None, each["chargingPointID"])
        ]
        return sorted(found, key=lambda each: (each["chargingPointID"], moment(each, "startDateTime")))

    def earliest_start(self, station_id: int, point_id: int, duration: timedelta) -> datetime:
        spans = [
            (moment(each, "startDateTime"), moment(each, "finishDateTime"))
            for each in self.booked(station_id, point_id)
        ]
        moments = [self.now + MARGIN, *(finish + MARGIN for _, finish in spans)]
        return min(
            start
            for start in moments
            if start >= self.now + MARGIN
            and all(
                finish + MARGIN <= start or start + duration + MARGIN <= begins for begins, finish in spans
            )
        )

    def tell(self, kind: str, reason: str, reservation: Record) -> None:
        owner = self.owners[reservation["chargingStationID"]]
        self.events.append((kind, reason, key_of(reservation), owner))

    def leave(self, reservation: Record, kind: str, reason: str) -> None:
        self.tell(kind, reason, reservation)
        self.reservations.remove(reservation)
        station_id, point_id, _ = key_of(reservation)
        point = self.points[station_id, point_id]
        if point["availability"] == "reservado" and not self.booked(station_id, point_id):
            point["availability"] = "livre"


def written(number: float) -> Fraction:
    """The decimal number as a client writes it."""
    return Fraction(repr(number))


def key_of(reservation: Record) -> tuple[int, int, int]:
    return (
        reservation["chargingStationID"],
        reservation["chargingPointID"],
        reservation["reservationID"],
    )


def moment(reservation: Record, key: str) -> datetime:
    return datetime.fromisoformat(reservation[key])
