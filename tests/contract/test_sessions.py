"""Sessions: a charger tells when a vehicle is there and when it has gone (contract, section 5)."""

from datetime import UTC, datetime, timedelta
from secrets import token_hex

import pytest

from tests.kit.people import Charger, People, Place, Record, Vehicle, moment
from tests.kit.refusals import refused
from tests.kit.told import ToldCharger, ToldVehicle, in_hours, point_state

MARGIN = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
"""This machine's clock and the service's may differ by as much."""


def later(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


def walker() -> str:
    """A vehicle that has booked nothing."""
    return f"walker {token_hex(5)}"


def after(state: Record, key: str) -> timedelta:
    return datetime.fromisoformat(state["session"][key]) - datetime.now(UTC)


@pytest.mark.usefixtures("mqtt_version")
class TestStates:
    def test_a_reservation_says_its_state_after_its_ten_keys(
        self, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        station = charger.with_point(place)
        booked = vehicle.book(place)
        assert list(booked.items())[10:] == [("state", "reserved")]
        assert vehicle.find() == vehicle.book(place) == booked
        assert charger.reservations(station) == [booked]

    def test_an_active_one_is_still_scheduled(
        self, people: People, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        station = charger.with_point(place)
        booked = vehicle.book(place)
        begun = charger.start(station)
        assert begun == {**booked, "state": "active"}
        assert vehicle.find() == vehicle.book(place) == begun
        assert charger.reservations(station) == [begun]
        state = point_state(people, station, fits=lambda state: state["session"] is not None)
        assert (state["queueLength"], state["freeFrom"]) == (1, booked["finishDateTime"])
        next_one = people.vehicle().book(place)
        assert moment(next_one, "startDateTime") == moment(booked, "finishDateTime") + MARGIN

    def test_legacy_clients_see_ten_keys(self, people: People, charger: Charger, place: Place) -> None:
        legacy = people.over_tcp()
        station = legacy.charger().with_point(place)
        booked = legacy.vehicle().book(place)
        assert len(booked) == 10
        begun = people.mqtt("gateway").ask(
            "startCharging", chargingStationID=station, chargingPointID=1, vehicleID=booked["vehicleID"]
        )
        assert begun is not None
        assert len(begun) == 10
        (listed,) = legacy.charger().reservations(station)
        assert listed == booked


@pytest.mark.usefixtures("mqtt_version")
class TestStarting:
    def test_its_vehicle_begins_the_earliest(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        first, second = people.vehicle(), people.vehicle()
        booked = first.book(place)
        second.book(place)
        begun = charger.start(station, vehicleID=first.name)
        assert begun == {**booked, "state": "active"}
        assert charger.availability(station) == ["ocupado"]

    def test_somebody_else_does_not(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        first, second = people.vehicle(), people.vehicle()
        first.book(place, capacity=1)
        second.book(place)
        for name in (second.name, walker()):
            with refused("CONFLICT"):
                charger.start(station, vehicleID=name)
        assert charger.availability(station) == ["reservado"]
        assert first.find()["state"] == "reserved"

    def test_no_reservation_begins_sooner_than_15_minutes_before_its_start(
        self, people: People, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        station = charger.with_point(place)
        booked = vehicle.book(place, notBefore=later(minutes=17))
        assert charger.start(station, vehicleID=vehicle.name) is None, "a walk-in of its own vehicle"
        assert vehicle.find()["state"] == "reserved"
        state = point_state(people, station, fits=lambda state: state["session"] is not None)
        assert datetime.fromisoformat(state["session"]["until"]) == moment(booked, "startDateTime") - MARGIN
        charger.finish(station)
        vehicle.cancel(booked["reservationID"])
        vehicle.book(place, notBefore=later(minutes=14))
        begun = charger.start(station, vehicleID=vehicle.name)
        assert begun is not None
        assert begun["state"] == "active"

    def test_a_walk_in_holds_the_point_for_an_hour(
        self, people: People, charger: Charger, place: Place
    ) -> None:
        station = charger.with_point(place)
        assert point_state(people, station)["session"] is None
        assert charger.start(station) is None
        state = point_state(people, station, fits=lambda state: state["session"] is not None)
        assert state["availability"] == "ocupado"
        assert set(state["session"]) == {"since", "until"}
        since, until = (datetime.fromisoformat(state["session"][key]) for key in ("since", "until"))
        assert until - since == timedelta(hours=1)
        booked = people.vehicle().book(place)
        assert moment(booked, "startDateTime") == until + MARGIN

    def test_a_walk_in_holds_it_for_the_hours_that_are_given(
        self, people: People, charger: Charger, place: Place
    ) -> None:
        station = charger.with_point(place)
        assert charger.start(station, hours=0.25, vehicleID=walker()) is None
        booked = people.vehicle().book(place)
        start = moment(booked, "startDateTime") - datetime.now(UTC)
        assert timedelta(minutes=19) < start < timedelta(minutes=21)

    def test_a_walk_in_is_a_conflict_where_a_reservation_starts_within_15_minutes(
        self, people: People, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        station = charger.with_point(place)
        booked = vehicle.book(place, notBefore=later(minutes=14))
        with refused("CONFLICT"):
            charger.start(station, vehicleID=walker())
        vehicle.cancel(booked["reservationID"])
        vehicle.book(place, notBefore=later(minutes=17))
        assert charger.start(station, vehicleID=walker()) is None

    def test_a_session_is_under_way(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        station = charger.with_point(place)
        vehicle.book(place)
        charger.start(station, vehicleID=vehicle.name)
        with refused("CONFLICT"):
            charger.start(station)
        for name in (vehicle.name, walker()):
            with refused("CONFLICT"):
                charger.start(station, vehicleID=name)

    def test_a_vehicle_that_charges_elsewhere(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        other = people.other_charger()
        elsewhere = other.with_point(place.beside(1000))
        walking = walker()
        assert charger.start(station, vehicleID=walking) is None
        with refused("CONFLICT"):
            other.start(elsewhere, vehicleID=walking)
        charger.finish(station)
        assert other.start(elsewhere, vehicleID=walking) is None
        other.finish(elsewhere)

    def test_a_vehicle_at_another_point_of_the_station_is_moved_there(
        self, people: People, place: Place
    ) -> None:
        charger, vehicle = ToldCharger(people), ToldVehicle(people)
        station = charger.acts.station(place)
        charger.acts.point(station, power=10, price=1)
        charger.acts.point(station, power=20, price=0.5)
        booked = vehicle.acts.book(place, capacity=10, chargingPointID=1, chargingStationID=station)
        begun = charger.acts.start(station, 2, vehicleID=vehicle.name)
        assert begun == {
            **booked,
            "chargingPointID": 2,
            "chargingPointPower": 20,
            "kWhPrice": 0.5,
            "finishDateTime": in_hours(booked, minutes=30),
            "duration": 0.5,
            "price": 5,
            "state": "active",
        }
        for told in (charger, vehicle):
            told.expect("reservationScheduled", "requested")
            event = told.expect("reservationChanged", "pointChanged")
            assert list(event) == ["type", "at", "reason", "reservation", "before"]
            assert (event["reservation"], event["before"]) == (begun, booked)
        assert charger.acts.availability(station) == ["livre", "ocupado"]
        assert vehicle.acts.find() == begun

    def test_it_costs_no_more_at_a_dearer_point(
        self, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        station = charger.station(place)
        charger.point(station, power=10, price=1)
        charger.point(station, power=20, price=3)
        vehicle.book(place, capacity=10, chargingPointID=1, chargingStationID=station)
        begun = charger.start(station, 2, vehicleID=vehicle.name)
        assert begun is not None
        assert (begun["price"], begun["kWhPrice"]) == (10, 1)

    def test_it_is_not_moved_where_it_does_not_fit(
        self, people: People, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        station = charger.station(place)
        for power in (20, 10):
            charger.point(station, power=power)
        wish = {"chargingStationID": station}
        booked = vehicle.book(place, capacity=10, chargingPointID=1, **wish)
        people.vehicle().book(place, notBefore=in_hours(booked, minutes=64), chargingPointID=2, **wish)
        with refused("CONFLICT"):
            charger.start(station, 2, vehicleID=vehicle.name)
        assert vehicle.find() == booked

    def test_a_vehicle_is_named_as_its_reservation_does_whichever_world_it_is_of(
        self, people: People, charger: Charger, place: Place
    ) -> None:
        station = charger.with_point(place)
        legacy = people.over_tcp().vehicle()
        booked = legacy.book(place)
        begun = charger.start(station, vehicleID=legacy.name)
        assert begun == {**booked, **_in_utc(begun), "state": "active"}

    def test_of_two_worlds_the_earlier_reservation(
        self, people: People, charger: Charger, vehicle: Vehicle, place: Place
    ) -> None:
        station = charger.with_point(place)
        legacy = people.over_tcp().vehicle()
        legacy.client.name = legacy.name = vehicle.name
        legacy.book(place, capacity=1)
        vehicle.book(place, capacity=1)
        begun = charger.start(station, vehicleID=vehicle.name)
        assert begun is not None
        assert begun["reservationID"] == 1
        assert vehicle.find()["state"] == "reserved"

    def test_who_may(self, people: People, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        station = charger.with_point(place)
        vehicle.book(place)
        for action in ("startCharging", "finishCharging"):
            values = {"chargingStationID": station, "chargingPointID": 1}
            with refused("FORBIDDEN"):
                people.mqtt("charger").ask(action, **values)
            with refused("NOT_FOUND"):
                charger.ask(action, chargingStationID=station, chargingPointID=9)
            with refused("NOT_FOUND"):
                charger.ask(action, chargingStationID=10**9, chargingPointID=1)
        assert vehicle.find()["state"] == "reserved"
        operator = Charger(people.mqtt("operator"))
        assert operator.start(station) is not None
        operator.finish(station)

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("vehicleID", True),
            ("vehicleID", ""),
            ("vehicleID", "x" * 129),
            ("hours", 0),
            ("hours", -1),
            ("hours", "1"),
            ("chargingPointID", 0),
        ],
    )
    def test_values_of_the_wrong_kind(self, charger: Charger, place: Place, key: str, value: object) -> None:
        station = charger.with_point(place)
        values = {"chargingStationID": station, "chargingPointID": 1, key: value}
        with refused("BAD_REQUEST", naming=key):
            charger.ask("startCharging", **values)
        assert charger.availability(station) == ["livre"]

    def test_it_takes_effect_once(self, people: People, place: Place) -> None:
        client = people.mqtt("charger")
        station = Charger(client).with_point(place)
        values = {"chargingStationID": station, "chargingPointID": 1}
        for action, result in (("startCharging", None), ("finishCharging", "Sucesso")):
            for _ in range(2):
                client.send(action, {**values, "requestID": action})
                reply = client.reply(action)
                assert (reply["ok"], reply["result"]) == (True, result)


@pytest.mark.usefixtures("mqtt_version")
class TestReadings:
    def test_they_stand_in_the_state_of_the_point(
        self, people: People, charger: Charger, place: Place
    ) -> None:
        station = charger.with_point(place)
        with refused("NOT_FOUND"):
            charger.meter(station, 1)
        charger.start(station)
        charger.meter(station, 1.5, power=7)
        charger.meter(station, 2)
        charger.meter(station, 0.5, power=22)  # an older one, delivered late
        state = point_state(people, station, fits=lambda state: (state["session"] or {}).get("energy") == 2)
        assert list(state["session"]) == ["since", "until", "energy", "power"]
        assert state["session"]["power"] == 7
        charger.finish(station)
        assert point_state(people, station, fits=lambda state: state["session"] is None)

    def test_a_repetition_changes_nothing(self, people: People, place: Place) -> None:
        client = people.mqtt("charger")
        charger = Charger(client)
        station = charger.with_point(place)
        charger.start(station)
        values = {"chargingStationID": station, "chargingPointID": 1}
        for energy in (3, 4, 3, 4):
            client.send("meterCharging", {**values, "energy": energy, "requestID": f"reading-{energy}"})
            assert client.reply(f"reading-{energy}")["result"] == "Sucesso"
        point_state(people, station, fits=lambda state: state["session"]["energy"] == 4)
        charger.finish(station)
        client.send("meterCharging", {**values, "energy": 4, "requestID": "reading-4"})
        assert client.reply("reading-4")["error"]["code"] == "NOT_FOUND"

    def test_one_with_the_id_of_a_change(self, people: People, place: Place) -> None:
        client = people.mqtt("charger")
        station = Charger(client).with_point(place)
        values = {"chargingStationID": station, "chargingPointID": 1, "requestID": "the same"}
        client.send("startCharging", values)
        assert client.reply("the same")["ok"]
        client.send("meterCharging", {**values, "energy": 1})
        assert client.reply("the same")["error"]["code"] == "ID_REUSED"

    def test_who_may(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        charger.start(station)
        with refused("FORBIDDEN"):
            Charger(people.mqtt("charger")).meter(station, 1)
        Charger(people.mqtt("operator")).meter(station, 1)

    @pytest.mark.parametrize(
        ("key", "value"),
        [("energy", -1), ("energy", "1"), ("energy", None), ("power", -0.5), ("power", True)],
    )
    def test_values_of_the_wrong_kind(self, charger: Charger, place: Place, key: str, value: object) -> None:
        station = charger.with_point(place)
        charger.start(station)
        with refused("BAD_REQUEST", naming=key):
            charger.ask(
                "meterCharging",
                **{"chargingStationID": station, "chargingPointID": 1, "energy": 1, key: value},
            )


@pytest.mark.usefixtures("mqtt_version")
class TestChargesThatAreOver:
    def test_one_takes_no_time_and_its_vehicle_is_told(self, people: People, place: Place) -> None:
        charger, vehicle = ToldCharger(people), ToldVehicle(people)
        station = charger.acts.with_point(place)
        finish = datetime.now(UTC) - MARGIN
        charger.acts.record(station, finish - 6 * MARGIN, finish, 2.5, vehicleID=vehicle.name)
        for told in (charger, vehicle):
            event = told.expect("reservationFinished", "chargedOffline")
            assert event["reservation"]["state"] == "completed"
            assert event["reservation"]["finishDateTime"] == finish.isoformat()
        assert charger.acts.reservations(station) == []
        assert charger.acts.availability(station) == ["livre"]

    def test_it_is_over(self, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        now = datetime.now(UTC)
        with refused("BAD_REQUEST", naming="finishDateTime"):
            charger.record(station, now, now + timedelta(hours=1), 2.5)

    def test_who_may(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        finish = datetime.now(UTC) - MARGIN
        with refused("FORBIDDEN"):
            Charger(people.mqtt("charger")).record(station, finish - MARGIN, finish, 1)
        Charger(people.mqtt("operator")).record(station, finish - MARGIN, finish, 1)


@pytest.mark.usefixtures("mqtt_version")
class TestFinishing:
    def test_without_a_session(self, charger: Charger, vehicle: Vehicle, place: Place) -> None:
        station = charger.with_point(place)
        vehicle.book(place)
        with refused("NOT_FOUND"):
            charger.finish(station)
        charger.start(station)
        charger.finish(station)
        with refused("NOT_FOUND"):
            charger.finish(station)

    def test_it_ends_the_reservation_at_once(self, people: People, place: Place) -> None:
        charger, vehicle = ToldCharger(people), ToldVehicle(people)
        station = charger.acts.with_point(place)
        booked = vehicle.acts.book(place)
        charger.acts.start(station, vehicleID=vehicle.name)
        charger.acts.finish(station, energy=7.5)
        for told in (charger, vehicle):
            told.expect("reservationScheduled", "requested")
            event = told.expect("reservationFinished", "chargingFinished")
            assert event["reservation"] == {**booked, "state": "completed"}
            assert "before" not in event
        with refused("NOT_FOUND"):
            vehicle.acts.find()
        assert charger.acts.reservations(station) == []
        assert charger.acts.availability(station) == ["livre"]

    def test_the_point_is_free_from_now(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        people.vehicle().book(place)
        charger.start(station)
        point_state(people, station, fits=lambda state: state["session"] is not None)
        charger.finish(station)
        state = point_state(people, station, fits=lambda state: state["session"] is None)
        assert (state["queueLength"], state["freeFrom"]) == (0, None)
        booked = people.vehicle().book(place)
        assert moment(booked, "startDateTime") <= datetime.now(UTC) + MARGIN + SECOND

    def test_it_is_reserved_again_where_somebody_waits(
        self, people: People, charger: Charger, place: Place
    ) -> None:
        station = charger.with_point(place)
        for _ in range(2):
            people.vehicle().book(place)
        charger.start(station)
        charger.finish(station)
        assert charger.availability(station) == ["reservado"]
        (left,) = charger.reservations(station)
        assert (left["reservationID"], left["state"]) == (2, "reserved")


@pytest.mark.usefixtures("mqtt_version")
class TestChargersThatKnowOnlyTheirAvailability:
    def test_they_tell_the_same(self, people: People, place: Place) -> None:
        charger, vehicle = ToldCharger(people), ToldVehicle(people)
        station = charger.acts.with_point(place)
        booked = vehicle.acts.book(place)
        charger.acts.update(station, 1, availability="ocupado")
        assert vehicle.acts.find() == {**booked, "state": "active"}
        charger.acts.update(station, 1, availability="livre")
        vehicle.expect("reservationScheduled", "requested")
        vehicle.expect("reservationFinished", "chargingFinished", state="completed")
        assert charger.acts.availability(station) == ["livre"]

    def test_never_an_error(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        for availability in ("ocupado", "ocupado", "reservado", "livre", "livre", "ocupado", "livre"):
            charger.update(station, 1, availability=availability)
        assert charger.start(station) is None
        charger.update(station, 1, availability="ocupado")
        with refused("CONFLICT"):
            charger.start(station)
        charger.update(station, 1, availability="reservado")
        with refused("NOT_FOUND"):
            charger.finish(station)
        assert charger.availability(station) == ["reservado"]

    def test_a_vehicle_without_a_reservation(self, people: People, charger: Charger, place: Place) -> None:
        station = charger.with_point(place)
        charger.update(station, 1, availability="ocupado")
        state = point_state(people, station, fits=lambda state: state["session"] is not None)
        assert timedelta(minutes=59) < after(state, "until") <= timedelta(hours=1)

    def test_a_new_point_that_is_occupied_tells_of_nobody(
        self, people: People, charger: Charger, place: Place
    ) -> None:
        station = charger.station(place)
        charger.point(station, availability="ocupado")
        assert point_state(people, station)["session"] is None
        with refused("NOT_FOUND"):
            charger.finish(station)

    def test_legacy_chargers_do_so_over_tcp(self, people: People, place: Place, vehicle: Vehicle) -> None:
        legacy = people.over_tcp().charger()
        station = legacy.with_point(place)
        vehicle.book(place)
        legacy.update(station, 1, availability="ocupado")
        assert vehicle.find()["state"] == "active"
        legacy.update(station, 1, availability="livre")
        with refused("NOT_FOUND"):
            vehicle.find()


@pytest.mark.usefixtures("mqtt_version")
class TestLeaving:
    def test_a_vehicle_that_has_begun_ends_its_reservation(self, people: People, place: Place) -> None:
        charger, vehicle = ToldCharger(people), ToldVehicle(people)
        station = charger.acts.with_point(place)
        booked = vehicle.acts.book(place)
        charger.acts.start(station)
        assert vehicle.acts.cancel(booked["reservationID"]) == "Sucesso"
        for told in (charger, vehicle):
            told.expect("reservationScheduled", "requested")
            told.expect("reservationFinished", "vehicleLeft", state="completed")
        with refused("NOT_FOUND"):
            vehicle.acts.find()
        assert charger.acts.availability(station) == ["ocupado"], "until the charger says otherwise"
        with refused("CONFLICT"):
            charger.acts.start(station)
        charger.acts.finish(station)
        assert charger.acts.availability(station) == ["livre"]

    def test_a_charger_cancels(self, people: People, place: Place) -> None:
        charger, vehicle = ToldCharger(people), ToldVehicle(people)
        station = charger.acts.with_point(place)
        booked = vehicle.acts.book(place)
        key = {"chargingStationID": station, "chargingPointID": 1}
        with refused("FORBIDDEN"):
            people.mqtt("charger").ask("cancelReservation", **key, reservationID=1)
        with refused("NOT_FOUND"):
            charger.client.ask("cancelReservation", **key, reservationID=2)
        assert charger.client.ask("cancelReservation", **key, reservationID=1) == "Sucesso"
        for told in (charger, vehicle):
            told.expect("reservationScheduled", "requested")
            event = told.expect("reservationCancelled", "chargerCancelled")
            assert event["reservation"] == {**booked, "state": "cancelled"}
        with refused("NOT_FOUND"):
            vehicle.acts.find()
        with refused("NOT_FOUND"):
            charger.client.ask("cancelReservation", **key, reservationID=1)

    def test_with_its_point_an_active_one_is_cancelled(self, people: People, place: Place) -> None:
        charger, vehicle = ToldCharger(people), ToldVehicle(people)
        station = charger.acts.with_point(place)
        vehicle.acts.book(place)
        charger.acts.start(station, vehicleID=vehicle.name)
        charger.acts.delete_point(station, 1)
        vehicle.expect("reservationScheduled", "requested")
        vehicle.expect("reservationCancelled", "pointDeleted", state="cancelled")
        other = people.other_charger()
        elsewhere = other.with_point(place.beside(1000))
        assert other.start(elsewhere, vehicleID=vehicle.name) is None, "it charges nowhere any more"
        other.finish(elsewhere)


def _in_utc(record: Record | None) -> Record:
    """The dates of a reservation, which TCP gives without an offset."""
    assert record is not None
    return {key: record[key] for key in ("startDateTime", "finishDateTime")}
