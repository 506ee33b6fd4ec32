"""Stories of reservations: sessions, no-shows, overruns, breakdowns, flexible ones (contract, section 5).

Every charge is one of 10 kWh at a point of 10 kW, so that it takes an hour, unless a story says otherwise.
"""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from cloud_service.service.engine.limits import EngineLimits, LifeLimits
from tests.unit.service.engine.bench import Bench

MINUTE = timedelta(minutes=1)


class Day(Bench):
    """A bench with one station of `charger`, and the events as short texts."""

    def __init__(self, points: int = 1, limits: EngineLimits | None = None) -> None:
        super().__init__(limits=limits)
        self.station("charger", points=points)
        self.told()

    def start(self, vehicle: str | None = None, point: int = 1, **values: Any) -> Any:
        named = {} if vehicle is None else {"vehicleID": vehicle}
        return self.ask(
            "charger", "startCharging", chargingStationID=1, chargingPointID=point, **named, **values
        )

    def finish(self, point: int = 1, **values: Any) -> Any:
        return self.ask("charger", "finishCharging", chargingStationID=1, chargingPointID=point, **values)

    def update(self, point: int = 1, availability: str = "livre", **values: Any) -> Any:
        keys = {"chargingStationID": 1, "chargingPointID": point, "power": 10, "kWhPrice": 1}
        return self.ask("charger", "updateChargingPoint", availability=availability, **keys, **values)

    def availability(self, point: int = 1) -> str:
        points = self.ask("charger", "receiveAllChargingPoints", chargingStationID=1)
        return str(points[point - 1]["availability"])

    def find(self, vehicle: str) -> Any:
        return self.ask(vehicle, "findReservation")

    def later(self, minutes: float) -> list[tuple[str, str, str]]:
        """Lets time pass, and returns what vehicles were told."""
        self.turn(minutes=minutes)
        return self.told()

    def told(self) -> list[tuple[str, str, str]]:
        """The events since the last call: who was told, its type and its reason."""
        told = []
        for outgoing in self.events():
            body = json.loads(outgoing.message.payload)
            *_, client, kind = outgoing.message.topic.split("/")
            if client not in ("charger", "other"):
                told.append((client, kind, body["reason"]))
        return told


def minutes_from(day: Day, text: str) -> float:
    return (datetime.fromisoformat(text) - day.now) / MINUTE


def place_of(day: Day, vehicle: str) -> tuple[int, int]:
    found = day.find(vehicle)
    return found["chargingStationID"], found["chargingPointID"]


