"""Parts of lists, on MQTT (contract, section 5)."""

import pytest

from tests.kit.people import Charger, People, Place
from tests.kit.refusals import refused

LISTS = ("receiveAllChargingPoints", "receiveAllReservations")


@pytest.mark.usefixtures("mqtt_version")
class TestPages:
    @pytest.fixture
    def station(self, people: People, charger: Charger, place: Place) -> int:
        """Two points, of which each has two reservations."""
        station = charger.station(place)
        for _ in range(2):
            charger.point(station)
        for _ in range(4):
            people.vehicle().book(place)
        return station

    @pytest.mark.parametrize("action", LISTS)
    def test_limit_and_offset(self, charger: Charger, station: int, action: str) -> None:
        whole = charger.ask(action, chargingStationID=station)
        for limit, offset in ((1, 0), (1, 1), (3, 1), (1000, 0), (2, 9)):
            part = charger.ask(action, chargingStationID=station, limit=limit, offset=offset)
            assert part == whole[offset : offset + limit]
        assert charger.ask(action, chargingStationID=station, limit=1) == whole[:1]
        assert charger.ask(action, chargingStationID=station, offset=1) == whole[1:]

    @pytest.mark.parametrize("action", LISTS)
    @pytest.mark.parametrize(
        ("key", "value"),
        [("limit", 0), ("limit", 1001), ("limit", "1"), ("offset", -1), ("offset", "0"), ("limit", True)],
    )
    def test_values_of_the_wrong_kind(
        self, charger: Charger, station: int, action: str, key: str, value: object
    ) -> None:
        with refused("BAD_REQUEST", naming=key):
            charger.ask(action, chargingStationID=station, **{key: value})

    def test_the_reservations_of_one_point(self, charger: Charger, station: int) -> None:
        whole = charger.reservations(station)
        for point in (1, 2):
            part = charger.ask("receiveAllReservations", chargingStationID=station, chargingPointID=point)
            assert part == [each for each in whole if each["chargingPointID"] == point]
            page = charger.ask(
                "receiveAllReservations", chargingStationID=station, chargingPointID=point, limit=1, offset=1
            )
            assert page == part[1:2]
        with refused("NOT_FOUND"):
            charger.ask("receiveAllReservations", chargingStationID=station, chargingPointID=3)

    def test_on_tcp_they_are_unknown_keys(self, people: People, place: Place) -> None:
        legacy = people.over_tcp()
        charger = legacy.charger()
        station = charger.station(place)
        for _ in range(2):
            charger.point(station)
        listed = charger.ask("receiveAllChargingPoints", chargingStationID=station, limit=1, offset=5)
        assert len(listed) == 2
