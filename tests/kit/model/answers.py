"""The model's answers to the actions."""

# ruff: noqa: N802, N803  methods and arguments have the names of the actions and their keys

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from tests.kit.model import slots
from tests.kit.model.network import Network
from tests.kit.model.records import (
    Point,
    Record,
    Refused,
    Reservation,
    Station,
    Told,
    Vehicle,
    Wishes,
    written,
)
from tests.kit.model.slots import Slot, keeps_margins, price_of
from tests.kit.model.turn import Turn

READS = ("receiveAllChargingPoints", "receiveAllReservations", "findReservation", "quoteReservation")


class Request(Struct, frozen=True):
    """Its values are of the right kind."""

    client: str
    action: str
    values: Record

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return self.action not in READS


class Outcome(Struct):
    """What one turn gives: an answer to each request, and what everybody concerned is told."""

    answers: list[Any] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    ended: list[Reservation] = field(default_factory=list)


class Model:
    """The network, and what it answers. In a turn, time passes, and the requests of a moment are decided."""

    def __init__(self, network: Network | None = None) -> None:
        self.network = network or Network()

    def turn(self, now: datetime, *requests: "Request") -> Outcome:
        turn = Turn(self.network, now)
        turn.settle()
        outcome = Outcome(told=turn.told, ended=turn.ended)
        for request in requests:
            try:
                outcome.answers.append(Asked(turn).by(request))
            except Refused as refusal:
                outcome.answers.append(refusal)
            turn.settle()
        return outcome

    def first_batch(self, now: datetime, *requests: "Request") -> Outcome:
        """What one line of the journal has: a whole turn, unless what has moved in it has to move away."""
        turn = Turn(self.network, now, one_batch=True)
        outcome = Outcome(told=turn.told, ended=turn.ended)
        settled = turn.settle()
        for request in requests if settled else ():
            with suppress(Refused):
                Asked(turn).by(request)
            if not turn.settle():
                break
        return outcome

    def while_refusing(self, now: datetime, *reads: "Request") -> list[Any]:
        """The answers while nothing can be written: each reservation is seen where it moved first."""
        turn = Turn(self.network, now, one_batch=True)
        turn.settle()
        answers: list[Any] = []
        for request in reads:
            try:
                answers.append(Asked(turn).by(request))
            except Refused as refusal:
                answers.append(refusal)
        return answers

    def note_presence(self, owner: str, online: bool | None, now: datetime) -> Outcome:
        """None: the owner has no presence topic."""
        turn = Turn(self.network, now)
        turn.settle()
        Asked(turn).presence(owner, online)
        turn.settle()
        return Outcome(told=turn.told, ended=turn.ended)