class TestSessions:
    def test_a_session_begins_and_finishes_its_reservation(self) -> None:
        day = Day()
        day.book("ana")
        day.turn(minutes=5)
        assert day.start("ana")["state"] == "active"
        assert (day.find("ana")["state"], day.availability()) == ("active", "ocupado")
        day.told()
        day.turn(minutes=30)
        assert day.finish(energy=7.5) == "Sucesso"
        assert day.told() == [("ana", "reservationFinished", "chargingFinished")]
        assert (day.find("ana"), day.availability()) == ("NOT_FOUND", "livre")
        assert minutes_from(day, day.book("bia")["startDateTime"]) == 5

    def test_it_may_begin_a_quarter_of_an_hour_early_and_no_earlier(self) -> None:
        day = Day()
        day.book("ana")
        day.turn(minutes=5)
        day.book("bia")
        day.turn(minutes=65 - 15 - 1)
        day.start("ana")
        day.finish()
        assert day.start("bia", hours=0.1) is None, "a walk-in, 16 minutes before"
        day.finish()
        day.turn(minutes=1)
        assert day.start("bia")["vehicleID"] == "bia"

    @pytest.mark.parametrize("vehicle", ["carl", None])
    def test_a_walk_in_holds_the_point_for_an_hour(self, vehicle: str | None) -> None:
        day = Day()
        assert day.start(vehicle) is None
        assert minutes_from(day, day.book("ana")["startDateTime"]) == 65
        assert day.finish() == "Sucesso"
        assert day.finish() == "NOT_FOUND"

    def test_a_walk_in_takes_nobody_s_time(self) -> None:
        day = Day()
        day.book("ana", notBefore=(day.now + 40 * MINUTE).isoformat())
        assert day.start("carl") is None
        day.turn(minutes=24)
        day.finish()
        day.turn(minutes=1)
        assert day.start("carl") == "CONFLICT", "the reservation starts in 15 minutes"
        assert day.start()["vehicleID"] == "ana", "without a name, it is whoever has reserved"

    def test_a_walk_in_holds_its_point_until_five_minutes_before_the_next(self) -> None:
        day = Day()
        day.book("ana", notBefore=(day.now + 40 * MINUTE).isoformat())
        day.start("carl")
        day.told()
        assert day.later(minutes=35) == []
        assert day.later(minutes=1) == [("ana", "reservationChanged", "overrun")], "it lasts longer than that"

    def test_one_session_at_a_time(self) -> None:
        day = Day(points=2)
        day.start("carl")
        assert day.start("dora") == "CONFLICT"
        assert day.start("carl", point=2) == "CONFLICT"

    def test_a_vehicle_at_another_point_is_moved_there(self) -> None:
        day = Day(points=2)
        day.book("ana")
        day.turn(minutes=5)
        day.told()
        moved = day.start("ana", point=2)
        assert (moved["chargingPointID"], moved["reservationID"], moved["state"]) == (2, 1, "active")
        assert day.told() == [("ana", "reservationChanged", "pointChanged")]
        assert (day.availability(1), day.availability(2)) == ("livre", "ocupado")

    def test_where_it_does_not_fit_it_is_not_moved(self) -> None:
        day = Day(points=2)
        day.book("ana")
        day.book("bia")
        day.turn(minutes=5)
        assert day.start("ana", point=2) == "CONFLICT"

    def test_chargers_that_know_only_availability(self) -> None:
        day = Day()
        day.book("ana")
        day.turn(minutes=5)
        day.told()
        assert day.update(availability="ocupado") == "Sucesso"
        assert day.find("ana")["state"] == "active"
        assert day.update(availability="livre") == "Sucesso"
        assert day.told() == [("ana", "reservationFinished", "chargingFinished")]
        assert day.finish() == "NOT_FOUND"

    def test_a_vehicle_that_leaves_ends_its_reservation_but_not_the_session(self) -> None:
        day = Day()
        day.book("ana")
        day.turn(minutes=5)
        day.start("ana")
        day.told()
        assert day.ask("ana", "deleteReservation", reservationID=1) == "Sucesso"
        assert day.told() == [("ana", "reservationFinished", "vehicleLeft")]
        assert minutes_from(day, day.book("bia")["startDateTime"]) == 65
        assert day.finish() == "Sucesso"

    def test_a_charger_cancels(self) -> None:
        day = Day()
        day.book("ana")
        day.told()
        keys = {"chargingStationID": 1, "chargingPointID": 1}
        assert day.ask("charger", "cancelReservation", reservationID=1, **keys) == "Sucesso"
        assert day.told() == [("ana", "reservationCancelled", "chargerCancelled")]
        assert day.ask("charger", "cancelReservation", reservationID=1, **keys) == "NOT_FOUND"


class TestNoShows:
    def told_of_sessions(self) -> Day:
        day = Day()
        day.start("carl")
        day.finish()
        day.book("ana")
        day.told()
        return day

    def test_after_a_quarter_of_an_hour(self) -> None:
        day = self.told_of_sessions()
        assert day.later(minutes=20 - 1 / 60) == []
        assert day.later(minutes=1 / 60) == [("ana", "reservationNoShow", "noShow")]
        assert minutes_from(day, day.book("bia")["startDateTime"]) == 5

    def test_one_whose_time_is_over_at_that_moment_has_not_been_served(self) -> None:
        day = self.told_of_sessions()
        day.ask("ana", "deleteReservation", reservationID=1)
        day.book("bia", batteryCapacity=5)
        day.told()
        assert day.later(minutes=20) == [("bia", "reservationNoShow", "noShow")]

    def test_not_where_nobody_tells_of_sessions(self) -> None:
        day = Day()
        day.book("ana")
        day.told()
        assert day.later(minutes=64) == []
        assert day.later(minutes=1) == [("ana", "reservationFinished", "timePassed")]

    def test_a_setting_turns_it_off(self) -> None:
        day = Day(limits=EngineLimits(life=LifeLimits(no_show=timedelta())))
        day.start("carl")
        day.finish()
        day.book("ana")
        day.told()
        assert day.later(minutes=65) == [("ana", "reservationFinished", "timePassed")]


