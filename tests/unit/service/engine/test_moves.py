"""Stories of points out of order, and of time that frees (contract, section 5)."""

from tests.unit.service.engine.day import MINUTE, Day, minutes_from, place_of


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

    def test_it_moves_up_by_five_minutes_and_by_no_less(self) -> None:
        for minutes, moves in ((60, 1), (61, 0)):
            day = Day()
            day.book("ana")
            day.book("bia", flexible=True)
            day.turn(minutes=minutes)
            day.told()
            day.ask("ana", "deleteReservation", reservationID=1)
            assert len(day.told()) == 1 + moves

    def test_its_objective_gets_no_worse(self) -> None:
        day = Day()
        day.book("ana")
        day.book("bia", flexible=True)
        day.book("carl", flexible=True, objective="soonest")
        day.told()
        day.station("other", x=50)
        assert day.told() == [("carl", "reservationChanged", "movedUp")], "for bia it is farther away"

    def test_who_wants_to_be_done_soonest_is_not_done_later(self) -> None:
        day = Day()
        day.book("ana")
        day.book("bia", flexible=True, objective="soonest")
        day.told()
        keys = {"chargingStationID": 1, "kWhPrice": 1, "availability": "livre"}
        day.ask("charger", "newChargingPoint", power=1, **keys)
        assert day.told() == []
        day.ask("charger", "newChargingPoint", power=20, **keys)
        assert day.told() == [("bia", "reservationChanged", "movedUp")]

    def test_a_charger_that_is_back_frees_the_time_of_its_points(self) -> None:
        day = Day()
        day.station("other", x=50)
        day.engine.note_presence("charger", False, day.now)
        day.turn(minutes=5)
        for vehicle in ("ana", "bia"):
            day.book(vehicle, flexible=vehicle == "bia")
        day.told()
        day.engine.note_presence("charger", True, day.now)
        assert day.later(minutes=0) == [("bia", "reservationChanged", "movedUp")]
        assert place_of(day, "bia") == (1, 1)

    def test_those_that_move_to_one_point_get_ids_of_their_own(self) -> None:
        day = Day()
        for vehicle in ("ana", "bia", "carl"):
            day.book(vehicle, flexible=vehicle != "ana")
        keys = {"chargingStationID": 1, "power": 10, "kWhPrice": 1, "availability": "livre"}
        day.ask("charger", "newChargingPoint", **keys)
        moved = [day.find(vehicle) for vehicle in ("bia", "carl")]
        assert [(each["chargingPointID"], each["reservationID"]) for each in moved] == [(2, 1), (2, 2)]


class TestOneBatch:
    """Two requests that arrive together are decided in one batch."""

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

    def test_what_has_moved_up_moves_up_again(self) -> None:
        day = Day()
        for vehicle in ("ana", "carl", "bia"):
            day.book(vehicle, flexible=vehicle == "bia")
        first = day.find("ana")["startDateTime"]
        day.told()
        day.send("carl", "deleteReservation", reservationID=2)
        day.send("ana", "deleteReservation", reservationID=1)
        assert self.moves(day) == [("bia", "reservationChanged", "movedUp")] * 2
        assert day.find("bia")["startDateTime"] == first
