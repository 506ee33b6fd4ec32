"""What the overview makes of messages, and what it costs to ask for what changed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloud_service.overview.overview import KEPT_MINUTES, Overview
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.protocol.presence import client_presence

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Network:
    """Messages as the service and the clients of a network send them."""

    def __init__(self) -> None:
        self.overview = Overview()
        self.overview.connected()

    def send(self, topic: str, body: Any, now: datetime = NOW, owner: str | None = None) -> None:
        payload = b"" if body is None else json.dumps(body).encode()
        self.overview.receive(Message(topic, payload, owner=owner), now)

    def station(
        self, station: int, x: float = 0, y: float = 0, owner: str | None = None, **more: Any
    ) -> None:
        self.send(topics.station_state(station), {"x_position": x, "y_position": y, **more}, owner=owner)

    def point(self, station: int, point: int, availability: str = "livre", **more: Any) -> None:
        body = {"power": 22, "kWhPrice": 0.9, "availability": availability, **more}
        self.send(topics.point_state(station, point), body)

    def booked(self, client: str, vehicle: str, number: int = 1, now: datetime = NOW) -> None:
        reservation = {
            "reservationID": number,
            "chargingStationID": 1,
            "chargingPointID": 1,
            "vehicleID": vehicle,
            "startDateTime": "2026-03-01T12:05:00+00:00",
            "finishDateTime": "2026-03-01T13:05:00+00:00",
        }
        body = {"type": "reservationScheduled", "at": "2026-03-01T12:00:00+00:00", "reservation": reservation}
        self.send(topics.event(client, "reservationScheduled"), body, now)

    def changes(self, number: int) -> tuple[list[int], list[int]]:
        found = self.overview.changes_since(number)
        assert found is not None
        changed, gone = found
        return sorted(station.number for station in changed), sorted(gone)

    def figures(self, now: datetime = NOW) -> dict[str, float]:
        return {name: value for name, value in self.overview.figures(now).items() if value}


@pytest.fixture
def network() -> Network:
    return Network()


def test_figures_follow_every_change(network: Network) -> None:
    network.station(1)
    network.point(1, 1)
    network.point(1, 2, "reservado", queueLength=2)
    network.station(2)
    network.point(2, 1, "ocupado", queueLength=1)
    assert network.figures() == {
        "stationsFree": 1,
        "stationsBusy": 1,
        "pointsFree": 1,
        "pointsReserved": 1,
        "pointsOccupied": 1,
        "reservations": 3,
        "powerUnderWay": 22,
    }
    network.point(1, 1, operational=False)
    network.point(2, 1, "livre")
    network.send(topics.point_state(1, 2), None)
    assert network.figures() == {
        "stationsFree": 1,
        "stationsOutOfOrder": 1,
        "pointsFree": 1,
        "pointsOutOfOrder": 1,
    }
    network.send(topics.point_state(1, 1), None)
    assert network.figures() == {"stationsFree": 1, "stationsWithoutPoints": 1, "pointsFree": 1}
    network.send(topics.station_state(1), None)
    for topic in (topics.point_state(2, 1), topics.station_state(2)):
        network.send(topic, None)
    assert network.figures() == {}
    assert network.overview.stations == {}


def test_changes_are_those_since_a_number(network: Network) -> None:
    for station in (1, 2, 3):
        network.station(station)
    number = network.overview.number
    assert network.changes(number) == ([], [])
    network.point(2, 1)
    network.station(4)
    network.send(topics.station_state(3), None)
    assert network.changes(number) == ([2, 4], [3])
    assert network.changes(network.overview.number - 1) == ([], [3])
    assert network.overview.changes_since(network.overview.number + 1) is None


def test_a_change_costs_no_more_in_a_large_network(network: Network) -> None:
    for station in range(1, 20_001):
        network.station(station, station, station)
    number = network.overview.number
    network.point(7, 1)

    class Counted(dict[int, Any]):
        lookups = 0

        def __getitem__(self, key: int) -> Any:
            Counted.lookups += 1
            return super().__getitem__(key)

    network.overview.stations = Counted(network.overview.stations)
    assert network.changes(number) == ([7], [])
    assert Counted.lookups == 1


def test_too_many_that_went_lead_to_the_whole(network: Network) -> None:
    number = network.overview.number
    for station in range(1, 10_002):
        network.station(station)
        network.send(topics.station_state(station), None)
    assert network.overview.changes_since(number) is None


def test_a_point_may_come_before_its_station(network: Network) -> None:
    network.point(5, 1)
    assert list(network.overview.known_stations()) == []
    network.station(5, 3, 4, name="Praça")
    [station] = network.overview.known_stations()
    assert station.row == [5, 3, 4, "Praça", 0, [[1, 22, 0.9, "free"]]]


def test_a_row_has_what_describes_the_station(network: Network) -> None:
    network.station(5, 3, 4, address="Rua A, 1")
    network.point(5, 1, connector="CHADEMO")
    assert network.overview.stations[5].row == [
        5, 3, 4, None, 0, [[1, 22, 0.9, "free", "CHADEMO"]], "Rua A, 1",
    ]  # fmt: skip


def test_what_the_broker_no_longer_retains_is_gone(network: Network) -> None:
    network.station(1)
    network.point(1, 1)
    network.point(1, 2)
    network.station(2)
    network.overview.disconnected()
    assert not network.overview.broker
    number = network.overview.number
    network.overview.connected()
    network.station(1)
    network.point(1, 1)
    network.overview.complete()
    assert network.overview.broker
    assert network.changes(number) == ([1], [2])
    [station] = network.overview.known_stations()
    assert list(station.points) == [1]


def test_a_station_is_offline_with_its_owner(network: Network) -> None:
    network.station(1, owner="ana")
    network.point(1, 1)
    network.overview.receive(client_presence("ana", online=False), NOW)
    assert network.figures()["stationsOffline"] == 1
    assert network.overview.presence_of(1) == (False, NOW)
    later = NOW + timedelta(hours=1)
    network.overview.receive(client_presence("ana", online=False), later)
    assert network.overview.presence_of(1) == (False, NOW), "repeated, it is not a later change"
    network.overview.receive(client_presence("ana", online=True), later)
    assert network.figures()["stationsFree"] == 1
    assert network.overview.presence_of(1) == (True, later)


def test_presence_may_come_before_the_station(network: Network) -> None:
    network.overview.receive(client_presence("ana", online=False), NOW)
    network.point(1, 1)
    network.station(1, owner="ana")
    assert network.figures()["stationsOffline"] == 1


def test_a_station_changes_hands(network: Network) -> None:
    network.overview.receive(client_presence("ana", online=False), NOW)
    network.overview.receive(client_presence("beto", online=True), NOW)
    network.station(1, owner="ana")
    network.point(1, 1)
    network.station(1, owner="beto")
    assert network.figures()["stationsFree"] == 1
    network.overview.receive(client_presence("ana", online=True), NOW)
    network.overview.receive(client_presence("beto", online=False), NOW)
    assert network.figures()["stationsOffline"] == 1
    network.station(1)
    assert network.figures()["stationsFree"] == 1, "nobody's presence says whether it is offline"


def test_an_event_counts_once_whoever_gets_a_copy(network: Network) -> None:
    number = network.overview.number
    network.booked("ana", "beto")
    network.booked("beto", "beto")
    network.booked("beto", "beto", number=2)
    assert [event.reservation.number for event in network.overview.events_since(number)] == [1, 2]
    assert network.figures()["bookingsAMinute"] == 2
    assert "bookingsAMinute" not in network.figures(NOW + timedelta(minutes=1))


def test_the_history_has_a_value_a_minute(network: Network) -> None:
    network.station(1)
    network.overview.minute(NOW)
    assert len(network.overview.history["stationsWithoutPoints"]) == KEPT_MINUTES
    assert list(network.overview.history["stationsWithoutPoints"])[-2:] == [None, 1]


@pytest.mark.parametrize(
    "body",
    [b"", b"not JSON", b"[]", b'{"power": "much"}', b"\xff", b"[" * 100_000, b'{"x_position": NaN}'],
    ids=["empty", "no JSON", "a list", "a text", "no UTF-8", "deep", "NaN"],
)
@pytest.mark.parametrize(
    "topic",
    [
        topics.station_state(9),
        topics.point_state(9, 1),
        topics.presence("ana"),
        topics.service("gateway"),
        topics.event("ana", "reservationScheduled"),
    ],
)
def test_what_cannot_be_read_changes_nothing(network: Network, topic: str, body: bytes) -> None:
    network.station(1)
    before = network.figures(), network.overview.broker
    network.overview.receive(Message(topic, body), NOW)
    assert (network.figures(), network.overview.broker) == before


def test_the_points_of_an_owner_that_stays_away_are_out_of_order(network: Network) -> None:
    network.station(1, owner="ana")
    network.point(1, 1)
    network.overview.receive(client_presence("ana", online=False), NOW)
    network.overview.second(NOW + timedelta(minutes=4, seconds=59))
    assert network.figures()["pointsFree"] == 1
    network.overview.second(NOW + timedelta(minutes=5))
    assert network.figures() == {"stationsOffline": 1, "pointsOutOfOrder": 1}
    assert network.overview.stations[1].row[5] == [[1, 22, 0.9, "outOfOrder"]]
    network.station(2, owner="ana")
    network.point(2, 1)
    assert network.figures()["pointsOutOfOrder"] == 2, "a station that is seen later has the same owner"
    network.overview.receive(client_presence("ana", online=True), NOW)
    assert network.figures() == {"stationsFree": 2, "pointsFree": 2}


def test_how_long_an_owner_may_stay_away_is_as_the_service_says(network: Network) -> None:
    network.station(1, owner="ana")
    network.point(1, 1)
    network.overview.receive(client_presence("ana", online=False), NOW)

    def out_of_order(offline_minutes: float, later: float) -> bool:
        told = {"online": True, "since": NOW.isoformat(), "offlineMinutes": offline_minutes}
        network.send(topics.service("cloud_service"), told)
        network.overview.second(NOW + timedelta(minutes=later))
        return "pointsOutOfOrder" in network.figures()

    assert not out_of_order(10, later=9)
    assert out_of_order(10, later=10)
    assert not out_of_order(0, later=60), "never"
    assert out_of_order(1, later=60)


def test_an_owner_that_comes_back_in_time_is_not_absent_later(network: Network) -> None:
    network.station(1, owner="ana")
    network.point(1, 1)
    network.overview.receive(client_presence("ana", online=False), NOW)
    network.overview.receive(client_presence("ana", online=True), NOW + timedelta(minutes=4))
    network.overview.second(NOW + timedelta(minutes=6))
    assert network.figures() == {"stationsFree": 1, "pointsFree": 1}
    network.overview.receive(client_presence("ana", online=False), NOW + timedelta(minutes=6))
    network.overview.second(NOW + timedelta(minutes=10))
    assert network.figures()["pointsFree"] == 1, "the five minutes began again"


def test_the_figures_have_what_chargers_tell_of_their_meters(network: Network) -> None:
    network.station(1)
    session = {"since": NOW.isoformat(), "until": (NOW + timedelta(hours=1)).isoformat()}
    network.point(1, 1, "ocupado", session={**session, "energy": 0.1, "power": 7.5})
    network.point(1, 2, "ocupado", session=session)
    figures = network.figures()
    assert (figures["powerUnderWay"], figures["energyUnderWay"]) == (29.5, 0.1)
    network.point(1, 2, "ocupado", session={**session, "energy": 0.2, "power": 0})
    figures = network.figures()
    assert (figures["powerUnderWay"], figures["energyUnderWay"]) == (7.5, 0.3)
    network.point(1, 1, "livre", session=None)
    network.point(1, 2, "livre", session=None)
    assert network.figures() == {"stationsFree": 1, "pointsFree": 2}


def test_sessions_are_counted_while_they_last(network: Network) -> None:
    network.station(1)
    session = {"since": NOW.isoformat(), "until": (NOW + timedelta(hours=1)).isoformat()}
    network.point(1, 1, "ocupado", session=session)
    assert (network.figures()["sessions"], network.figures()["powerUnderWay"]) == (1, 22)
    network.point(1, 1, "livre", session=None)
    assert network.figures() == {"stationsFree": 1, "pointsFree": 1}


def tell(network: Network, kind: str, reason: str, at: datetime = NOW, **more: Any) -> None:
    row = {"reservationID": 1, "chargingStationID": 1, "chargingPointID": 1, "vehicleID": "ana"}
    row |= {"startDateTime": NOW.isoformat(), "finishDateTime": NOW.isoformat()}
    body = {"type": kind, "at": at.isoformat(), "reason": reason, "reservation": row}
    network.send(topics.event("ana", kind), body | dict.fromkeys(more, row), at)


def test_no_shows_and_moves_of_the_last_hour_are_counted(network: Network) -> None:
    tell(network, "reservationNoShow", "noShow")
    tell(network, "reservationChanged", "overrun", before=True)
    tell(network, "reservationChanged", "movedUp", before=True)
    tell(network, "reservationChanged", "stationMoved")
    assert network.figures() == {"noShowsAnHour": 1, "movesAnHour": 2}
    assert network.figures(NOW + timedelta(hours=1)) == {}


def test_an_event_without_vehicles_names_has_none_in_what_was_before(network: Network) -> None:
    tell(network, "reservationChanged", "overrun", before=True)
    [event] = network.overview.events_since(0)
    assert event.before is not None
    assert event.before.vehicle == "ana"
    shown = event.without_vehicle()
    assert shown.before is not None
    assert (shown.reservation.vehicle, shown.before.vehicle) == (None, None)


def test_time_is_that_of_the_network(network: Network) -> None:
    later = NOW + timedelta(seconds=6)
    assert network.overview.network_time(later) == later
    told = {"online": True, "since": NOW.isoformat(), "clockSpeed": 60}
    network.send(topics.service("cloud_service"), told)
    assert network.overview.network_time(later) == NOW + timedelta(minutes=6)
    network.send(topics.service("cloud_service"), {"online": False})
    assert network.overview.network_time(later) == NOW + timedelta(minutes=6), (
        "while the service is down, too"
    )
    network.station(1, owner="ana")
    network.point(1, 1)
    network.overview.receive(client_presence("ana", online=False), NOW)
    network.overview.second(NOW + timedelta(seconds=5))
    assert network.figures()["pointsOutOfOrder"] == 1, "five of the network's minutes have passed"
