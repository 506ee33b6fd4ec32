"""All eleven actions, in any order and by any account, against a plain model of the contract."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cloud_service.core.changes import Changes
from cloud_service.core.network import Network, Tables
from cloud_service.protocol.actions import CLIENT_ACTIONS
from cloud_service.protocol.errors import RequestError
from cloud_service.protocol.requests import make_request
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.dispatch import dispatch
from cloud_service.service.engine.handlers import bind_handlers
from cloud_service.service.engine.handlers.reservations import finish_reservations
from tests.kit.records import NOW, minutes
from tests.unit.service.engine.handlers.model import MARGIN, Model, Refused, key_of, moment

HANDLERS = bind_handlers(timedelta(days=30))

clients = st.sampled_from(
    ["ana", "ana", "bia", "7", "gateway", "gateway-2", "operator", "operator-x", "monitor-1", "cloud_service"]
)
coordinates = st.sampled_from([0, 1, 3, 4, 5, 5.0, -0.0, 2.5, 1e300, -(10**20)])
askers = st.one_of(st.none(), st.none(), st.none(), clients)
"""None is the owner of the station in question."""
picks = st.integers(0, 20)
numbers = st.integers(1, 3)
names = st.sampled_from(["a", "b", "c", "d", "e", "f"])
powers = st.sampled_from([7, 22.0, 50, 150, 0.05])
prices = st.sampled_from([0, 1, 0.75])
availabilities = st.sampled_from(["livre", "livre", "ocupado", "reservado"])
percentages = st.sampled_from([0, 10, 50.5, 80, 99, 99.9])
capacities = st.sampled_from([10, 38.5, 60, 100])
vehicles = st.sampled_from([None, None, "ana", "bia", "7", 7, "007", "Zé 1"])


class Actions(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.network = Network()
        self.model = Model()
        self.now = NOW
        self.events: list[tuple[str, str, tuple[int, int, int], str]] = []

    def ask(self, client: str, action: str, **values: Any) -> Any:
        """Asks both, and returns the answer that both give."""
        given = {key: value for key, value in values.items() if value is not None}
        row = CLIENT_ACTIONS[action]
        request, caller = make_request(row.request, given), Caller(client)
        expected = self.model.ask(client, action, given, self.now)
        if isinstance(expected, Refused):
            with pytest.raises(RequestError) as refused:
                dispatch(row, HANDLERS, self.network, request, caller, self.now)
            assert refused.value.code == str(expected)
            return None
        decision = dispatch(row, HANDLERS, self.network, request, caller, self.now)
        assert repr(decision.result) == repr(expected)
        self.apply(decision.changes)
        return expected

    def apply(self, changes: Changes) -> None:
        before = self.network.tables.snapshot()
        undo = self.network.apply(changes)
        after = self.network.tables.snapshot()
        self.network.apply(undo)
        assert self.network.tables == before
        self.network.apply(changes)
        assert self.network.tables == after
        self.events += [
            (event.type, event.reason, event.reservation.key, event.owner) for event in changes.events
        ]
        assert all(event.at == self.now for event in changes.events)

    @initialize(powers=st.lists(st.lists(powers, min_size=1, max_size=3), min_size=1, max_size=4))
    def a_few_stations(self, powers: list[list[float]]) -> None:
        for at, (owner, of_points) in enumerate(zip(("ana", "gateway", "bia", "ana"), powers, strict=False)):
            self.new_station(owner, at, 0)
            for power in of_points:
                self.new_point(None, at, power, 1, "livre")

    @rule(client=clients, x=coordinates, y=coordinates)
    def new_station(self, client: str, x: float, y: float) -> None:
        self.ask(client, "newChargingStation", x_position=x, y_position=y)

    def one_of(self, keys: Iterable[Any], pick: int, missing: Any) -> Any:
        """One of the keys that there are, or the one that is not."""
        known = [*sorted(keys), missing]
        return known[pick % len(known)]

    def asker(self, client: str | None, station: int) -> str:
        return client or self.model.owners.get(station, "ana")

    @rule(client=askers, pick=picks, x=coordinates, y=coordinates)
    def update_station(self, client: str | None, pick: int, x: float, y: float) -> None:
        number = self.one_of(self.model.stations, pick, 99)
        values = {"chargingStationID": number, "x_position": x, "y_position": y}
        self.ask(self.asker(client, number), "updateChargingStation", **values)

    @rule(client=askers, pick=picks)
    def delete_station(self, client: str | None, pick: int) -> None:
        number = self.one_of(self.model.stations, pick, 99)
        self.ask(self.asker(client, number), "deleteChargingStation", chargingStationID=number)

    @rule(client=askers, pick=picks, power=powers, price=prices, availability=availabilities)
    def new_point(self, client: str | None, pick: int, power: float, price: float, availability: str) -> None:
        number = self.one_of(self.model.stations, pick, 99)
        values = {"power": power, "kWhPrice": price, "availability": availability}
        self.ask(self.asker(client, number), "newChargingPoint", chargingStationID=number, **values)

    @rule(client=askers, pick=picks, power=powers, availability=availabilities)
    def update_point(self, client: str | None, pick: int, power: float, availability: str) -> None:
        station, point = self.one_of(self.model.points, pick, (1, 99))
        values = {"chargingPointID": point, "power": power, "kWhPrice": 2, "availability": availability}
        self.ask(self.asker(client, station), "updateChargingPoint", chargingStationID=station, **values)

    @rule(client=askers, pick=picks)
    def delete_point(self, client: str | None, pick: int) -> None:
        station, point = self.one_of(self.model.points, pick, (1, 99))
        values = {"chargingPointID": point, "chargingStationID": station}
        self.ask(self.asker(client, station), "deleteChargingPoint", **values)

    @rule(client=askers, pick=picks)
    def list_both(self, client: str | None, pick: int) -> None:
        number = self.one_of(self.model.stations, pick, 99)
        asker = self.asker(client, number)
        self.ask(asker, "receiveAllChargingPoints", chargingStationID=number)
        self.ask(asker, "receiveAllReservations", chargingStationID=number)

    @rule(client=clients, vid=vehicles, x=coordinates, y=coordinates, percent=percentages, kwh=capacities)
    def schedule(self, client: str, vid: Any, x: float, y: float, percent: float, kwh: float) -> None:
        values = {"x": x, "y": y, "actualBatteryPercentage": percent, "batteryCapacity": kwh}
        self.ask(client, "scheduleReservation", vid=vid, **values)

    @rule(booked=st.lists(names, max_size=6), x=coordinates, kwh=capacities)
    def schedule_many(self, booked: list[str], x: float, kwh: float) -> None:
        for name in booked:
            self.schedule("operator", name, x, 0, 10, kwh)

    @rule(pick=picks, once_more=st.booleans())
    def cancel_what_was_booked(self, pick: int, once_more: bool) -> None:
        key = self.one_of(self.model.vehicles, pick, None)
        if key is None or key not in map(key_of, self.model.reservations):
            return
        legacy, vehicle = self.model.vehicles[key]
        client = "gateway-2" if legacy else "operator"
        assert self.ask(client, "findReservation", vid=vehicle) is not None
        for _ in range(1 + once_more):
            self.ask(client, "deleteReservation", reservationID=key[2], vehicleID=vehicle)

    @rule(client=clients, vid=vehicles)
    def find(self, client: str, vid: Any) -> None:
        self.ask(client, "findReservation", vid=vid)

    @rule(client=clients, number=numbers, vid=vehicles)
    def cancel(self, client: str, number: int, vid: Any) -> None:
        self.ask(client, "deleteReservation", reservationID=number, vehicleID=vid)

    @rule(passed=st.sampled_from([0, 0.5, 5, 30, 120, 1000]))
    def time_passes(self, passed: float) -> None:
        self.now += minutes(passed)
        self.model.pass_time(self.now)
        self.apply(finish_reservations(self.network, self.now))

    @invariant()
    def both_hold_the_same(self) -> None:
        tables = self.network.tables
        assert {key: each.public() for key, each in tables.stations.items()} == self.model.stations
        assert {key: each.owner for key, each in tables.stations.items()} == self.model.owners
        assert {key: each.public() for key, each in tables.points.items()} == self.model.points
        expected = {key_of(each): each for each in self.model.reservations}
        assert {key: each.public() for key, each in tables.reservations.items()} == expected
        assert sorted(self.events) == sorted(self.model.events)

    @invariant()
    def no_two_overlap(self) -> None:
        stations = {each["chargingStationID"] for each in self.model.reservations}
        for number in stations:
            booked = self.model.booked(number)
            for one, next_one in pairwise(booked):
                if one["chargingPointID"] == next_one["chargingPointID"]:
                    assert moment(one, "finishDateTime") + MARGIN <= moment(next_one, "startDateTime")

    @invariant()
    def each_vehicle_has_one(self) -> None:
        vehicles = [each.vehicle for each in self.network.tables.reservations.values()]
        assert len(vehicles) == len(set(vehicles))

    def teardown(self) -> None:
        """The indexes say what a network newly built from the tables says."""
        tables = self.network.tables
        fresh = Network(Tables(tables.stations, tables.points, tables.reservations, tables.last_station_id))
        for network in (self.network, fresh):
            assert list(network.finished(self.now + timedelta(days=1000))) == sorted(
                tables.reservations.values(), key=lambda each: (each.finish, each.key)
            )
        for x in (0, 3.5, 5, 1e300):
            assert self.network.nearest_station(x, 1) == fresh.nearest_station(x, 1)
            assert self.network.station_at(x, 0) == fresh.station_at(x, 0)


Actions.TestCase.settings = settings(max_examples=100, stateful_step_count=60, deadline=None)
TestActions = Actions.TestCase
