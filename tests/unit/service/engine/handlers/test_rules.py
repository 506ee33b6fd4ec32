"""The rules for chargers and vehicles (docs/mqtt.md) by example: what handlers decide at a given time."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from cloud_service.core.changes import Changes
from cloud_service.core.consequences import Consequences
from cloud_service.core.network import Network
from cloud_service.core.rules import Rules
from cloud_service.protocol.actions import CLIENT_ACTIONS
from cloud_service.protocol.errors import BadRequest, Conflict, Forbidden, NotFound, RequestError
from cloud_service.protocol.requests import make_request
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.dispatch import dispatch
from cloud_service.service.engine.handlers import bind_handlers
from tests.kit.records import NOW, minutes


class World:
    """A network that is asked by name, at a time that the test sets."""

    def __init__(
        self, longest_charge: timedelta = timedelta(days=30), horizon: timedelta = timedelta(days=30)
    ) -> None:
        rules = Rules(longest_charge=longest_charge, horizon=horizon)
        self.network = Network(rules=rules)
        self.now = NOW
        self.events: list[tuple[str, str, Any]] = []
        self._handlers = bind_handlers(rules)

    def ask(self, client: str, action: str, **values: Any) -> Any:
        row = CLIENT_ACTIONS[action]
        request = make_request(row.request, values)
        decision = dispatch(row, self._handlers, self.network, request, Caller(client), self.now)
        self._consequences().make(decision.changes)
        return decision.result

    def pass_time(self, until: datetime) -> None:
        self.now = until
        self._consequences().let_time_pass()

    def _consequences(self) -> Consequences:
        return Consequences(self.network, self.network.rules, self.now, self._apply)

    def _apply(self, changes: Changes) -> None:
        self.network.apply(changes)
        self.events += [(event.type, event.reason, event.reservation.vehicle_id) for event in changes.events]

    def station(self, x: float = 0, y: float = 0, owner: str = "ana") -> int:
        number: int = self.ask(owner, "newChargingStation", x_position=x, y_position=y)
        return number

    def point(
        self,
        station: int = 1,
        power: float = 10,
        price: float = 1,
        availability: str = "livre",
        owner: str = "ana",
    ) -> int:
        values = {"power": power, "kWhPrice": price, "availability": availability}
        number: int = self.ask(owner, "newChargingPoint", chargingStationID=station, **values)
        return number

    def book(
        self,
        vehicle: str,
        x: float = 0,
        y: float = 0,
        percentage: float = 0,
        capacity: float = 10,
        **more: Any,
    ) -> dict[str, Any]:
        values = {"x": x, "y": y, "actualBatteryPercentage": percentage, "batteryCapacity": capacity, **more}
        reservation: dict[str, Any] = self.ask(vehicle, "scheduleReservation", **values)
        return reservation

    def availability(self, station: int = 1, point: int = 1, owner: str = "ana") -> str:
        points = self.ask(owner, "receiveAllChargingPoints", chargingStationID=station)
        value: str = points[point - 1]["availability"]
        return value


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def charger(world: World) -> World:
    """A world with a station at the origin and a point of 10 kW at 1 for the kWh."""
    world.station()
    world.point()
    return world


class TestLocations:
    def test_registering_again_gives_the_same_station(self, world: World) -> None:
        assert world.station(5, 0) == 1
        assert world.station(5.0, -0.0) == 1
        assert world.station(5, 1) == 2

    def test_a_location_of_somebody_else_is_a_conflict(self, world: World) -> None:
        world.station(5, 0)
        for other in ("bia", "gateway", "operator", "ANA"):
            with pytest.raises(Conflict):
                world.station(5, 0, other)

    def test_all_legacy_clients_own_together(self, world: World) -> None:
        assert world.station(1, 1, "gateway") == 1
        assert world.station(1, 1, "gateway-south") == 1
        assert world.point(1, owner="gateway-north") == 1

    def test_moving_onto_another_station_is_a_conflict_even_onto_ones_own(self, world: World) -> None:
        world.station(0, 0)
        world.station(1, 1)
        world.station(2, 2, "bia")
        for place in ((1, 1.0), (2, 2)):
            with pytest.raises(Conflict):
                world.ask(
                    "ana",
                    "updateChargingStation",
                    chargingStationID=1,
                    x_position=place[0],
                    y_position=place[1],
                )

    def test_moving_to_where_it_stands_is_good(self, charger: World) -> None:
        charger.book("car")
        values = {"chargingStationID": 1, "x_position": 0, "y_position": -0.0}
        assert charger.ask("ana", "updateChargingStation", **values) == "Sucesso"
        assert [event[0] for event in charger.events] == ["reservationScheduled"]

    def test_a_location_that_was_left_is_free_for_anybody(self, world: World) -> None:
        world.station(0, 0)
        world.ask("ana", "updateChargingStation", chargingStationID=1, x_position=9, y_position=9)
        assert world.station(0, 0, "bia") == 2
        assert world.ask("ana", "deleteChargingStation", chargingStationID=1) == "Sucesso"
        assert world.station(9, 9, "bia") == 3


class TestIDs:
    def test_none_is_given_twice(self, world: World) -> None:
        for number in range(1, 4):
            assert world.station(0, 0) == number
            assert [world.point(number), world.point(number)] == [1, 2]
            world.ask("ana", "deleteChargingPoint", chargingPointID=2, chargingStationID=number)
            assert world.point(number) == 3
            for _ in range(2):
                booked = world.book("car")
                world.ask("car", "deleteReservation", reservationID=booked["reservationID"])
            assert booked["reservationID"] == 2
            world.ask("ana", "deleteChargingStation", chargingStationID=number)

    def test_a_reservation_s_is_counted_on_its_point(self, charger: World) -> None:
        charger.point()
        assert [charger.book(name)["reservationID"] for name in ("a", "b", "c", "d")] == [1, 1, 2, 2]


class TestScheduling:
    def test_what_a_reservation_says(self, world: World) -> None:
        world.station()
        world.point(power=7, price=0.5)
        assert world.book("car", percentage=25, capacity=56) == {
            "reservationID": 1,
            "chargingStationID": 1,
            "chargingPointID": 1,
            "chargingPointPower": 7,
            "kWhPrice": 0.5,
            "vehicleID": "car",
            "startDateTime": "2026-03-01T12:05:00+00:00",
            "finishDateTime": "2026-03-01T18:05:00+00:00",
            "duration": 6.0,
            "price": 21.0,
            "state": "reserved",
        }

    def test_the_nearest_station_with_a_point(self, world: World) -> None:
        for x in (1, 10, 20):
            world.station(x, 0)
        world.point(2)
        world.point(3)
        assert world.book("car")["chargingStationID"] == 2
        assert world.book("bus", x=15.1)["chargingStationID"] == 3
        assert world.book("van", x=15)["chargingStationID"] == 2

    def test_where_charging_can_start_first(self, charger: World) -> None:
        charger.point(power=100, availability="ocupado")
        taken = [
            (each["chargingPointID"], each["startDateTime"][11:16]) for each in map(charger.book, "abcd")
        ]
        # Both can start at 12:05; the first is `livre`. Then the fast one, again and again.
        assert taken == [(1, "12:05"), (2, "12:05"), (2, "12:16"), (2, "12:27")]

    def test_a_gap_before_the_first_is_used(self, charger: World) -> None:
        charger.book("a", capacity=20)
        charger.book("b", capacity=20)
        charger.ask("a", "deleteReservation", reservationID=1)
        assert charger.book("c", capacity=20)["startDateTime"] == "2026-03-01T12:05:00+00:00"

    def test_a_vehicle_that_has_one_gets_that_one(self, charger: World) -> None:
        first = charger.book("car")
        charger.now += minutes(20)
        assert charger.book("car", x=1000, capacity=77) == first
        assert len(charger.events) == 1

    def test_nothing_else_moves_it(self, charger: World) -> None:
        booked = charger.book("car")
        values = {"power": 50, "kWhPrice": 9, "availability": "livre"}
        charger.ask("ana", "updateChargingPoint", chargingPointID=1, chargingStationID=1, **values)
        charger.ask("ana", "updateChargingStation", chargingStationID=1, x_position=70, y_position=70)
        assert charger.ask("car", "findReservation") == booked
        assert charger.ask("ana", "receiveAllReservations", chargingStationID=1) == [booked]
        assert charger.book("bus")["chargingPointPower"] == 50
        assert charger.events[1] == ("reservationChanged", "stationMoved", "car")

    def test_a_charge_may_take_thirty_days_and_no_longer(self, charger: World) -> None:
        assert charger.book("car", capacity=7200)["duration"] == 720
        with pytest.raises(BadRequest, match="30 days"):
            charger.book("bus", capacity=7200.01)

    def test_a_station_that_is_full_until_the_horizon_is_passed_over(self, charger: World) -> None:
        charger.station(10, 0)
        charger.point(2)
        charger.book("a", capacity=7195)
        assert charger.book("b", capacity=7190)["chargingStationID"] == 1
        assert charger.book("c")["chargingStationID"] == 2

    def test_however_many_stations_are_full_the_next_one_is_found(self, world: World) -> None:
        for x in range(1_100):
            world.station(x, 0)
            world.point(x + 1)
            world.book(f"waiting-{x}", capacity=7200)
        world.station(5_000, 0)
        world.point(1_101)
        assert world.book("car")["chargingStationID"] == 1_101

    def test_the_horizon_itself_is_not_beyond_it(self, charger: World) -> None:
        charger.book("a", capacity=10 * (30 * 24 - 10 / 60))
        assert charger.book("b")["startDateTime"] == (NOW + timedelta(days=30)).isoformat()
        with pytest.raises(NotFound, match="30 days"):
            charger.book("c")
        charger.now += minutes(60)
        charger.now += minutes(5)
        assert charger.book("c")["startDateTime"] == (charger.now + timedelta(days=30)).isoformat()

    def test_without_a_horizon_a_charge_may_start_at_any_time(self) -> None:
        world = World(horizon=timedelta(0))
        world.station()
        world.point()
        for vehicle in "abc":
            booked = world.book(vehicle, capacity=7000)
        assert booked["startDateTime"] > (NOW + timedelta(days=58)).isoformat()

    def test_a_charge_that_is_too_long_elsewhere_is_not_found(self, charger: World) -> None:
        charger.station(10, 0)
        charger.point(2, power=1)
        charger.book("a", capacity=7200)
        with pytest.raises(NotFound, match="30 days"):
            charger.book("b", capacity=7200)

    def test_the_longest_charge_is_a_setting(self) -> None:
        world = World(timedelta(hours=2))
        world.station()
        world.point()
        assert world.book("car", capacity=20)["duration"] == 2
        with pytest.raises(BadRequest):
            world.book("bus", capacity=20.1)

    @pytest.mark.parametrize(
        ("power", "price", "capacity"),
        [(10, 1, 1.7e308), (10, 1, 10**308), (1e-320, 1, 10), (5e-324, 1, 1e300), (1e308, 1.7e308, 1e300)],
    )
    def test_what_is_beyond_all_numbers_is_refused(
        self, world: World, power: float, price: float, capacity: float
    ) -> None:
        world.station()
        world.point(power=power, price=price)
        with pytest.raises(BadRequest):
            world.book("car", capacity=capacity)
        assert not world.network.tables.reservations

    def test_a_charge_that_takes_no_time_keeps_its_five_minutes(self, world: World) -> None:
        world.station()
        world.point(power=1e300)
        starts = [world.book(name)["startDateTime"][11:16] for name in ("a", "b", "c")]
        assert starts == ["12:05", "12:10", "12:15"]

    def test_nothing_to_schedule_on(self, world: World) -> None:
        world.station()
        with pytest.raises(NotFound):
            world.book("car")
        world.point()
        world.ask("ana", "deleteChargingPoint", chargingPointID=1, chargingStationID=1)
        with pytest.raises(NotFound):
            world.book("car")


class TestFinishing:
    def test_what_is_over_is_nowhere(self, charger: World) -> None:
        charger.book("car")
        charger.pass_time(NOW + minutes(64))
        assert charger.ask("car", "findReservation")["reservationID"] == 1
        charger.pass_time(NOW + minutes(65))
        with pytest.raises(NotFound):
            charger.ask("car", "findReservation")
        with pytest.raises(NotFound):
            charger.ask("car", "deleteReservation", reservationID=1)
        assert charger.ask("ana", "receiveAllReservations", chargingStationID=1) == []
        assert charger.events[-1] == ("reservationFinished", "timePassed", "car")
        assert charger.availability() == "livre"
        assert charger.book("car")["reservationID"] == 2

    def test_several_at_once(self, charger: World) -> None:
        charger.point(availability="ocupado")
        for name in "abcd":
            charger.book(name)
        charger.pass_time(NOW + minutes(66))
        assert [event[2] for event in charger.events[4:]] == ["a", "b"]
        assert [charger.availability(point=number) for number in (1, 2)] == ["reservado", "ocupado"]
        charger.pass_time(NOW + minutes(1000))
        assert [charger.availability(point=number) for number in (1, 2)] == ["livre", "ocupado"]
        assert len(charger.events) == 8


class TestAvailability:
    def update(self, world: World, availability: str) -> None:
        values = {"power": 10, "kWhPrice": 1, "availability": availability}
        world.ask("ana", "updateChargingPoint", chargingPointID=1, chargingStationID=1, **values)

    def test_free_becomes_reserved_and_free_again(self, charger: World) -> None:
        charger.book("a")
        charger.book("b")
        assert charger.availability() == "reservado"
        charger.ask("a", "deleteReservation", reservationID=1)
        assert charger.availability() == "reservado"
        charger.ask("b", "deleteReservation", reservationID=2)
        assert charger.availability() == "livre"

    def test_what_the_charger_calls_free_stays_reserved(self, charger: World) -> None:
        charger.book("a")
        self.update(charger, "livre")
        assert charger.availability() == "reservado"

    def test_occupied_stays_occupied(self, charger: World) -> None:
        self.update(charger, "ocupado")
        charger.book("a")
        assert charger.availability() == "ocupado"
        charger.ask("a", "deleteReservation", reservationID=1)
        assert charger.availability() == "ocupado"

    def test_occupied_becomes_reserved_when_the_charger_says_so(self, charger: World) -> None:
        self.update(charger, "ocupado")
        charger.book("a")
        self.update(charger, "livre")
        assert charger.availability() == "reservado"
        charger.ask("a", "deleteReservation", reservationID=1)
        assert charger.availability() == "livre"

    def test_a_charger_may_reserve(self, charger: World) -> None:
        self.update(charger, "reservado")
        assert charger.availability() == "reservado"
        self.update(charger, "livre")
        assert charger.availability() == "livre"


class TestDeleting:
    def test_a_point_takes_its_reservations_along(self, charger: World) -> None:
        charger.point()
        for name in "abc":
            charger.book(name)
        charger.ask("ana", "deleteChargingPoint", chargingPointID=1, chargingStationID=1)
        assert charger.events[3:] == [
            ("reservationCancelled", "pointDeleted", "a"),
            ("reservationCancelled", "pointDeleted", "c"),
        ]
        assert charger.ask("b", "findReservation")["chargingPointID"] == 2
        with pytest.raises(NotFound):
            charger.ask("a", "findReservation")

    def test_a_station_takes_all_along(self, charger: World) -> None:
        charger.point()
        for name in "ab":
            charger.book(name)
        charger.ask("ana", "deleteChargingStation", chargingStationID=1)
        assert charger.events[2:] == [
            ("reservationCancelled", "stationDeleted", "a"),
            ("reservationCancelled", "stationDeleted", "b"),
        ]
        tables = charger.network.tables
        assert (tables.stations, tables.points, tables.reservations) == ({}, {}, {})
        with pytest.raises(NotFound):
            charger.ask("ana", "receiveAllChargingPoints", chargingStationID=1)


class TestVehicles:
    def test_a_number_and_its_text_are_one_vehicle(self, charger: World) -> None:
        booked = charger.book("gateway", vid=7)
        assert booked["vehicleID"] == 7
        assert charger.ask("gateway", "findReservation", vid="7") == booked
        assert charger.ask("gateway-2", "findReservation", vid=7.0) == booked
        with pytest.raises(NotFound):
            charger.ask("gateway", "findReservation", vid="007")

    def test_the_two_worlds_do_not_meet(self, charger: World) -> None:
        legacy, account = charger.book("gateway", vid="7"), charger.book("7")
        assert legacy["reservationID"] != account["reservationID"]
        with pytest.raises(NotFound):
            charger.ask("gateway", "deleteReservation", reservationID=2, vehicleID="7")
        assert charger.ask("operator", "findReservation", vid=7) == account
        assert charger.ask("7", "deleteReservation", reservationID=2, vehicleID=7) == "Sucesso"
        assert charger.ask("gateway", "findReservation", vid="7") == legacy

    def test_an_account_is_the_vehicle_of_its_name(self, charger: World) -> None:
        assert charger.book("car")["vehicleID"] == "car"
        for action, key in (("findReservation", "vid"), ("deleteReservation", "vehicleID")):
            more = {"reservationID": 1} if key == "vehicleID" else {}
            with pytest.raises(Forbidden):
                charger.ask("car", action, **{key: "bus"}, **more)
        with pytest.raises(Forbidden):
            charger.book("car", vid="bus")

    def test_those_who_are_no_vehicle_name_one(self, charger: World) -> None:
        for client in ("gateway", "operator", "operator-2"):
            with pytest.raises(BadRequest, match="vid"):
                charger.book(client)
            with pytest.raises(BadRequest, match="vehicleID"):
                charger.ask(client, "deleteReservation", reservationID=1)

    def test_only_the_reservation_that_is_named_is_cancelled(self, charger: World) -> None:
        charger.book("car")
        with pytest.raises(NotFound):
            charger.ask("car", "deleteReservation", reservationID=2)


CHANGES = [name for name, action in CLIENT_ACTIONS.items() if action.changes]
SAMPLE = {
    "x_position": 0,
    "y_position": 0,
    "chargingStationID": 1,
    "chargingPointID": 1,
    "power": 1,
    "kWhPrice": 1,
    "availability": "livre",
    "x": 0,
    "y": 0,
    "actualBatteryPercentage": 0,
    "batteryCapacity": 10,
    "vid": "car",
    "vehicleID": "car",
    "reservationID": 1,
    "energy": 1,
    "startDateTime": "2026-03-01T10:00:00Z",
    "finishDateTime": "2026-03-01T11:00:00Z",
}


class TestWhoMay:
    @pytest.mark.parametrize("action", CLIENT_ACTIONS)
    def test_only_the_owner_or_an_operator(self, charger: World, action: str) -> None:
        charger.book("car")
        if action in ("finishCharging", "meterCharging"):
            charger.ask("ana", "startCharging", **SAMPLE)
        error = Conflict if action == "newChargingStation" else Forbidden
        with pytest.raises(error):
            charger.ask("bus", action, **SAMPLE)
        if action != "newChargingStation":
            charger.ask("operator", action, **SAMPLE)

    @pytest.mark.parametrize("client", ["monitor", "monitor-2"])
    def test_a_monitor_reads(self, charger: World, client: str) -> None:
        charger.book("car")
        assert len(charger.ask(client, "receiveAllChargingPoints", chargingStationID=1)) == 1
        assert len(charger.ask(client, "receiveAllReservations", chargingStationID=1)) == 1
        assert charger.ask(client, "findReservation", vid="car")["reservationID"] == 1
        for action in CHANGES:
            with pytest.raises(Forbidden):
                charger.ask(client, action, **SAMPLE)

    @pytest.mark.parametrize("action", CLIENT_ACTIONS)
    def test_the_service_asks_for_nothing(self, charger: World, action: str) -> None:
        with pytest.raises(Forbidden):
            charger.ask("cloud_service", action, **SAMPLE)

    @pytest.mark.parametrize(
        "client", ["gateways", "gateway_1", "Gateway", "operators", "monitor_1", "cloud_service-1"]
    )
    def test_names_that_only_look_like_those(self, charger: World, client: str) -> None:
        with pytest.raises(RequestError):
            charger.point(owner=client)
        assert charger.book(client)["vehicleID"] == client


def test_errors_say_what_is_missing(charger: World) -> None:
    with pytest.raises(NotFound, match="station 9"):
        charger.point(9)
    with pytest.raises(NotFound, match="station 1 has no point 9"):
        charger.ask("ana", "deleteChargingPoint", chargingPointID=9, chargingStationID=1)
    with pytest.raises(NotFound, match="car"):
        charger.ask("car", "findReservation")


class TestPages:
    @pytest.fixture
    def lists(self, world: World) -> World:
        world.station()
        for _ in range(3):
            world.point()
        for vehicle in "abcdef":
            world.book(vehicle)
        return world

    @pytest.mark.parametrize(
        ("page", "part"),
        [
            ({}, slice(None)),
            ({"limit": 2}, slice(2)),
            ({"offset": 1}, slice(1, None)),
            ({"limit": 1, "offset": 2}, slice(2, 3)),
            ({"limit": 1000, "offset": 10**30}, slice(0)),
            ({"limit": 2.0, "offset": 0.0}, slice(2)),
        ],
    )
    @pytest.mark.parametrize("action", ["receiveAllChargingPoints", "receiveAllReservations"])
    def test_a_page_is_a_part_of_the_list(
        self, lists: World, action: str, page: dict[str, Any], part: slice
    ) -> None:
        whole = lists.ask("ana", action, chargingStationID=1)
        assert lists.ask("ana", action, chargingStationID=1, **page) == whole[part]

    def test_the_reservations_of_one_point(self, lists: World) -> None:
        whole = lists.ask("ana", "receiveAllReservations", chargingStationID=1)
        own = [reservation for reservation in whole if reservation["chargingPointID"] == 2]
        values = {"chargingStationID": 1, "chargingPointID": 2}
        assert lists.ask("ana", "receiveAllReservations", **values) == own
        assert lists.ask("ana", "receiveAllReservations", **values, offset=1) == own[1:]
        with pytest.raises(NotFound, match="no point 4"):
            lists.ask("ana", "receiveAllReservations", chargingStationID=1, chargingPointID=4)

    @pytest.mark.parametrize("page", [{"limit": 0}, {"limit": 1001}, {"offset": -1}, {"limit": "1"}])
    def test_what_is_no_page_is_refused(self, lists: World, page: dict[str, Any]) -> None:
        with pytest.raises(BadRequest, match=next(iter(page))):
            lists.ask("ana", "receiveAllChargingPoints", chargingStationID=1, **page)