class TestOverruns:
    def test_who_comes_next_moves_as_little_as_possible(self) -> None:
        day = Day()
        day.book("ana")
        day.book("bia")
        day.turn(minutes=5)
        day.start("ana")
        day.told()
        assert day.later(minutes=59) == []
        assert day.later(minutes=1) == [("ana", "reservationFinished", "timePassed")]
        assert day.later(minutes=1) == [("bia", "reservationChanged", "overrun")]
        assert minutes_from(day, day.find("bia")["startDateTime"]) == 19
        assert day.later(minutes=15) == [("bia", "reservationChanged", "overrun")]
        day.finish()
        assert minutes_from(day, day.find("bia")["startDateTime"]) == 19, "it stays where it was moved to"

    def test_a_session_that_ends_on_time_moves_nobody(self) -> None:
        """Time passes before a request of the same moment is decided."""
        day = Day()
        day.book("ana")
        day.book("bia")
        day.turn(minutes=5)
        day.start("ana")
        day.told()
        day.now += 60 * MINUTE
        assert day.finish() == "Sucesso"
        assert day.told() == [("ana", "reservationFinished", "timePassed")]
        assert minutes_from(day, day.find("bia")["startDateTime"]) == 5

    def overrunning(self, points: int = 1, elsewhere: bool = False) -> Day:
        """ana should have gone a minute ago, so bia, who has the point next, has moved once.

        The station's second point, if it has one, is taken for hours.
        """
        day = Day(points)
        day.book("ana")
        if points == 2:
            day.book("carl", batteryCapacity=60)
        day.book("bia")
        if elsewhere:
            day.station("other", x=50)
        day.turn(minutes=5)
        day.start("ana")
        day.told()
        assert day.later(minutes=61)[-1] == ("bia", "reservationChanged", "overrun")
        assert minutes_from(day, day.find("bia")["startDateTime"]) == 19
        assert place_of(day, "bia") == (1, 1), "the earliest start in the same station"
        return day

    def overruns(self, day: Day, quarters: int) -> list[tuple[str, str, str]]:
        """The session lasts still longer. Returns what vehicles were told."""
        return [told for _ in range(quarters) for told in day.later(minutes=15)]

    def test_one_that_it_has_moved_goes_where_it_cannot_move_it_again(self) -> None:
        day = self.overrunning(points=2, elsewhere=True)
        assert self.overruns(day, 6) == [("bia", "reservationChanged", "overrun")]
        assert place_of(day, "bia") == (1, 2), "the same station before others"

    def test_from_a_station_s_only_point_it_goes_to_another_station(self) -> None:
        day = self.overrunning(elsewhere=True)
        assert self.overruns(day, 3) == [("bia", "reservationChanged", "overrun")]
        assert place_of(day, "bia") == (2, 1)

    def test_where_nothing_else_fits_it_waits_on(self) -> None:
        day = self.overrunning()
        assert self.overruns(day, 3) == 3 * [("bia", "reservationChanged", "overrun")]
        assert place_of(day, "bia") == (1, 1)

    def test_each_session_is_a_cause_of_its_own(self) -> None:
        day = self.overrunning(elsewhere=True)
        day.finish()
        day.start("eva", hours=0.1)
        assert self.overruns(day, 1) == [("bia", "reservationChanged", "overrun")]
        assert place_of(day, "bia") == (1, 1), "it was another one that moved it before"

    def test_what_a_session_has_moved_outlives_a_restart(self) -> None:
        day = self.overrunning(elsewhere=True)
        day.restart()
        day.told()
        assert self.overruns(day, 3) == [("bia", "reservationChanged", "overrun")]
        assert place_of(day, "bia") == (2, 1)

    def test_who_starts_within_five_minutes_after_it_moves_too(self) -> None:
        day = Day()
        day.book("ana")
        day.book("bia", notBefore=(day.now + 82 * MINUTE).isoformat())
        day.turn(minutes=5)
        day.start("ana")
        day.told()
        assert day.later(minutes=61)[-1] == ("bia", "reservationChanged", "overrun")
        assert minutes_from(day, day.find("bia")["startDateTime"]) == 85 - 66

    def test_another_point_of_the_station_comes_first(self) -> None:
        day = Day(points=2)
        day.book("ana")
        day.book("bia", chargingPointID=1, chargingStationID=1, notBefore=day.now.isoformat())
        assert day.find("bia")["chargingPointID"] == 1

    def test_a_chain_moves_each_once(self) -> None:
        day = Day()
        for vehicle in ("ana", "bia", "carl", "dora"):
            day.book(vehicle)
        day.turn(minutes=5)
        day.start("ana")
        day.told()
        told = day.later(minutes=61)
        assert told == [
            ("ana", "reservationFinished", "timePassed"),
            ("bia", "reservationChanged", "overrun"),
        ], "bia goes behind the others, who need not move"

    def test_a_session_ends_after_twelve_hours_of_silence(self) -> None:
        day = Day()
        day.start("carl")
        day.turn(hours=12, minutes=59)
        assert day.finish() == "Sucesso"
        day.start("carl")
        day.turn(hours=13)
        assert day.finish() == "NOT_FOUND"
        assert day.availability() == "livre"

    def test_a_word_about_the_point_keeps_its_session(self) -> None:
        day = Day()
        day.start("carl")
        day.turn(hours=10)
        day.update(availability="ocupado")
        day.turn(hours=11, minutes=59)
        assert day.availability() == "ocupado"
        day.turn(minutes=1)
        assert (day.availability(), day.finish()) == ("livre", "NOT_FOUND")

    def test_a_setting_keeps_a_silent_session_for_ever(self) -> None:
        day = Day(limits=EngineLimits(life=LifeLimits(silence=timedelta())))
        day.start("carl")
        day.turn(days=3)
        assert day.finish() == "Sucesso"

    def test_a_session_goes_on_into_the_same_vehicle_s_reservation(self) -> None:
        day = Day()
        day.book("ana", notBefore=(day.now + 70 * MINUTE).isoformat())
        day.start("ana")
        day.told()
        assert day.later(minutes=66) == []
        assert day.find("ana")["state"] == "active"

    def test_a_vehicle_is_not_in_its_own_way(self) -> None:
        """Its reservation starts before the time is over for which its session holds the point on."""
        day = Day()
        day.book("ana", notBefore=(day.now + 47 * MINUTE).isoformat())
        day.start("ana", hours=0.5)
        day.told()
        assert day.later(minutes=31) == []
        assert day.later(minutes=15) == []
        assert day.find("ana")["state"] == "active"


