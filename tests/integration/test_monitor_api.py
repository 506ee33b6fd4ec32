"""The monitor's HTTP interface beside a whole network: lists, queues, events, open data."""

import asyncio
import http.client
import json
from collections.abc import Iterator
from typing import Any, Self

import pytest
from websockets.sync.client import connect

from cloud_service.mqtt.requester import Requester
from tests.kit.monitor import Monitor
from tests.kit.people import Place, people_of
from tests.kit.processes import HOST, Stack, free_port
from tests.kit.scraping import scrape, wait_for_sample
from tests.kit.waiting import DEADLINE, wait_until

BATTERY = {"actualBatteryPercentage": 50, "batteryCapacity": 40}
CENTER = "-12.97,-38.5"


class Answer:
    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.body: Any = json.loads(answer.read())


def ask(monitor: Monitor, path: str, method: str = "GET", body: object = None) -> Answer:
    connection = http.client.HTTPConnection(HOST, monitor.port, timeout=30)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        return Answer(connection.getresponse())
    finally:
        connection.close()


class Events:
    """A reader of the event stream."""

    def __init__(self, monitor: Monitor, last_id: str | None = None) -> None:
        self._connection = http.client.HTTPConnection(HOST, monitor.port, timeout=30)
        self._connection.request("GET", "/api/events", headers={"Last-Event-ID": last_id} if last_id else {})
        self._answer = self._connection.getresponse()
        self.status = self._answer.status
        if self.status == 200:
            assert self._answer.headers["Content-Type"].startswith("text/event-stream")
            assert self._answer.readline().startswith(b"retry:")
            self._answer.readline()

    def next(self) -> dict[str, str]:
        fields = {}
        while line := self._answer.readline().decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            fields[name] = value
        return fields

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()
        self._connection.close()


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Stations 1 to 3 at (1, 0) to (3, 0), each with a point of as many times 10 kW."""
    with Stack(tmp_path_factory.mktemp("api")) as running:

        async def fill() -> None:
            async with Requester(running.address, "ana") as ana:
                for x in (1, 2, 3):
                    station = await ana.request("newChargingStation", {"x_position": x, "y_position": 0})
                    point = {"power": 10 * x, "kWhPrice": x / 2, "availability": "livre"}
                    await ana.request("newChargingPoint", {"chargingStationID": station, **point})

        asyncio.run(fill())
        yield running


@pytest.fixture(scope="module")
def monitor(network: Stack) -> Iterator[Monitor]:
    with Monitor(network, mqtt_user="operator", http_center=CENTER, http_max_viewers="2") as running:
        wait_until(
            lambda: ask(running, "/api/stations?minPower=1").body["total"] == 3, "the stations are there"
        )
        yield running


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [1, 2, 3]),
        ("limit=1&offset=1", [2]),
        ("near=3,0", [3, 2, 1]),
        ("near=3,0&limit=1", [3]),
        ("minPower=20", [2, 3]),
        ("maxPrice=1", [1, 2]),
        ("minPower=20&maxPrice=1", [2]),
        ("query=3", [3]),
        ("free=true", [1, 2, 3]),
    ],
)
def test_stations_are_filtered_sorted_and_paged(monitor: Monitor, query: str, expected: list[int]) -> None:
    found = ask(monitor, f"/api/stations?{query}").body
    assert [station["chargingStationID"] for station in found["stations"]] == expected


def test_geojson_stands_where_the_import_found_it(monitor: Monitor) -> None:
    answer = ask(monitor, "/api/stations?format=geojson&limit=1")
    assert answer.headers["Content-Type"] == "application/geo+json"
    [feature] = answer.body["features"]
    assert feature["geometry"] == {
        "type": "Point",
        "coordinates": [pytest.approx(-38.490772, abs=1e-6), -12.97],
    }


def test_ocpi_has_pages(monitor: Monitor) -> None:
    ids, path, pages = [], "/api/locations?limit=2", 0
    while path:
        answer = ask(monitor, path)
        assert answer.body["status_code"] == 1000
        assert answer.headers["X-Total-Count"] == "3"
        ids += [location["id"] for location in answer.body["data"]]
        pages += 1
        path = answer.headers.get("Link", "").partition(">")[0].partition(str(monitor.port))[2]
    assert (ids, pages) == (["1", "2", "3"], 2)
    assert ask(monitor, "/api/locations?date_from=2999-01-01T00:00:00").body["data"] == []
    assert len(ask(monitor, "/api/locations?date_to=2999-01-01T00:00:00").body["data"]) == 3
    assert ask(monitor, "/api/locations?date_from=yesterday").status == 400


def test_without_a_center_there_is_no_longitude(network: Stack) -> None:
    with Monitor(network) as blank:
        for path in ("/api/stations?format=geojson", "/api/locations"):
            answer = ask(blank, path)
            assert answer.status == 404
            assert "RECHARGE_HTTP_CENTER" in answer.body["error"]["message"]


def test_a_booking_is_an_event_a_queue_and_cancelled(monitor: Monitor) -> None:
    with Events(monitor) as events:
        booked = ask(monitor, "/api/reservations", "POST", {"x": 1, "y": 0, **BATTERY})
        assert booked.status == 201
        event = events.next()
        assert event["event"] == "reservationScheduled"
        assert json.loads(event["data"])["reservation"]["chargingStationID"] == 1
        [point] = ask(monitor, "/api/stations/1").body["points"]
        [reservation] = point["reservations"]
        assert "vehicleID" not in reservation
        assert reservation["startDateTime"] == booked.body["startDateTime"]
        path = f"/api/reservations/{booked.body['reservationID']}"
        assert ask(monitor, path, "DELETE", booked.body).status == 200
        assert events.next()["event"] == "reservationCancelled"
    with Events(monitor, last_id=event["id"]) as again:
        assert again.next()["event"] == "reservationCancelled", "what came after the last one it saw"
    assert ask(monitor, path, "DELETE", booked.body).status == 404
    assert ask(monitor, "/api/reservations", "POST", {"x": 1, "y": 0}).status == 400


def test_readers_of_events_are_bounded_and_make_room(monitor: Monitor) -> None:
    def served() -> bool:
        with Events(monitor) as reader:
            return reader.status == 200

    wait_until(served, "the readers of other tests have left")
    with Events(monitor):
        with Events(monitor), Events(monitor) as third:
            assert third.status == 503
        wait_until(served, "the second one's place is free")


def test_a_monitors_account_sees_no_names(network: Stack) -> None:
    async def book() -> None:
        async with Requester(network.address, "beto") as beto:
            await beto.request("scheduleReservation", {"x": 2, "y": 0, **BATTERY})

    with Monitor(network) as running, Events(running) as events:
        asyncio.run(book())
        assert "beto" not in events.next()["data"]
        assert running.stop() == 0, "it ends although somebody reads"
        assert "Traceback" not in running.tail()


def test_reservations_are_counted_of_which_no_event_tells(network: Stack) -> None:
    """Those of clients on TCP, and those from before the monitor's time."""
    with people_of(network) as people:
        people.over_tcp().vehicle().book(Place(1, 0))
    with Monitor(network) as running, connect(f"ws://{HOST}:{running.port}/api/live") as viewer:

        def are_counted() -> bool:
            figures = json.loads(viewer.recv(timeout=DEADLINE))["figures"]
            soon, all_of_them = figures["reservationsSoon"], figures["reservations"]
            return soon is not None and soon + figures["reservationsNow"] == all_of_them > 0

        wait_until(are_counted, "the reservations of the coming hours")


def test_it_measures_itself(network: Stack) -> None:
    port = free_port()
    with Monitor(network, metrics_port=str(port), http_max_viewers="1") as running, Events(running):
        wait_for_sample(port, "recharge_monitor_event_readers", 1)
        seen = wait_for_sample(port, "recharge_monitor_stations", 3)
        assert seen("recharge_mqtt_connected") == 1
        assert seen("recharge_monitor_viewers") == 0


def test_its_figures_stand_beside_the_map_too(monitor: Monitor) -> None:
    assert scrape(monitor.port)("recharge_monitor_stations") == 3


def test_readiness_is_the_brokers(network: Stack, monitor: Monitor) -> None:
    assert ask(monitor, "/healthz").status == 200
    network.broker.kill()
    wait_until(lambda: ask(monitor, "/readyz").status == 503, "it misses the broker")
    assert ask(monitor, "/healthz").status == 200
    network.broker.start()
    wait_until(lambda: ask(monitor, "/readyz").status == 200, "it has the broker again")
