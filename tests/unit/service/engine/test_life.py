"""Stories of sessions, of vehicles that do not come, and of a service that was down (contract, section 5)."""

from datetime import timedelta

import pytest

from cloud_service.service.engine.limits import EngineLimits, LifeLimits
from tests.unit.service.engine.day import MINUTE, Day, minutes_from


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