class TestOutOfOrder:
    def test_what_starts_soon_moves_to_another_point(self) -> None:
        day = Day(points=2)
        day.book("ana")
        day.told()
        day.update(point=1, availability="reservado", operational=False)
        assert day.told() == [("ana", "reservationChanged", "pointFailed")]
        assert day.find("ana")["chargingPointID"] == 2
        assert day.book("bia")["chargingPointID"] == 2

    def test_it_does_not_start_earlier_than_promised(self) -> None:
        day = Day()
        day.book("carl")
        booked = day.book("ana")
        keys = {"chargingStationID": 1, "power": 10, "kWhPrice": 1, "availability": "livre"}
        day.ask("charger", "newChargingPoint", **keys)
        day.turn(minutes=45)
        day.ask("carl", "deleteReservation", reservationID=1)
        day.update(point=1, operational=False)
        moved = day.find("ana")
        assert (moved["chargingPointID"], moved["startDateTime"]) == (2, booked["startDateTime"])

    def test_where_nothing_can_take_it_it_is_cancelled(self) -> None:
        day = Day()
        day.book("ana")
        day.told()
        day.update(availability="livre", operational=False)
        assert day.told() == [("ana", "reservationCancelled", "pointFailed")]
        assert day.book("bia") == "NOT_FOUND"
        day.update(availability="livre", operational=True)
        assert day.book("bia")["reservationID"] == 2

    def test_what_starts_later_moves_half_an_hour_before(self) -> None:
        day = Day(points=2)
        day.book("ana", notBefore=(day.now + 60 * MINUTE).isoformat())
        day.update(point=1, operational=False)
        day.told()
        assert day.later(minutes=29) == []
        assert day.later(minutes=1) == [("ana", "reservationChanged", "pointFailed")]

    def test_a_charger_that_is_offline_for_five_minutes(self) -> None:
        day = Day()
        day.station("other", x=50)
        day.book("ana", notBefore=(day.now + 20 * MINUTE).isoformat())
        day.told()
        day.engine.note_presence("charger", False, day.now)
        assert day.later(minutes=4.9) == []
        assert day.book("bia")["chargingStationID"] == 1
        day.told()
        assert day.later(minutes=0.1) == [("ana", "reservationChanged", "pointFailed")]
        assert day.book("carl")["chargingStationID"] == 2
        day.engine.note_presence("charger", True, day.now)
        day.turn()
        assert day.book("dora")["chargingStationID"] == 1

    def offline_since_the_start(self, *, tells: bool) -> Day:
        """ana has reserved the next hour, bia the one after it, at a point whose charger is offline."""
        day = Day()
        if tells:
            day.start("carl")
            day.finish()
        day.station("other", x=50)
        for vehicle in ("ana", "bia"):
            day.book(vehicle)
        day.turn(minutes=5)
        day.engine.note_presence("charger", False, day.now)
        day.told()
        return day

    def test_who_may_be_charging_is_left_alone(self) -> None:
        """Nobody knows whether a vehicle charges where its charger does not tell of sessions."""
        day = self.offline_since_the_start(tells=False)
        assert day.later(minutes=34) == []
        assert day.later(minutes=1) == [("bia", "reservationChanged", "pointFailed")], "half an hour before"
        assert day.later(minutes=25) == [("ana", "reservationFinished", "timePassed")]

    def test_who_has_not_come_where_sessions_are_told_moves(self) -> None:
        day = self.offline_since_the_start(tells=True)
        assert day.later(minutes=5) == [("ana", "reservationChanged", "pointFailed")]

    def test_what_began_after_its_charger_had_gone_offline_moves(self) -> None:
        day = Day()
        day.station("other", x=50)
        day.book("ana")
        day.told()
        day.turn(minutes=4)
        day.engine.note_presence("charger", False, day.now)
        assert day.later(minutes=5) == [("ana", "reservationChanged", "pointFailed")]

    def test_a_charger_that_says_that_it_is_broken_is_believed(self) -> None:
        day = Day(points=2)
        day.book("ana")
        day.turn(minutes=30)
        day.told()
        day.update(point=1, availability="reservado", operational=False)
        assert day.told() == [("ana", "reservationChanged", "pointFailed")]


