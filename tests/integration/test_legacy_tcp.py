"""TCP as existing clients use it: raw sockets against the real gateway, and all that is behind it."""

import json
import select
import socket
import struct
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.kit.processes import HOST, Stack
from tests.kit.waiting import DEADLINE, wait_until

ZONE = ZoneInfo("America/Sao_Paulo")
LINGER = 5
"""Seconds after which the gateway ends a connection on which it said Sucesso or None, by default."""
TIMES = {"tcp_request_timeout": 1.5, "tcp_idle_timeout": 2.5, "tcp_write_timeout": 1.5, "tcp_linger": 0.5}
POINT = {"power": 30, "kWhPrice": 0.5, "availability": "livre"}
NEEDS = {"actualBatteryPercentage": 50, "batteryCapacity": 60}
"""30 kWh, an hour at a point of 30 kW."""
_places = count(50_000, 100)
_vehicles = count(1)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A network whose gateway has a zone of its own, and the default times."""
    with Stack(tmp_path_factory.mktemp("legacy"), time_zone=ZONE.key) as running:
        yield running


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A network whose gateway ends no connection just because time has passed."""
    with Stack(tmp_path_factory.mktemp("patient"), tcp_linger="3600", tcp_idle_timeout="3600") as running:
        yield running


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A network whose gateway has short timeouts."""
    settings = {name: str(value) for name, value in TIMES.items()}
    with Stack(tmp_path_factory.mktemp("impatient"), **settings) as running:
        yield running


@pytest.fixture
def x() -> int:
    """A coordinate far from all other stations."""
    return next(_places)


@pytest.fixture
def vid() -> str:
    return f"legacy-{next(_vehicles)}"


def connect(stack: Stack) -> socket.socket:
    return socket.create_connection((HOST, stack.tcp_port), timeout=DEADLINE)


def until_end(connection: socket.socket) -> bytes:
    """As a client does that reads until the connection ends."""
    received = b""
    while chunk := connection.recv(1024):
        received += chunk
    return received


def exactly(connection: socket.socket, length: int) -> bytes:
    """This many bytes, however they come."""
    received = b""
    while len(received) < length and (chunk := connection.recv(length - len(received))):
        received += chunk
    return received


def until_json(connection: socket.socket) -> Any:
    """As a client does that reads until the bytes parse, or the connection ends."""
    received = b""
    while True:
        chunk = connection.recv(1024)
        assert chunk, f"the connection ended after {received!r}"
        received += chunk
        try:
            return json.loads(received)
        except ValueError:
            continue


def ask(stack: Stack, action: str, **values: Any) -> str:
    """As most clients do: a connection a request, pretty-printed, and one recv for the reply."""
    with connect(stack) as sock:
        sock.sendall(json.dumps({action: True, **values}, indent=4).encode())
        return sock.recv(4096).decode()


def place_point(stack: Stack, x: int) -> int:
    """A station with a point, far from others."""
    station = int(ask(stack, "newChargingStation", x_position=x, y_position=0))
    assert ask(stack, "newChargingPoint", chargingStationID=station, **POINT) == "1"
    return station


def book(stack: Stack, vid: int | str, x: int) -> Any:
    return json.loads(ask(stack, "scheduleReservation", vid=vid, x=x, y=0, **NEEDS))


FIND_NOBODY = {"findReservation": True, "vid": "nobody"}
"""Answered with None."""


class TestActions:
    def test_stations(self, gateway: Stack, x: int) -> None:
        station = ask(gateway, "newChargingStation", x_position=x, y_position=-1.5)
        assert station == str(int(station))
        assert ask(gateway, "newChargingStation", x_position=x, y_position=-1.5) == station
        moved = {"chargingStationID": int(station), "x_position": x + 1, "y_position": 0}
        assert ask(gateway, "updateChargingStation", **moved) == "Sucesso"
        assert ask(gateway, "deleteChargingStation", chargingStationID=int(station)) == "Sucesso"
        assert ask(gateway, "deleteChargingStation", chargingStationID=int(station)) == "None"
        assert int(ask(gateway, "newChargingStation", x_position=x, y_position=-1.5)) > int(station)

    def test_points(self, gateway: Stack, x: int) -> None:
        station = int(ask(gateway, "newChargingStation", x_position=x, y_position=0))
        assert ask(gateway, "receiveAllChargingPoints", chargingStationID=station) == "None"
        assert ask(gateway, "newChargingPoint", chargingStationID=station, **POINT) == "1"
        assert ask(gateway, "newChargingPoint", chargingStationID=station, **POINT) == "2"
        changed = {"power": 7.2, "kWhPrice": 1, "availability": "ocupado"}
        second = {"chargingPointID": 2, "chargingStationID": station}
        assert ask(gateway, "updateChargingPoint", **second, **changed) == "Sucesso"
        listed = ask(gateway, "receiveAllChargingPoints", chargingStationID=station)
        records = [
            {"chargingPointID": 1, "chargingStationID": station, **POINT},
            {"chargingPointID": 2, "chargingStationID": station, **changed},
        ]
        assert listed == json.dumps(records, indent=4)
        assert ask(gateway, "deleteChargingPoint", **second) == "Sucesso"
        assert ask(gateway, "deleteChargingPoint", **second) == "None"
        assert ask(gateway, "newChargingPoint", chargingStationID=station, **POINT) == "3"

    def test_reservations(self, gateway: Stack, x: int, vid: str) -> None:
        station = place_point(gateway, x)
        assert ask(gateway, "receiveAllReservations", chargingStationID=station) == "None"
        text = ask(gateway, "scheduleReservation", vid=vid, x=x, y=0, **NEEDS)
        booked = json.loads(text)
        assert text == json.dumps(booked, indent=4)
        assert list(booked.items()) == [
            ("reservationID", 1),
            ("chargingStationID", station),
            ("chargingPointID", 1),
            ("chargingPointPower", 30),
            ("kWhPrice", 0.5),
            ("vehicleID", vid),
            ("startDateTime", booked["startDateTime"]),
            ("finishDateTime", booked["finishDateTime"]),
            ("duration", 1),
            ("price", 15),
        ]
        assert ask(gateway, "findReservation", vid=vid) == text
        assert ask(gateway, "scheduleReservation", vid=vid, x=0, y=0, **NEEDS) == text
        listed = ask(gateway, "receiveAllReservations", chargingStationID=station)
        assert listed == json.dumps([booked], indent=4)
        assert ask(gateway, "deleteReservation", reservationID=1, vehicleID=vid) == "Sucesso"
        assert ask(gateway, "deleteReservation", reservationID=1, vehicleID=vid) == "None"
        assert ask(gateway, "findReservation", vid=vid) == "None"

    def test_dates_are_naive_and_in_the_gateway_s_zone(self, gateway: Stack, x: int, vid: str) -> None:
        place_point(gateway, x)
        before = datetime.now(UTC)
        booked = book(gateway, vid, x)
        start, finish = (datetime.fromisoformat(booked[key]) for key in ("startDateTime", "finishDateTime"))
        assert start.tzinfo is finish.tzinfo is None
        since = start.replace(tzinfo=ZONE) - before
        assert timedelta(minutes=5) <= since <= timedelta(minutes=5, seconds=DEADLINE)
        assert finish - start == timedelta(hours=1)

    def test_texts_are_told_in_ascii(self, gateway: Stack, x: int) -> None:
        place_point(gateway, x)
        text = ask(gateway, "scheduleReservation", vid="José 🚗", x=x, y=0, **NEEDS)
        assert text.isascii()
        assert json.loads(text)["vehicleID"] == "José 🚗"

    def test_7_and_a_text_of_7_are_one_vehicle(self, gateway: Stack, x: int) -> None:
        place_point(gateway, x)
        first = book(gateway, 7, x)
        assert first["vehicleID"] == 7
        assert book(gateway, "7", x) == first
        assert ask(gateway, "findReservation", vid="007") == "None"

    @pytest.mark.parametrize("name", ["chargingStationID", "chargingPointID"])
    def test_what_does_not_exist_is_none(self, gateway: Stack, x: int, name: str) -> None:
        keys = {"chargingStationID": place_point(gateway, x), "chargingPointID": 1, name: 987_654}
        assert ask(gateway, "updateChargingPoint", **keys, **POINT) == "None"
        assert ask(gateway, "deleteChargingPoint", **keys) == "None"

    @pytest.mark.parametrize(
        "values",
        [
            {"x_position": "1", "y_position": 2},
            {"x_position": True, "y_position": 2},
            {"x_position": None, "y_position": 2},
            {"x_position": [1], "y_position": 2},
            {"x_position": 10**400, "y_position": 2},
            {"x_position": 1},
            {},
        ],
        ids=lambda values: str(values)[:40],
    )
    def test_bad_values_are_none(self, gateway: Stack, values: dict[str, Any]) -> None:
        assert ask(gateway, "newChargingStation", **values) == "None"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"actualBatteryPercentage": 100},
            {"actualBatteryPercentage": -1},
            {"batteryCapacity": 0},
            {"batteryCapacity": 1e300},
            {"vid": ""},
            {"vid": "x" * 129},
            {"vid": "a\nb"},
            {"vid": 1.5},
        ],
        ids=str,
    )
    def test_bad_bookings_are_none(self, gateway: Stack, x: int, vid: str, wrong: dict[str, Any]) -> None:
        place_point(gateway, x)
        assert ask(gateway, "scheduleReservation", **{"vid": vid, "x": x, "y": 0, **NEEDS, **wrong}) == "None"
        assert ask(gateway, "findReservation", vid=vid) == "None"


class TestRequests:
    def test_a_byte_at_a_time(self, gateway: Stack, x: int) -> None:
        request = json.dumps({"newChargingStation": True, "x_position": x, "y_position": 0}, indent=4)
        with connect(gateway) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in request.encode():
                sock.sendall(bytes([byte]))
                time.sleep(0.001)  # or the kernel would join the bytes
            assert int(sock.recv(4096)) > 0

    def test_a_character_cut_in_two(self, gateway: Stack) -> None:
        body = '{"findReservation": true, "vid": "Zé"}'.encode()
        cut = body.index("é".encode()) + 1
        with connect(gateway) as sock:
            sock.sendall(body[:cut])
            time.sleep(0.05)  # or the kernel would join the halves
            sock.sendall(body[cut:])
            assert sock.recv(4096) == b"None"

    def test_two_in_one_segment(self, gateway: Stack, x: int) -> None:
        new = json.dumps({"newChargingStation": True, "x_position": x, "y_position": 0})
        number = ask(gateway, "newChargingStation", x_position=x, y_position=0)
        expected = f"{number}None{number}".encode()
        with connect(gateway) as sock:
            sock.sendall(f"{new}{json.dumps(FIND_NOBODY, indent=4)}\r\n\t {new}".encode())
            assert exactly(sock, len(expected)) == expected

    def test_a_hundred_in_one_segment_are_answered_in_their_order(self, gateway: Stack, x: int) -> None:
        numbers = [
            ask(gateway, "newChargingStation", x_position=x, y_position=place).encode() for place in (0, 1)
        ]
        requests = [
            json.dumps({"newChargingStation": True, "x_position": x, "y_position": place % 2})
            for place in range(100)
        ]
        with connect(gateway) as sock:
            sock.sendall("".join(requests).encode())
            sock.shutdown(socket.SHUT_WR)
            assert until_end(sock) == b"".join(numbers) * 50

    def test_several_on_one_connection_with_pauses(self, gateway: Stack, x: int, vid: str) -> None:
        station = place_point(gateway, x)
        with connect(gateway) as sock:
            for action, values, reply in (
                ("findReservation", {"vid": vid}, b"None"),
                ("receiveAllReservations", {"chargingStationID": station}, b"None"),
                ("newChargingPoint", {"chargingStationID": station, **POINT}, b"2"),
                ("deleteChargingPoint", {"chargingStationID": station, "chargingPointID": 2}, b"Sucesso"),
                ("newChargingPoint", {"chargingStationID": station, **POINT}, b"3"),
            ):
                sock.sendall(json.dumps({action: True, **values}, indent=4).encode())
                assert sock.recv(4096) == reply
                time.sleep(0.3)  # the pause that is tested

    @pytest.mark.parametrize("value", [True, False, None, 1, "yes", {}])
    def test_the_action_s_value_is_of_no_account(self, gateway: Stack, value: Any) -> None:
        with connect(gateway) as sock:
            sock.sendall(json.dumps({"receiveAllReservations": value, "chargingStationID": 987_654}).encode())
            assert sock.recv(4096) == b"None"

    def test_keys_in_any_order_and_unknown_ones(self, gateway: Stack, x: int) -> None:
        number = ask(gateway, "newChargingStation", x_position=x, y_position=0)
        values = {"y_position": 0.0, "more": [{"x_position": 1}], "x_position": x, "newChargingStation": 1}
        with connect(gateway) as sock:
            sock.sendall(json.dumps(values).encode())
            assert sock.recv(4096).decode() == number

    def test_of_several_actions_the_first_of_the_table_whose_keys_are_there(
        self, gateway: Stack, x: int
    ) -> None:
        station = place_point(gateway, x)
        values = {"deleteChargingPoint": True, "receiveAllChargingPoints": True, "newChargingStation": True}
        with connect(gateway) as sock:
            sock.sendall(json.dumps({**values, "chargingStationID": station}).encode())
            assert until_json(sock) == [{"chargingPointID": 1, "chargingStationID": station, **POINT}]
            sock.sendall(json.dumps({**values, "chargingStationID": station, "chargingPointID": 1}).encode())
            assert sock.recv(4096) == b"Sucesso"

    def test_the_most_that_a_request_may_be(self, gateway: Stack) -> None:
        start, end = b'{"findReservation": true, "vid": "nobody", "more": "', b'"}'
        with connect(gateway) as sock:
            sock.sendall(start + b"x" * (65_536 - len(start) - len(end)) + end)
            assert sock.recv(4096) == b"None"
            sock.sendall(json.dumps({"findReservation": True, "vid": "nobody"}).encode())
            assert sock.recv(4096) == b"None"

    def test_nested_as_deep_as_it_may_be(self, gateway: Stack) -> None:
        deep = b'{"findReservation": true, "vid": "nobody", "more": ' + b"[" * 31 + b"]" * 31 + b"}"
        with connect(gateway) as sock:
            for _ in range(2):
                sock.sendall(deep)
                assert sock.recv(4096) == b"None"

    @pytest.mark.parametrize(
        "body",
        [
            b"hello\n",
            b"\x00\xff\xfe",
            b"\xef\xbb\xbf{}",
            b"[]",
            b'"findReservation"',
            b"None",
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"{'findReservation': true}",
            b'{"findReservation": true, "vid": NaN}',
            b'{"findReservation": true, "vid": 007}',
            b'{"findReservation": true, "vid": "\xff"}',
            b'{"findReservation": true, "vid": "a\nb"}',
            b'{"findReservation": true,}',
            b'{"a": ' + b"[" * 32,
            b'{"a": {"a": ' * 5_000,
            b'{"findReservation": true, "vid": "' + b"x" * 66_000,
        ],
        ids=lambda body: ascii(body[:30]),
    )
    def test_what_cannot_become_a_request_is_none_and_the_end(self, patient: Stack, body: bytes) -> None:
        with connect(patient) as sock:
            sock.sendall(body)
            assert until_end(sock) == b"None"

    def test_what_follows_garbage_is_not_read(self, patient: Stack, x: int) -> None:
        request = json.dumps({"newChargingStation": True, "x_position": x, "y_position": 0}).encode()
        number = ask(patient, "newChargingStation", x_position=x, y_position=0).encode()
        with connect(patient) as sock:
            sock.sendall(request + b"," + request)
            assert until_end(sock) == number + b"None"

    def test_an_object_that_never_ends(self, patient: Stack) -> None:
        with connect(patient) as sock:
            sock.sendall(b'{"findReservation": true')
            end = time.monotonic() + DEADLINE
            while not select.select([sock], [], [], 0)[0]:
                sock.sendall(b', "key": "%s"' % (b"x" * 1000))
                assert time.monotonic() < end, "the gateway takes it all in"
            assert until_end(sock) == b"None"
        assert ask(patient, "findReservation", vid="nobody") == "None"

    def test_a_key_that_stands_twice(self, gateway: Stack) -> None:
        with connect(gateway) as sock:
            sock.sendall(b'{"newChargingStation": true, "x_position": 1, "x_position": 2, "y_position": 0}')
            assert sock.recv(4096) == b"None"


class TestHowClientsRead:
    def test_one_recv_of_4096_gets_all_of_a_list(self, gateway: Stack, x: int) -> None:
        """A list of 20 points is written in one piece."""
        station = int(ask(gateway, "newChargingStation", x_position=x, y_position=0))
        for _ in range(20):
            ask(gateway, "newChargingPoint", chargingStationID=station, **POINT)
        with connect(gateway) as sock:
            sock.sendall(json.dumps({"receiveAllChargingPoints": 1, "chargingStationID": station}).encode())
            assert len(json.loads(sock.recv(4096))) == 20

    def test_until_it_parses(self, gateway: Stack, x: int, vid: str) -> None:
        place_point(gateway, x)
        with connect(gateway) as sock:
            for _ in range(2):
                sock.sendall(
                    json.dumps({"scheduleReservation": True, "vid": vid, "x": x, "y": 0, **NEEDS}).encode()
                )
                assert until_json(sock)["vehicleID"] == vid

    def test_until_the_end_after_sucesso(self, gateway: Stack, x: int) -> None:
        station = place_point(gateway, x)
        with connect(gateway) as sock:
            request = {"deleteChargingStation": True, "chargingStationID": station}
            begun = time.monotonic()
            sock.sendall(json.dumps(request, indent=4).encode())
            assert until_end(sock) == b"Sucesso"
            assert LINGER - 1 < time.monotonic() - begun < LINGER + 20

    def test_until_the_end_after_none(self, gateway: Stack) -> None:
        with connect(gateway) as sock:
            begun = time.monotonic()
            sock.sendall(json.dumps(FIND_NOBODY, indent=4).encode())
            assert until_end(sock) == b"None"
            assert LINGER - 1 < time.monotonic() - begun < LINGER + 20

    def test_one_that_closes_without_reading(self, gateway: Stack, x: int) -> None:
        """What it asked for is done all the same."""
        point = {"chargingStationID": place_point(gateway, x), "chargingPointID": 1}
        with connect(gateway) as sock:
            sock.sendall(json.dumps({"deleteChargingPoint": True, **point}, indent=4).encode())
        listed = {"chargingStationID": point["chargingStationID"]}
        wait_until(
            lambda: ask(gateway, "receiveAllChargingPoints", **listed) == "None", "the point is deleted"
        )

    def test_one_that_ends_with_a_reset(self, gateway: Stack) -> None:
        with connect(gateway) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.sendall(json.dumps(FIND_NOBODY).encode() * 100)
        assert ask(gateway, "findReservation", vid="nobody") == "None"

    def test_half_close_gets_all_replies_and_the_end_at_once(self, patient: Stack, x: int) -> None:
        number = ask(patient, "newChargingStation", x_position=x, y_position=0)
        new = {"newChargingStation": True, "x_position": x, "y_position": 0}
        with connect(patient) as sock:
            sock.sendall("".join(map(json.dumps, (FIND_NOBODY, new, FIND_NOBODY))).encode())
            sock.shutdown(socket.SHUT_WR)
            assert until_end(sock).decode() == f"None{number}None"

    def test_half_close_without_a_request(self, patient: Stack) -> None:
        with connect(patient) as sock:
            sock.shutdown(socket.SHUT_WR)
            assert until_end(sock) == b""

    def test_half_close_in_the_midst_of_a_request(self, patient: Stack) -> None:
        with connect(patient) as sock:
            sock.sendall(json.dumps(FIND_NOBODY).encode()[:-1])
            sock.shutdown(socket.SHUT_WR)
            assert until_end(sock) == b"None"


class TestPatience:
    def test_half_a_request(self, impatient: Stack) -> None:
        with connect(impatient) as sock:
            begun = time.monotonic()
            sock.sendall(b'{"findReservation": true, ')
            assert until_end(sock) == b"None"
            assert time.monotonic() - begun >= TIMES["tcp_request_timeout"] * 0.9

    def test_a_request_that_trickles(self, impatient: Stack) -> None:
        """A byte now and then does not stretch the time for the whole."""
        with connect(impatient) as sock:
            sock.sendall(b'{"findReservation": true, ')
            sock.settimeout(0.1)
            begun = time.monotonic()
            received = b""
            while time.monotonic() < begun + DEADLINE and not received:
                try:
                    sock.sendall(b" ")
                    received = sock.recv(4096)
                except TimeoutError:
                    continue
            assert received == b"None"

    def test_silence(self, impatient: Stack) -> None:
        begun = time.monotonic()
        with connect(impatient) as sock:
            assert until_end(sock) == b""
            assert time.monotonic() - begun >= TIMES["tcp_idle_timeout"] * 0.9

    def test_silence_after_an_id_and_after_none(self, impatient: Stack, x: int) -> None:
        ends = []
        for request in ({"newChargingStation": 1, "x_position": x, "y_position": 0}, FIND_NOBODY):
            with connect(impatient) as sock:
                begun = time.monotonic()
                sock.sendall(json.dumps(request).encode())
                assert until_end(sock)
                ends.append(time.monotonic() - begun)
        assert ends[0] >= TIMES["tcp_idle_timeout"] * 0.9
        assert ends[1] >= TIMES["tcp_linger"] * 0.9

    def test_one_that_never_reads(self, impatient: Stack, x: int) -> None:
        """It is disconnected, and holds up nobody."""
        station = int(ask(impatient, "newChargingStation", x_position=x, y_position=0))
        for _ in range(20):
            ask(impatient, "newChargingPoint", chargingStationID=station, **POINT)
        request = json.dumps({"receiveAllChargingPoints": True, "chargingStationID": station}).encode()
        with connect(impatient) as sock:
            sock.settimeout(0.1)
            end = time.monotonic() + DEADLINE
            while time.monotonic() < end:
                try:
                    sock.sendall(request)
                except TimeoutError:
                    assert ask(impatient, "findReservation", vid="nobody") == "None"
                except ConnectionError:
                    break
            else:
                pytest.fail("the gateway keeps the connection of a client that never reads")


class TestOutages:
    """What is not known is not answered: `None` means no, never perhaps."""

    NEW = json.dumps({"newChargingStation": True, "x_position": 1, "y_position": 1}, indent=4).encode()

    def test_the_service_does_not_come_back_in_time(self, tmp_path: Path) -> None:
        with Stack(tmp_path, tcp_deadline="4") as stack:
            stack.service.stop()
            with connect(stack) as sock:
                sock.sendall(self.NEW)
                assert until_end(sock) == b""
            stack.start_service()
            assert ask(stack, "newChargingStation", x_position=2, y_position=2) == "1"

    def test_the_service_comes_back_in_time(self, tmp_path: Path) -> None:
        with Stack(tmp_path, tcp_deadline=f"{DEADLINE:g}") as stack:
            stack.service.kill()
            with connect(stack) as sock:
                sock.sendall(self.NEW)
                stack.start_service()
                assert sock.recv(4096) == b"1"

    def test_the_broker_comes_back_in_time(self, tmp_path: Path) -> None:
        with Stack(tmp_path, tcp_deadline=f"{DEADLINE:g}") as stack:
            stack.broker.kill()
            with connect(stack) as sock:
                sock.sendall(self.NEW)
                stack.broker.start()
                assert sock.recv(4096) == b"1"
            assert ask(stack, "newChargingStation", x_position=2, y_position=2) == "2"


def test_limits_of_bookings_and_lists_end_the_connection_without_a_reply(tmp_path: Path) -> None:
    settings = {"tcp_max_bookings_per_address": "2", "max_result_bytes": "400", "time_zone": ZONE.key}
    with Stack(tmp_path, **settings) as stack:
        station = int(ask(stack, "newChargingStation", x_position=1, y_position=1))
        assert ask(stack, "newChargingPoint", chargingStationID=station, **POINT) == "1"
        booked = [
            ask(stack, "scheduleReservation", vid=vehicle, x=1, y=1, **NEEDS) for vehicle in (1, 2, 3, 1)
        ]
        assert [json.loads(booked[index])["vehicleID"] for index in (0, 1, 3)] == [1, 2, 1]
        assert booked[2] == ""
        assert ask(stack, "receiveAllReservations", chargingStationID=station) == ""
        for line in ("bookings refused", "outcome=TOO_LARGE"):
            wait_until(lambda line=line: line in stack.gateway.tail(), f"the log says {line!r}")
