"""Legacy requests become typed requests, and results the texts that legacy clients expect."""

import json
import time
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloud_service.gateway.translation import NONE, may_be_last, read_request, write_reply
from cloud_service.protocol.actions import LEGACY_ACTIONS
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.jsontext import Unreadable
from cloud_service.protocol.requests import make_request

GOOD: dict[str, dict[str, Any]] = {
    "newChargingStation": {"x_position": 1, "y_position": -2.5},
    "updateChargingStation": {"chargingStationID": 1, "x_position": 1, "y_position": 2},
    "deleteChargingStation": {"chargingStationID": 1},
    "newChargingPoint": {"chargingStationID": 1, "power": 22, "kWhPrice": 0.5, "availability": "livre"},
    "updateChargingPoint": {
        "chargingPointID": 2,
        "chargingStationID": 1,
        "power": 22,
        "kWhPrice": 0,
        "availability": "ocupado",
    },
    "deleteChargingPoint": {"chargingPointID": 2, "chargingStationID": 1},
    "receiveAllChargingPoints": {"chargingStationID": 1},
    "receiveAllReservations": {"chargingStationID": 1.0},
    "scheduleReservation": {
        "vid": "ABC-1234",
        "x": 0,
        "y": 0,
        "actualBatteryPercentage": 20,
        "batteryCapacity": 50,
    },
    "findReservation": {"vid": 7},
    "deleteReservation": {"reservationID": 3, "vehicleID": "007"},
}
POINT = {
    "chargingPointID": 1,
    "chargingStationID": 2,
    "power": 30,
    "kWhPrice": 0.5,
    "availability": "livre",
}
RESERVATION = {
    "reservationID": 1,
    "chargingStationID": 2,
    "chargingPointID": 3,
    "chargingPointPower": 30,
    "kWhPrice": 0.5,
    "vehicleID": "São Paulo 1",
    "startDateTime": "2026-03-01T02:30:00+00:00",
    "finishDateTime": "2026-03-01T03:50:00.250000+00:00",
    "duration": 1.3334027777777777,
    "price": 20,
}
SAO_PAULO = ZoneInfo("America/Sao_Paulo")


