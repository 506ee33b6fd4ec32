"""What is too much: for one client, for a reply, for a charge. Each on a network of its own."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.kit.pausing import paused
from tests.kit.people import TRANSPORTS, Charger, People, Place, new_place, people_of, target_of
from tests.kit.processes import Stack
from tests.kit.refusals import refused
from tests.kit.tcp import TcpClient

HERE = Place(0, 0)


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A network with low limits. Each test leaves it without a point."""
    limits = {"max_result_bytes": "2000", "pending_per_client": "1", "max_charge_days": "0.5"}
    with Stack(tmp_path_factory.mktemp("limited"), **limits) as stack:
        yield stack


class TestLowLimits:
    def test_first_there_is_nothing_to_schedule_on(self, limited: Stack) -> None:
        with people_of(limited) as mqtt:
            for transport in TRANSPORTS:
                people = People(mqtt.target, transport)
                with refused("NOT_FOUND"):
                    people.vehicle().book(HERE)
                station = people.charger().station(new_place())
                with refused("NOT_FOUND"):
                    people.vehicle().book(HERE)
                Charger(mqtt.mqtt("operator")).delete(station)
                people.close()

    def test_a_result_that_is_too_large(self, limited: Stack) -> None:
        with people_of(limited) as people:
            for charger in (people.charger(), people.over_tcp().charger()):
                station = charger.station(new_place())
                for _ in range(15):
                    charger.point(station)
                assert len(charger.points(station)) == 15
                for _ in range(15):
                    charger.point(station)
                if isinstance(charger.client, TcpClient):
                    request = {"receiveAllChargingPoints": True, "chargingStationID": station}
                    assert charger.client.text(request) == "", "the connection ends: `None` would say none"
                else:
                    with refused("TOO_LARGE"):
                        charger.points(station)
                charger.delete(station)

    def test_the_longest_charge_is_a_setting(self, limited: Stack) -> None:
        with people_of(limited) as people:
            station = people.charger().with_point(HERE)
            with refused("BAD_REQUEST"):
                people.vehicle().book(HERE, capacity=120.1)
            assert people.vehicle().book(HERE, capacity=120)["duration"] == 12
            Charger(people.mqtt("operator")).delete(station)

    def test_more_than_a_client_may_is_busy(self, limited: Stack) -> None:
        """A burst of changes, each with an ID: some are refused for now, and asking again mends that."""
        with people_of(limited) as people:
            client = people.mqtt("charger")
            station = Charger(client).station(new_place())
            values = {"chargingStationID": station, "power": 1, "kWhPrice": 1, "availability": "livre"}
            unanswered = {f"n{number}" for number in range(200)}
            busy, given = 0, set()

            def send() -> None:
                for number in unanswered:
                    client.send_soon("newChargingPoint", {**values, "requestID": number})

            with paused(limited.service):
                send()
                client.publish(f"recharge/v1/presence/{client.name}")  # behind them: the broker has them all
            while unanswered:
                for number in sorted(unanswered):
                    reply = client.reply(number)
                    if reply["ok"]:
                        given.add(reply["result"])
                        unanswered.discard(number)
                    else:
                        assert (reply["error"]["code"], reply["error"]["retryable"]) == ("BUSY", True)
                        busy += 1
                send()
            assert busy > 0
            assert given == set(range(1, 201)), "each took effect once"
            Charger(client).delete(station)

    def test_the_gateway_asks_again_for_its_clients(self, limited: Stack) -> None:
        client = TcpClient(target_of(limited), "many")
        places = [new_place() for _ in range(60)]

        def register(place: Place) -> str:
            return client.text({"newChargingStation": True, "x_position": place.x, "y_position": place.y})

        with ThreadPoolExecutor(20) as pool:
            replies = list(pool.map(register, places))
        assert len(set(replies)) == len(places)
        assert all(reply.isdecimal() for reply in replies)


def point(station: int, number: int) -> dict[str, Any]:
    values = {"power": 10, "kWhPrice": 1, "availability": "livre"}
    return {"chargingPointID": number, "chargingStationID": station, **values}


class TestLargeResults:
    """The broker's limit on packets lies above the largest reply."""

    @pytest.fixture
    def stack(self, tmp_path: Path) -> Iterator[Stack]:
        prepared = Stack(tmp_path)
        prepared.data_dir.mkdir()
        rows = [point(1, number) for number in range(1, 10_901)]
        more = [point(2, number) for number in range(1, 11_201)]
        stations = [{"chargingStationID": number, "x_position": number, "y_position": 0} for number in (1, 2)]
        (prepared.data_dir / "charging_stations.json").write_text(json.dumps(stations))
        (prepared.data_dir / "charging_points.json").write_text(json.dumps(rows + more))
        with prepared as running:
            yield running

    def test_up_to_a_mebibyte_they_are_answered(self, stack: Stack) -> None:
        with people_of(stack) as people:
            readers = [Charger(people.mqtt("operator", version=version)) for version in ("mqtt5", "mqtt311")]
            readers.append(people.over_tcp().charger())
            for reader in readers:
                points = reader.points(1)
                assert len(points) == 10_900
                assert 0.95 * 2**20 < len(json.dumps(points, separators=(",", ":"))) < 2**20
            for reader in readers[:2]:
                with refused("TOO_LARGE"):
                    reader.points(2)
                assert len(reader.points(1)) == 10_900
            request = {"receiveAllChargingPoints": True, "chargingStationID": 2}
            legacy = TcpClient(people.target, "legacy")
            assert legacy.text(request) == "", "the connection ends: `None` would say none"
