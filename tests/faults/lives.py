"""Lives of a network: all actions, presence, clocks, restarts and disk failures, beside the model."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.faults.beside_model import BesideModel, Trouble
from tests.kit.model.answers import Request
from tests.kit.model.records import MARGIN, Record
from tests.kit.model.turn import Turn

clients = st.sampled_from(
    ["ana", "ana", "bia", "7", "gateway", "gateway-2", "operator", "operator-x", "monitor-1", "cloud_service"]
)
askers = st.one_of(st.none(), st.none(), st.none(), clients)
"""None is the owner of the station in question."""
owners = st.sampled_from(["ana", "ana", "bia", "7", "gateway", "carla"])
coordinates = st.sampled_from([0, 1, 3, 4, 5, 5.0, 10, -0.0, 2.5])
"""On a line, so that distances, and the times that the way there takes, are round."""
picks = st.integers(0, 20)
powers = st.sampled_from([10, 10, 20.0, 40, 150])
prices = st.sampled_from([0, 1, 1, 0.75, 2])
availabilities = st.sampled_from(["livre", "livre", "ocupado", "reservado"])
percentages = st.sampled_from([0, 50, 75, 80])
capacities = st.sampled_from([5, 10, 20, 60])
names = st.sampled_from(["a", "b", "c", "d", "e", "f", "7"])
vehicles = st.sampled_from([None, None, "ana", "bia", "7", 7, "007", "a", "Zé 1"])
tariffs = st.sampled_from(
    [
        [{"start_time": "18:00", "end_time": "06:00", "kWhPrice": 0.5}],
        [
            {"day_of_week": ["SUNDAY"], "kWhPrice": 1.5},
            {"start_time": "13:00", "end_time": "14:00", "kWhPrice": 0.25},
        ],
        None,
    ]
)


def optional(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Record]:
    return st.fixed_dictionaries({}, optional=keys)


descriptions = optional(
    operational=st.booleans(), tariff=tariffs, connector=st.sampled_from(["CHADEMO", "IEC_62196_T2", None])
)
wishes: st.SearchStrategy[Record] = st.one_of(
    st.just({}),
    st.just({"flexible": True}),
    optional(
        objective=st.sampled_from(["nearest", "earliest", "soonest", "cheapest"]),
        speed=st.sampled_from([30, 60]),
        range=st.sampled_from([2, 5, 10]),
        maxDistance=st.sampled_from([1, 4.5, 10]),
        minPower=st.sampled_from([10, 20, 40]),
        maxPrice=st.sampled_from([0.5, 1, 2]),
        chargingStationID=st.integers(1, 4),
        connector=st.just("CHADEMO"),
        flexible=st.booleans(),
    ),
)


class Lives(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.both = self.pair()
        self.held: list[Request] = []
        self.holding = 0

    def pair(self) -> BesideModel:
        """The service and the model."""
        return BesideModel()

    @property
    def network(self) -> Any:
        return self.both.model.network

    def ask(self, client: str, action: str, **values: Any) -> None:
        """Asks both, at once or together with the next requests; one batch has one of each client."""
        given = {key: value for key, value in values.items() if value is not None}
        if any(request.client == client for request in self.held):
            self.flush()
        self.held.append(Request(client, action, given))
        if len(self.held) > self.holding:
            self.flush()

    def flush(self) -> None:
        held, self.held, self.holding = self.held, [], 0
        if held:
            self.both.ask(*held)

    @rule(count=st.integers(1, 3))
    def hold(self, count: int) -> None:
        """The next requests arrive together."""
        self.holding = count

    @initialize(
        powers=st.lists(st.lists(powers, min_size=1, max_size=3), min_size=1, max_size=3),
        booked=st.lists(names, max_size=7, unique=True),
        flexible=st.booleans(),
        tells=st.booleans(),
    )
    def a_few_stations(
        self, powers: list[list[float]], booked: list[str], flexible: bool, tells: bool
    ) -> None:
        for at, (owner, of_points) in enumerate(zip(("ana", "gateway", "bia"), powers, strict=False)):
            self.ask(owner, "newChargingStation", x_position=at, y_position=0)
            for power in of_points:
                self.new_point(None, at, power, 1, "livre", {})
        for station, point in sorted(self.network.points) if tells else ():
            for action in ("startCharging", "finishCharging"):
                values = {"chargingStationID": station, "chargingPointID": point}
                self.ask(self.asker(None, station), action, **values)
        self.schedule_many(booked, 0, 10, {"flexible": flexible})

    def one_of(self, keys: Iterable[Any], pick: int, missing: Any) -> Any:
        """One of the keys that there are, or the one that is not."""
        known = [*sorted(keys), missing]
        return known[pick % len(known)]

    def asker(self, client: str | None, station: int) -> str:
        known = self.network.stations.get(station)
        return client or ("ana" if known is None else str(known.owner))

    @rule(client=clients, x=coordinates)
    def new_station(self, client: str, x: float) -> None:
        self.ask(client, "newChargingStation", x_position=x, y_position=0)

    @rule(client=askers, pick=picks, x=coordinates)
    def update_station(self, client: str | None, pick: int, x: float) -> None:
        number = self.one_of(self.network.stations, pick, 99)
        values = {"chargingStationID": number, "x_position": x, "y_position": 0}
        self.ask(self.asker(client, number), "updateChargingStation", **values)

    @rule(client=askers, pick=picks)
    def delete_station(self, client: str | None, pick: int) -> None:
        number = self.one_of(self.network.stations, pick, 99)
        self.ask(self.asker(client, number), "deleteChargingStation", chargingStationID=number)

    @rule(
        client=askers,
        pick=picks,
        power=powers,
        price=prices,
        availability=availabilities,
        described=descriptions,
    )
    def new_point(
        self,
        client: str | None,
        pick: int,
        power: float,
        price: float,
        availability: str,
        described: Record,
    ) -> None:
        number = self.one_of(self.network.stations, pick, 99)
        values = {"power": power, "kWhPrice": price, "availability": availability, **described}
        self.ask(self.asker(client, number), "newChargingPoint", chargingStationID=number, **values)

    @rule(
        client=askers,
        pick=picks,
        power=powers,
        price=prices,
        availability=availabilities,
        described=descriptions,
    )
    def update_point(
        self,
        client: str | None,
        pick: int,
        power: float,
        price: float,
        availability: str,
        described: Record,
    ) -> None:
        station, point = self.one_of(self.network.points, pick, (1, 99))
        values = {"chargingPointID": point, "power": power, "kWhPrice": price, "availability": availability}
        asker = self.asker(client, station)
        self.ask(asker, "updateChargingPoint", chargingStationID=station, **values, **described)

    @rule(client=askers, pick=picks)
    def delete_point(self, client: str | None, pick: int) -> None:
        station, point = self.one_of(self.network.points, pick, (1, 99))
        values = {"chargingPointID": point, "chargingStationID": station}
        self.ask(self.asker(client, station), "deleteChargingPoint", **values)

    @rule(client=askers, pick=picks, page=optional(limit=st.integers(1, 3), offset=st.integers(0, 2)))
    def list_both(self, client: str | None, pick: int, page: Record) -> None:
        number = self.one_of(self.network.stations, pick, 99)
        asker = self.asker(client, number)
        self.ask(asker, "receiveAllChargingPoints", chargingStationID=number, **page)
        self.ask(asker, "receiveAllReservations", chargingStationID=number, **page)

    @rule(client=clients, vid=vehicles, x=coordinates, percent=percentages, kwh=capacities, wished=wishes)
    def schedule(self, client: str, vid: Any, x: float, percent: float, kwh: float, wished: Record) -> None:
        values = {"x": x, "y": 0, "actualBatteryPercentage": percent, "batteryCapacity": kwh}
        self.ask(client, "scheduleReservation", vid=vid, **values, **wished)

    @rule(booked=st.lists(names, min_size=1, max_size=4), x=coordinates, kwh=capacities, wished=wishes)
    def schedule_many(self, booked: list[str], x: float, kwh: float, wished: Record) -> None:
        for name in booked:
            self.schedule(name, None, x, 0, kwh, wished)

    @rule(
        client=clients,
        x=coordinates,
        kwh=capacities,
        wished=wishes,
        offers=st.sampled_from([None, 1, 2, 10]),
    )
    def quote(self, client: str, x: float, kwh: float, wished: Record, offers: int | None) -> None:
        values = {"x": x, "y": 0, "actualBatteryPercentage": 0, "batteryCapacity": kwh}
        vid = None if client in ("ana", "bia", "7") else "somebody"
        self.ask(client, "quoteReservation", vid=vid, offers=offers, **values, **wished)

    @rule(minutes=st.sampled_from([0, 10, 120]), name=names, kwh=capacities)
    def schedule_for_later(self, minutes: int, name: str, kwh: float) -> None:
        moment = (self.both.now + timedelta(minutes=minutes)).isoformat()
        self.schedule(name, None, 0, 0, kwh, {"notBefore": moment, "flexible": bool(minutes)})

    @rule(pick=picks, once_more=st.booleans())
    def cancel_what_was_booked(self, pick: int, once_more: bool) -> None:
        booked = self.booked(pick)
        if booked is None:
            return
        client = "gateway-2" if booked.legacy else "operator"
        self.ask(client, "findReservation", vid=booked.vehicle_id)
        for _ in range(1 + once_more):
            values = {"reservationID": booked.number, "vehicleID": booked.vehicle_id}
            self.ask(client, "deleteReservation", **values)

    @rule(client=clients, vid=vehicles)
    def find(self, client: str, vid: Any) -> None:
        self.ask(client, "findReservation", vid=vid)

    @rule(client=clients, number=st.integers(1, 3), vid=vehicles)
    def cancel(self, client: str, number: int, vid: Any) -> None:
        self.ask(client, "deleteReservation", reservationID=number, vehicleID=vid)

    @rule(client=askers, pick=picks)
    def cancel_at_the_charger(self, client: str | None, pick: int) -> None:
        booked = self.booked(pick)
        station, point, number = (1, 1, 99) if booked is None else booked.key
        values = {"chargingStationID": station, "chargingPointID": point, "reservationID": number}
        self.ask(self.asker(client, station), "cancelReservation", **values)

    @rule(count=st.integers(1, 2))
    def cancel_before_the_others(self, count: int) -> None:
        """The first of those who wait at the point with the longest queue."""
        queues = [self.network.reserved(key) for key in sorted(self.network.points)]
        longest: list[Any] = max(queues, key=len, default=[])
        for booked in longest[:count]:
            client = "gateway-2" if booked.legacy else "operator"
            values = {"reservationID": booked.number, "vehicleID": booked.vehicle_id}
            self.ask(client, "deleteReservation", **values)

    @rule(client=askers, pick=picks, vehicle=vehicles, hours=st.sampled_from([None, 0.25, 2]))
    def start_charging(self, client: str | None, pick: int, vehicle: Any, hours: float | None) -> None:
        station, point = self.one_of(self.network.points, pick, (1, 99))
        values = {"chargingStationID": station, "chargingPointID": point}
        self.ask(self.asker(client, station), "startCharging", **values, vehicleID=vehicle, hours=hours)

    @rule(
        pick=picks,
        minutes=st.sampled_from([-16, -15, -5, 0, 10]),
        named=st.booleans(),
        elsewhere=st.integers(0, 2),
    )
    def start_what_was_booked(self, pick: int, minutes: int, named: bool, elsewhere: int) -> None:
        """At its own point or at another of its station, this long after its start if that is ahead."""
        booked = self.booked(pick)
        if booked is None:
            return
        self.reach(booked.start + timedelta(minutes=minutes))
        points = sorted(point for station, point in self.network.points if station == booked.station)
        if booked.point not in points:
            return
        point = points[(points.index(booked.point) + elsewhere) % len(points)]
        values = {"chargingStationID": booked.station, "chargingPointID": point}
        vehicle = booked.vehicle_id if named or elsewhere else None
        self.ask(self.asker(None, booked.station), "startCharging", **values, vehicleID=vehicle)

    @rule(pick=picks, minutes=st.sampled_from([-20, -5, 0, 1, 16]), tells=st.booleans())
    def finish_what_was_begun(self, pick: int, minutes: int, tells: bool) -> None:
        """This long after it was meant to end, as chargers do that know of sessions, or as others do."""
        session = self.network.sessions.get(self.one_of(self.network.sessions, pick, None))
        if session is None:
            return
        self.reach(session.until + timedelta(minutes=minutes))
        asker = self.asker(None, session.station)
        values = {"chargingStationID": session.station, "chargingPointID": session.point}
        if tells:
            self.ask(asker, "finishCharging", **values)
        else:
            self.ask(asker, "updateChargingPoint", **values, power=10, kWhPrice=1, availability="livre")

    @rule(pick=picks, minutes=st.sampled_from([-40, -30, -5, 5, 15]), power=powers)
    def break_where_somebody_waits(self, pick: int, minutes: int, power: float) -> None:
        booked = self.booked(pick)
        if booked is None:
            return
        self.reach(booked.start + timedelta(minutes=minutes))
        if booked.point_key not in self.network.points:
            return
        values = {"chargingStationID": booked.station, "chargingPointID": booked.point, "power": power}
        asker = self.asker(None, booked.station)
        values |= {"kWhPrice": 1, "availability": "livre", "operational": False}
        self.ask(asker, "updateChargingPoint", **values)

    def booked(self, pick: int) -> Any:
        """One of the reservations that there are, if there are any."""
        return self.network.reservations.get(self.one_of(self.network.reservations, pick, None))

    def reach(self, moment: datetime) -> None:
        self.flush()
        self.both.pass_time(max(timedelta(), moment - self.both.now))

    @rule(client=askers, pick=picks, energy=st.sampled_from([None, 3.5]), anywhere=st.booleans())
    def finish_charging(self, client: str | None, pick: int, energy: float | None, anywhere: bool) -> None:
        keys = self.network.points if anywhere else self.network.sessions
        station, point = self.one_of(keys, pick, (1, 99))
        values = {"chargingStationID": station, "chargingPointID": point}
        self.ask(self.asker(client, station), "finishCharging", **values, energy=energy)

    @rule(
        client=askers,
        pick=picks,
        energy=st.sampled_from([0, 1, 2.5, 4]),
        power=st.sampled_from([None, 0, 7.5]),
        anywhere=st.booleans(),
    )
    def meter_charging(
        self, client: str | None, pick: int, energy: float, power: float | None, anywhere: bool
    ) -> None:
        keys = self.network.points if anywhere else self.network.sessions
        station, point = self.one_of(keys, pick, (1, 99))
        values = {"chargingStationID": station, "chargingPointID": point}
        self.ask(self.asker(client, station), "meterCharging", **values, energy=energy, power=power)

    @rule(
        client=askers,
        pick=picks,
        ago=st.sampled_from([-5, 10, 90]),
        lasts=st.sampled_from([0, 10, 60]),
        energy=st.sampled_from([2.5, 4]),
        vehicle=vehicles,
    )
    def record_charging(
        self, client: str | None, pick: int, ago: int, lasts: int, energy: float, vehicle: Any
    ) -> None:
        """A charge that ended some minutes ago."""
        self.flush()
        station, point = self.one_of(self.network.points, pick, (1, 99))
        finish = self.both.now - timedelta(minutes=ago)
        start = finish - timedelta(minutes=lasts)
        times = {"startDateTime": start.isoformat(), "finishDateTime": finish.isoformat()}
        values = {"chargingStationID": station, "chargingPointID": point, "energy": energy, **times}
        self.ask(self.asker(client, station), "recordCharging", **values, vehicleID=vehicle)

    @rule(owner=owners, online=st.sampled_from([True, False, False, None]))
    def presence(self, owner: str, online: bool | None) -> None:
        self.flush()
        self.both.note_presence(owner, online)

    @rule(passed=st.sampled_from([0, 0.5, 5, 5, 15, 30, 120, 1000, 5000]))
    def time_passes(self, passed: float) -> None:
        self.flush()
        self.both.pass_time(timedelta(minutes=passed))

    @rule(which=st.integers(0, 3), off=st.sampled_from([-1, 0, 0, 1]))
    def until_something_is_due(self, which: int, off: int) -> None:
        """Or a second before it, or after it."""
        self.flush()
        ahead = Turn(self.network, self.both.now).moments_ahead()
        if ahead:
            self.reach(ahead[which % len(ahead)] + timedelta(seconds=off))

    @rule()
    def restart(self) -> None:
        self.flush()
        self.both.restart()

    @rule(kept=st.booleans())
    def crash(self, kept: bool) -> None:
        self.flush()
        self.both.crash(kept)

    @rule(kind=st.sampled_from(["append", "sync"]))
    def disk_fails(self, kind: Trouble) -> None:
        """The next time that something is written."""
        self.flush()
        self.both.trouble.kind, self.both.trouble.left = kind, 1

    @invariant()
    def no_two_overlap(self) -> None:
        """In the service's own tables, whatever the model says."""
        queues: dict[Any, list[Any]] = {}
        for each in self.both.tables.reservations.values():
            queues.setdefault(each.point_key, []).append((each.start, each.finish))
        for queue in queues.values():
            for before, after in pairwise(sorted(queue)):
                assert after[0] >= before[1] + MARGIN, f"{before} and {after} are too close"

    @invariant()
    def each_vehicle_has_one(self) -> None:
        found = [each.vehicle for each in self.both.tables.reservations.values()]
        assert len(found) == len(set(found)), "a vehicle has two reservations"

    def teardown(self) -> None:
        if self.both.agrees:
            self.flush()
            self.both.end()


class WatchfulLives(Lives):
    """Those in which whoever booked flexibly has the earliest start that there is for it."""

    @invariant()
    def nothing_is_missed(self) -> None:
        if self.held or not self.both.engine.writable:
            return
        turn = Turn(self.network, self.both.now)
        for reservation in self.network.reservations.values():
            missed = turn.earlier_place(reservation)
            assert missed is None, f"{reservation} could start earlier: {missed}"


def check_lives(count: int, lives: type[Lives] = Lives, *, shrink: bool = True) -> None:
    """Raises if service and model differ in one of this many lives; with `shrink`, shows a short one."""
    run_state_machine_as_test(
        lives,
        settings=settings(
            max_examples=count,
            stateful_step_count=60,
            deadline=None,
            derandomize=True,
            database=None,
            report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
