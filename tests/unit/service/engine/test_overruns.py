"""Stories of sessions that last longer than they were meant to (contract, section 5)."""

from datetime import timedelta

from cloud_service.service.engine.limits import EngineLimits, LifeLimits
from tests.unit.service.engine.day import MINUTE, Day, minutes_from, place_of


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
        assert day.find("bia")["reservationID"] == 2, "on the same point it keeps its ID"
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

    def test_it_holds_the_point_for_a_quarter_of_an_hour_at_a_time(self) -> None:
        day = Day()
        day.start("carl")
        day.turn(minutes=75)
        assert minutes_from(day, day.book("ana")["startDateTime"]) == 5, "it has not lasted longer than that"
        day.turn(seconds=1)
        assert minutes_from(day, day.find("ana")["startDateTime"]) == 20 - 1 / 60

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