class TestFlexible:
    def test_it_moves_up_into_time_that_frees(self) -> None:
        day = Day()
        day.book("ana")
        day.book("bia", flexible=True)
        day.told()
        day.ask("ana", "deleteReservation", reservationID=1)
        assert day.told() == [
            ("ana", "reservationCancelled", "vehicleCancelled"),
            ("bia", "reservationChanged", "movedUp"),
        ]
        assert minutes_from(day, day.find("bia")["startDateTime"]) == 5

    def test_who_booked_first_goes_first_and_each_moves_once(self) -> None:
        day = Day()
        for vehicle in ("ana", "bia", "carl", "dora"):
            day.book(vehicle, flexible=vehicle != "ana")
            day.turn(seconds=1)
        day.told()
        day.ask("ana", "deleteReservation", reservationID=1)
        assert [client for client, kind, _ in day.told() if kind == "reservationChanged"] == [
            "bia",
            "carl",
            "dora",
        ]

    def test_others_stay(self) -> None:
        day = Day()
        day.book("ana")
        day.book("bia")
        day.told()
        day.ask("ana", "deleteReservation", reservationID=1)
        assert day.told() == [("ana", "reservationCancelled", "vehicleCancelled")]

    def test_a_new_point_frees_time(self) -> None:
        day = Day()
        day.book("ana")
        day.book("bia", flexible=True)
        day.told()
        keys = {"chargingStationID": 1, "power": 10, "kWhPrice": 1, "availability": "livre"}
        day.ask("charger", "newChargingPoint", **keys)
        assert day.told() == [("bia", "reservationChanged", "movedUp")]
        assert day.find("bia")["chargingPointID"] == 2


class TestOneBatch:
    """Two requests that arrive together are decided in one batch, in which nothing moves twice."""

    def moves(self, day: Day) -> list[tuple[str, str, str]]:
        day.turn()
        return [told for told in day.told() if told[1] == "reservationChanged"]

    def breaks(self, day: Day, client: str, point: int) -> None:
        keys = {"chargingStationID": 1, "chargingPointID": point, "power": 10, "kWhPrice": 1}
        day.send(client, "updateChargingPoint", availability="livre", operational=False, **keys)

    def test_what_would_have_to_move_again_waits_for_the_next(self) -> None:
        day = Day(points=3)
        day.book("ana")
        day.told()
        self.breaks(day, "charger", 1)
        self.breaks(day, "operator", 2)
        assert self.moves(day) == [("ana", "reservationChanged", "pointFailed")]
        assert place_of(day, "ana") == (1, 3)

    def test_what_has_moved_up_does_not_move_up_again(self) -> None:
        day = Day()
        for vehicle in ("ana", "carl", "bia"):
            day.book(vehicle, flexible=vehicle == "bia")
        day.told()
        day.send("carl", "deleteReservation", reservationID=2)
        day.send("ana", "deleteReservation", reservationID=1)
        assert self.moves(day) == [("bia", "reservationChanged", "movedUp")]


class TestAfterAStop:
    def test_a_day_later_nobody_is_moved_to_a_time_that_is_over(self) -> None:
        day = Day()
        day.start("carl")
        day.finish()
        day.book("ana")
        day.turn(minutes=5)
        day.start("ana")
        day.book("bia")
        day.told()
        day.now += timedelta(days=1)
        day.restart()
        day.told()
        day.turn()
        assert day.told() == [
            ("ana", "reservationFinished", "timePassed"),
            ("bia", "reservationCancelled", "overrun"),
        ]
        assert day.finish() == "NOT_FOUND"