def encode(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_there_is_an_example_of_each_action() -> None:
    assert list(GOOD) == list(LEGACY_ACTIONS)


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("marker", [True, False, None, 0, "x", []])
def test_an_action_is_known_by_its_name_whatever_the_value(name: str, marker: Any) -> None:
    action, request = read_request(encode({**GOOD[name], name: marker, "unknown": {"key": 1}}))
    assert action is LEGACY_ACTIONS[name]
    assert msgspec.to_builtins(request) == GOOD[name]


NUMBERS = st.integers(-(10**40), 10**40) | st.floats(allow_nan=False, allow_infinity=False)


@given(NUMBERS, NUMBERS)
def test_numbers_reach_the_service_as_the_client_wrote_them(x: float, y: float) -> None:
    _, request = read_request(encode({"newChargingStation": True, "x_position": x, "y_position": y}))
    forwarded = msgspec.to_builtins(request)
    assert repr(forwarded) == repr({"x_position": x, "y_position": y})
    assert repr(json.loads(msgspec.json.encode(forwarded))) == repr(forwarded)


def test_an_id_with_a_fraction_of_zero_is_an_integer() -> None:
    body = b'{"deleteReservation": true, "reservationID": 5.0, "vehicleID": 7.0}'
    assert repr(msgspec.to_builtins(read_request(body)[1])) == "{'reservationID': 5, 'vehicleID': 7}"


@pytest.mark.parametrize(("action", "key"), [(action, key) for action in GOOD for key in GOOD[action]])
def test_a_missing_key_is_an_error_that_names_the_action(action: str, key: str) -> None:
    rest = {name: value for name, value in GOOD[action].items() if name != key}
    with pytest.raises(BadRequest, match=action):
        read_request(encode({action: True, **rest}))


@pytest.mark.parametrize(
    ("body", "action"),
    [
        ({"deleteChargingStation": True, "newChargingStation": True}, "newChargingStation"),
        ({"updateChargingStation": True, "deleteChargingStation": True}, "updateChargingStation"),
        ({"findReservation": True, "receiveAllReservations": True}, "receiveAllReservations"),
    ],
)
def test_of_several_actions_the_first_in_the_table_whose_keys_are_there_counts(
    body: dict[str, Any], action: str
) -> None:
    everything = {key: value for values in GOOD.values() for key, value in values.items()}
    assert read_request(encode({**body, **everything}))[0].name == action


def test_an_action_without_its_keys_is_passed_over() -> None:
    body = {"newChargingStation": True, "findReservation": True, "vid": 7}
    assert read_request(encode(body))[0].name == "findReservation"


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"vid": 7}',
        b'{"findreservation": true, "vid": 7}',
        b'{"findReservation": true, "vid": 7, "vid": 8}',
        b'{"findReservation": true, "vid": null}',
        b'{"findReservation": true, "vid": ""}',
        b'{"findReservation": true, "vid": true}',
        b'{"findReservation": true, "vid": "\\ud800"}',
        b'{"deleteChargingStation": true, "chargingStationID": "1"}',
        b'{"deleteChargingStation": true, "chargingStationID": 1.5}',
        b'{"deleteChargingStation": true, "chargingStationID": 0}',
        b'{"newChargingStation": true, "x_position": 1e999, "y_position": 0}',
        b'{"newChargingStation": true, "x_position": "1", "y_position": 0}',
    ],
)
def test_bad_requests(body: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        read_request(body)
    assert not isinstance(caught.value, Unreadable), "the connection would end"


@pytest.mark.parametrize("body", [b'{"findReservation": true "vid": 7}', b'{"vid": 01}', b'{"vid": "\xff"}'])
def test_what_is_not_json(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_request(body)


@pytest.mark.parametrize(
    ("action", "result", "reply"),
    [
        ("newChargingStation", 12, b"12"),
        ("newChargingPoint", 1, b"1"),
        ("updateChargingStation", "Sucesso", b"Sucesso"),
        ("deleteReservation", "Sucesso", b"Sucesso"),
        ("receiveAllChargingPoints", [], b"None"),
        ("receiveAllReservations", [], b"None"),
    ],
)
def test_short_replies(action: str, result: Any, reply: bytes) -> None:
    assert write_reply(LEGACY_ACTIONS[action], result, None) == reply


def test_a_list_of_points() -> None:
    assert write_reply(LEGACY_ACTIONS["receiveAllChargingPoints"], [POINT, POINT], None) == (
        b"[\n"
        b'    {\n        "chargingPointID": 1,\n        "chargingStationID": 2,\n        "power": 30,\n'
        b'        "kWhPrice": 0.5,\n        "availability": "livre"\n    },\n'
        b'    {\n        "chargingPointID": 1,\n        "chargingStationID": 2,\n        "power": 30,\n'
        b'        "kWhPrice": 0.5,\n        "availability": "livre"\n    }\n'
        b"]"
    )


@pytest.mark.parametrize("action", ["scheduleReservation", "findReservation"])
def test_a_reservation_in_the_zone_of_the_gateway(action: str) -> None:
    assert write_reply(LEGACY_ACTIONS[action], RESERVATION, SAO_PAULO) == (
        b'{\n    "reservationID": 1,\n    "chargingStationID": 2,\n    "chargingPointID": 3,\n'
        b'    "chargingPointPower": 30,\n    "kWhPrice": 0.5,\n    "vehicleID": "S\\u00e3o Paulo 1",\n'
        b'    "startDateTime": "2026-02-28T23:30:00",\n    "finishDateTime": "2026-03-01T00:50:00.250000",\n'
        b'    "duration": 1.3334027777777777,\n    "price": 20\n}'
    )


def test_a_list_of_reservations_in_the_zone_of_the_gateway() -> None:
    reply = json.loads(write_reply(LEGACY_ACTIONS["receiveAllReservations"], [RESERVATION], SAO_PAULO))
    assert [list(record) for record in reply] == [list(RESERVATION)]
    assert reply[0]["startDateTime"] == "2026-02-28T23:30:00"


def test_without_a_setting_the_zone_is_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        reply = json.loads(write_reply(LEGACY_ACTIONS["findReservation"], RESERVATION, None))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert reply["startDateTime"] == "2026-03-01T11:30:00"


def test_only_sucesso_and_none_end_a_connection() -> None:
    assert may_be_last(NONE)
    assert may_be_last(b"Sucesso")
    assert not may_be_last(b"12")
    assert not may_be_last(write_reply(LEGACY_ACTIONS["findReservation"], RESERVATION, None))


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(codec="utf-8"))
VALUES = st.none() | st.booleans() | st.integers() | FLOATS | TEXTS
MOMENTS = st.floats(0, 4e9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@example([{"vehicleID": "\x7f"}])
@given(st.lists(st.dictionaries(TEXTS, VALUES), min_size=1, max_size=3))
def test_a_list_looks_as_the_old_server_wrote_it(records: list[dict[str, Any]]) -> None:
    reply = write_reply(LEGACY_ACTIONS["receiveAllChargingPoints"], records, None)
    assert reply == json.dumps(records, indent=4).encode()


@given(st.dictionaries(TEXTS, VALUES), MOMENTS, MOMENTS)
def test_a_reservation_looks_as_the_old_server_wrote_it(
    values: dict[str, Any], start: datetime, finish: datetime
) -> None:
    record = {**values, "startDateTime": start.isoformat(), "finishDateTime": finish.isoformat()}
    local = [moment.astimezone(SAO_PAULO).replace(tzinfo=None).isoformat() for moment in (start, finish)]
    expected = json.dumps({**record, "startDateTime": local[0], "finishDateTime": local[1]}, indent=4)
    assert write_reply(LEGACY_ACTIONS["findReservation"], record, SAO_PAULO) == expected.encode()


@pytest.mark.parametrize(
    ("moment", "zone", "written"),
    [
        ("9999-12-31T23:30:00+00:00", "Asia/Tokyo", "9999-12-31T23:59:59.999999"),
        ("9999-12-31T23:30:00+00:00", "America/Sao_Paulo", "9999-12-31T20:30:00"),
        ("9999-12-31T23:59:59.999999+00:00", "Europe/Lisbon", "9999-12-31T23:59:59.999999"),
        ("0001-01-01T00:30:00+00:00", "America/Sao_Paulo", "0001-01-01T00:00:00"),
        ("0001-01-01T00:30:00+00:00", "UTC", "0001-01-01T00:30:00"),
    ],
)
@pytest.mark.parametrize("by_environment", [False, True])
def test_dates_at_the_ends_of_the_calendar(
    moment: str, zone: str, written: str, by_environment: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The zone may be a setting or the machine's."""
    monkeypatch.setenv("TZ", zone if by_environment else "UTC")
    time.tzset()
    record = {**RESERVATION, "finishDateTime": moment}
    reply = write_reply(LEGACY_ACTIONS["findReservation"], record, None if by_environment else ZoneInfo(zone))
    monkeypatch.undo()
    time.tzset()
    assert json.loads(reply)["finishDateTime"] == written


def test_keys_that_only_mqtt_has_are_unknown_keys() -> None:
    action, request = read_request(b'{"receiveAllReservations": true, "chargingStationID": 1, "limit": "x"}')
    assert action.name == "receiveAllReservations"
    assert request == make_request(action.request, {"chargingStationID": 1})