class Asked:
    """One request, or one word about somebody's presence."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._network = turn.network
        self._now = turn.now
        self._client = self._role = self._owner = ""

    def by(self, request: Request) -> Any:
        client, action = request.client, request.action
        first = client.split("-")[0]
        self._client, self._role = client, first if first in ("gateway", "operator", "monitor") else "client"
        self._owner = "gateway" if self._role == "gateway" else client
        if client == "cloud_service" or (self._role == "monitor" and action not in READS):
            raise Refused("FORBIDDEN")
        return getattr(self, action)(**request.values)

    def presence(self, owner: str, online: bool | None) -> None:
        since = self._network.offline_since
        if owner == "gateway":  # it speaks for many chargers, whose presence nobody knows
            return
        if online is False:
            since.setdefault(owner, self._now)
        elif owner in since:
            del since[owner]
            for station in sorted(self._network.stations.values(), key=lambda each: each.number):
                if station.owner == owner:
                    for point in self._network.points_of(station.number):
                        self._turn.free(point.key)

    def newChargingStation(self, x_position: float, y_position: float, **described: str | None) -> int:
        there = self._network.station_numbers_at(x_position, y_position)
        if there:
            station = self._network.stations[min(there)]
            if station.owner != self._owner:
                raise Refused("CONFLICT")
        else:
            station = Station(self._network.new_id(), x_position, y_position, self._owner)
        self._network.stations[station.number] = replace(station, **described)
        return station.number

    def updateChargingStation(
        self, chargingStationID: int, x_position: float, y_position: float, **described: str | None
    ) -> str:
        station = self._station(chargingStationID)
        there = self._network.station_numbers_at(x_position, y_position)
        if there and chargingStationID not in there:
            raise Refused("CONFLICT")
        self._network.stations[station.number] = replace(station, x=x_position, y=y_position, **described)
        if not there:
            for each in self._network.scheduled(station.number):
                self._turn.tell("reservationChanged", "stationMoved", each)
        return "Sucesso"

    def deleteChargingStation(self, chargingStationID: int) -> str:
        station = self._station(chargingStationID)
        for point in self._network.points_of(station.number):
            self._delete(point, "stationDeleted")
        del self._network.stations[station.number]
        return "Sucesso"

    def newChargingPoint(
        self,
        chargingStationID: int,
        power: float,
        kWhPrice: float,
        availability: str,
        connector: str | None = None,
        operational: bool = True,
        tariff: list[Record] | None = None,
    ) -> int:
        self._station(chargingStationID)
        point = Point(
            chargingStationID,
            self._network.new_id(chargingStationID),
            power,
            kWhPrice,
            availability,
            connector,
            operational,
            tariff=tuple(tariff or ()),
        )
        self._network.points[point.key] = point
        self._turn.free(point.key)
        return point.number

    def updateChargingPoint(
        self,
        chargingPointID: int,
        chargingStationID: int,
        power: float,
        kWhPrice: float,
        availability: str,
        operational: bool = True,
        **described: Any,
    ) -> str:
        network = self._network
        point = self._point(chargingStationID, chargingPointID)
        if "tariff" in described:
            described["tariff"] = tuple(described["tariff"] or ())
        network.points[point.key] = replace(
            point, power=power, price=kWhPrice, operational=operational, **described
        )
        self._notice(point, availability)
        self._turn.free(point.key)
        return "Sucesso"

    def _notice(self, point: Point, availability: str) -> None:
        """What the availability of a charger that knows nothing else says about a session."""
        network = self._network
        session = network.sessions.get(point.key)
        if session is not None and availability != "ocupado":
            self._turn.end(point.key, "chargingFinished")
        elif session is not None:
            network.sessions[point.key] = replace(session, last_word=self._now)
        elif availability == "ocupado" and point.availability != "ocupado":
            self._turn.begin(point, self._ready(point), None, None)
        booked = bool(network.scheduled(*point.key))
        network.set_availability(
            point.key, "reservado" if availability == "livre" and booked else availability
        )

    def _ready(self, point: Point) -> Reservation | None:
        """The earliest reserved one of a point, if its session may begin."""
        first = next(iter(self._network.reserved(point.key)), None)
        if first is not None and first.start - self._network.times.early_start <= self._now:
            return first
        return None

    def deleteChargingPoint(self, chargingPointID: int, chargingStationID: int) -> str:
        self._delete(self._point(chargingStationID, chargingPointID), "pointDeleted")
        return "Sucesso"

    def _delete(self, point: Point, reason: str) -> None:
        for each in self._network.scheduled(*point.key):
            self._turn.leave(each, "cancelled", "reservationCancelled", reason)
        self._network.sessions.pop(point.key, None)
        del self._network.points[point.key]

    def receiveAllChargingPoints(
        self, chargingStationID: int, limit: int | None = None, offset: int = 0
    ) -> list[Record]:
        self._station(chargingStationID)
        listed = [
            point.public() | self._connector(point) for point in self._network.points_of(chargingStationID)
        ]
        return listed[offset:] if limit is None else listed[offset : offset + limit]

    def receiveAllReservations(
        self,
        chargingStationID: int,
        chargingPointID: int | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Record]:
        self._station(chargingStationID)
        if chargingPointID is not None:
            self._point(chargingStationID, chargingPointID)
        listed = [
            self._seen(each) | self._connector(self._network.points[each.point_key])
            for each in self._network.scheduled(chargingStationID, chargingPointID)
        ]
        return listed[offset:] if limit is None else listed[offset : offset + limit]

    def _connector(self, point: Point) -> Record:
        if self._role == "gateway" or point.connector is None:
            return {}
        return {"connector": point.connector}

    def scheduleReservation(self, vid: Any = None, **wished: Any) -> Record:
        vehicle, vehicle_id = self._vehicle(vid)
        there = self._network.of_vehicle(vehicle)
        if there is not None:
            return self._seen(there)
        wishes = msgspec.convert(wished, Wishes)
        slot = slots.offers(self._network, wishes, self._now)[0]
        return self._seen(self._book(slot, wishes, vehicle_id, vehicle[0]))

    def _book(self, slot: Slot, wishes: Wishes, vehicle_id: Any, legacy: bool) -> Reservation:
        network = self._network
        network.bookings += 1
        reservation = Reservation(
            network.bookings,
            self._now,
            wishes,
            network.new_id(*slot.point.key),
            *slot.point.key,
            slot.point.power,
            slot.kwh_price,
            vehicle_id,
            legacy,
            slot.start,
            slot.finish,
            slot.hours,
            slot.price,
        )
        network.reservations[reservation.booked] = reservation
        if slot.point.availability == "livre":
            network.set_availability(slot.point.key, "reservado")
        self._turn.tell("reservationScheduled", "requested", reservation)
        return reservation

    def quoteReservation(self, vid: Any = None, offers: int = 3, **wished: Any) -> list[Record]:
        self._vehicle(vid)
        found = slots.offers(self._network, msgspec.convert(wished, Wishes), self._now)
        return [slot.offer() for slot in found[:offers]]

    def findReservation(self, vid: Any = None) -> Record:
        return self._seen(self._of_vehicle(vid))

    def deleteReservation(self, reservationID: int, vehicleID: Any = None) -> str:
        leaving = self._of_vehicle(vehicleID)
        if leaving.number != reservationID:
            raise Refused("NOT_FOUND")
        if leaving.state == "active":
            self._turn.leave(leaving, "completed", "reservationFinished", "vehicleLeft")
        else:
            self._turn.leave(leaving, "cancelled", "reservationCancelled", "vehicleCancelled")
        return "Sucesso"

    def cancelReservation(self, chargingStationID: int, chargingPointID: int, reservationID: int) -> str:
        point = self._point(chargingStationID, chargingPointID)
        for each in self._network.scheduled(*point.key):
            if each.number == reservationID:
                self._turn.leave(each, "cancelled", "reservationCancelled", "chargerCancelled")
                return "Sucesso"
        raise Refused("NOT_FOUND")

    def startCharging(
        self,
        chargingStationID: int,
        chargingPointID: int,
        vehicleID: Any = None,
        hours: float | None = None,
    ) -> Record | None:
        network, times = self._network, self._network.times
        point = self._point(chargingStationID, chargingPointID)
        vehicle = None if vehicleID is None else self._named(point, str(vehicleID))
        if point.key in network.sessions:
            raise Refused("CONFLICT")
        if vehicle is not None and any(each.vehicle == vehicle for each in network.sessions.values()):
            raise Refused("CONFLICT")
        first = self._ready(point)
        if first is None or vehicle not in (None, first.vehicle):
            first = self._brought_here(point, vehicle)
        waiting = network.reserved(point.key)
        if first is None and waiting and waiting[0].start <= self._now + times.early_start:
            raise Refused("CONFLICT")
        begun = self._turn.begin(point, first, vehicle, hours)
        return None if begun is None else self._seen(begun)

    def _named(self, point: Point, text: str) -> Vehicle:
        """The vehicle of this name, of the world in which it has a reservation at this station."""
        booked = [each for each in self._network.scheduled(point.station) if str(each.vehicle_id) == text]
        if booked:
            return min(booked, key=lambda each: (each.start, each.key)).vehicle
        return self._role == "gateway", text

    def _brought_here(self, point: Point, vehicle: Vehicle | None) -> Reservation | None:
        """The reservation of the vehicle that stands at this point instead of its own, moved here."""
        network = self._network
        here = None if vehicle is None else network.of_vehicle(vehicle)
        if (
            here is None
            or here.station != point.station
            or here.point == point.number
            or here.start - network.times.early_start > self._now
        ):
            return None
        hours = float(here.wishes.energy / written(point.power))
        spans = [(each.start, each.finish) for each in network.scheduled(*point.key)]
        fits = keeps_margins(here.start, timedelta(hours=hours), spans)
        if not fits or timedelta(hours=hours) > network.times.longest_charge:
            raise Refused("CONFLICT")
        price, kwh_price = price_of(point, here.start, hours, here.wishes.energy)
        station = network.stations[point.station]
        square = network.square(here.wishes, station)
        slot = Slot(station, point, square, 0.0, here.start, here.start, hours, price, kwh_price)
        return self._turn.move(here, "pointChanged", slot, "active")

    def finishCharging(
        self, chargingStationID: int, chargingPointID: int, energy: float | None = None
    ) -> str:
        point = self._point(chargingStationID, chargingPointID)
        if point.key not in self._network.sessions:
            raise Refused("NOT_FOUND")
        self._turn.end(point.key, "chargingFinished")
        return "Sucesso"

    def meterCharging(
        self, chargingStationID: int, chargingPointID: int, energy: float, power: float | None = None
    ) -> str:
        point = self._point(chargingStationID, chargingPointID)
        session = self._network.sessions.get(point.key)
        if session is None:
            raise Refused("NOT_FOUND")
        session = replace(session, last_word=self._now)
        if session.energy is None or session.energy <= energy:
            session = replace(session, energy=energy)
            if power is not None:
                session = replace(session, power=power)
        self._network.sessions[point.key] = session
        return "Sucesso"

    def recordCharging(
        self,
        chargingStationID: int,
        chargingPointID: int,
        startDateTime: str,
        finishDateTime: str,
        energy: float,
        vehicleID: Any = None,
    ) -> str:
        network = self._network
        point = self._point(chargingStationID, chargingPointID)
        start, finish = map(datetime.fromisoformat, (startDateTime, finishDateTime))
        lasts = finish - start
        began_lately = self._now - timedelta(days=366) <= start
        if not (began_lately and finish <= self._now and timedelta() < lasts <= network.times.longest_charge):
            raise Refused("BAD_REQUEST")
        price, kwh_price = price_of(point, start, lasts / timedelta(hours=1), written(energy))
        over = Reservation(
            booked=0,
            booked_at=self._now,
            wishes=Wishes(0, 0, 0, 1),
            number=network.new_id(*point.key),
            station=point.station,
            point=point.number,
            power=point.power,
            kwh_price=kwh_price,
            vehicle_id=network.stations[point.station].owner if vehicleID is None else vehicleID,
            legacy=self._role == "gateway",
            start=start,
            finish=finish,
            duration=float(written(energy) / written(point.power)),
            price=price,
            state="completed",
        )
        self._turn.record(over)
        return "Sucesso"

    def _station(self, number: int) -> Station:
        if number not in self._network.stations:
            raise Refused("NOT_FOUND")
        station = self._network.stations[number]
        if station.owner != self._owner and self._role not in ("operator", "monitor"):
            raise Refused("FORBIDDEN")
        return station

    def _point(self, station: int, number: int) -> Point:
        self._station(station)
        if (station, number) not in self._network.points:
            raise Refused("NOT_FOUND")
        return self._network.points[station, number]

    def _vehicle(self, vid: Any) -> tuple[Vehicle, Any]:
        if self._role == "client":
            if vid is not None and str(vid) != self._client:
                raise Refused("FORBIDDEN")
            return (False, self._client), self._client if vid is None else vid
        if vid is None:
            raise Refused("BAD_REQUEST")
        return (self._role == "gateway", str(vid)), vid

    def _of_vehicle(self, vid: Any) -> Reservation:
        found = self._network.of_vehicle(self._vehicle(vid)[0])
        if found is None:
            raise Refused("NOT_FOUND")
        return found

    def _seen(self, reservation: Reservation) -> Record:
        return reservation.public() if self._role == "gateway" else reservation.told()
