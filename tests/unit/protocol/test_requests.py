"""The eleven requests: their keys, the kinds of their values, and when two are the same."""

import re
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_service.protocol.actions import ACTIONS, CLIENT_ACTIONS, LEGACY_ACTIONS
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.fingerprints import fingerprint
from cloud_service.protocol.requests import Request, keys_of, make_request

CONTRACT = {
    "newChargingStation": ("x_position", "y_position"),
    "updateChargingStation": ("chargingStationID", "x_position", "y_position"),
    "deleteChargingStation": ("chargingStationID",),
    "newChargingPoint": ("chargingStationID", "power", "kWhPrice", "availability"),
    "updateChargingPoint": ("chargingPointID", "chargingStationID", "power", "kWhPrice", "availability"),
    "deleteChargingPoint": ("chargingPointID", "chargingStationID"),
    "receiveAllChargingPoints": ("chargingStationID",),
    "receiveAllReservations": ("chargingStationID",),
    "scheduleReservation": ("vid", "x", "y", "actualBatteryPercentage", "batteryCapacity"),
    "findReservation": ("vid",),
    "deleteReservation": ("reservationID", "vehicleID"),
    "startCharging": ("chargingStationID", "chargingPointID"),
    "finishCharging": ("chargingStationID", "chargingPointID"),
    "quoteReservation": ("vid", "x", "y", "actualBatteryPercentage", "batteryCapacity"),
    "cancelReservation": ("chargingStationID", "chargingPointID", "reservationID"),
    "meterCharging": ("chargingStationID", "chargingPointID", "energy"),
    "recordCharging": ("chargingStationID", "chargingPointID", "startDateTime", "finishDateTime", "energy"),
}
"""The keys that are required, or that tell whose vehicle it is."""

GOOD: dict[str, tuple[Any, ...]] = {
    "x_position": (0, -5, 2.5, 1e308, -(10**300), 5e-324),
    "y_position": (0, 7.25),
    "x": (0, 1.5),
    "y": (0, -1.5),
    "chargingStationID": (1, 5.0, 1e15, 10**20),
    "chargingPointID": (1, 2.0),
    "reservationID": (1, 3.0),
    "power": (1, 0.1, 5e-324, 10**300),
    "kWhPrice": (0, 0.0, -0.0, 1, 0.75),
    "availability": ("livre", "ocupado", "reservado"),
    "actualBatteryPercentage": (0, -0.0, 1, 99, 99.99999),
    "batteryCapacity": (1, 0.5, 1e300),
    "energy": (0, -0.0, 7.5, 10**300),
    "startDateTime": ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00-03:00"),
    "finishDateTime": ("2026-03-01T13:00:00.500000Z", "9999-12-31T23:59:59Z"),
    "vid": (7, -7, 7.0, 0, "7", "a", "Zé da Silva", "x" * 128, "/+#", 10**127),
    "vehicleID": (7, "abc"),
}

NO_NUMBER: tuple[Any, ...] = (None, True, False, "1", "", [], [1], {}, {"a": 1}, 10**309, -(10**400))
NO_ID = (*NO_NUMBER, 0, -1, 1.5, 0.0, -0.0, -5.0, 0.5)
BAD: dict[str, tuple[Any, ...]] = {
    "x_position": NO_NUMBER,
    "y_position": NO_NUMBER,
    "x": NO_NUMBER,
    "y": NO_NUMBER,
    "chargingStationID": NO_ID,
    "chargingPointID": NO_ID,
    "reservationID": NO_ID,
    "power": (*NO_NUMBER, 0, 0.0, -0.0, -1, -0.5),
    "kWhPrice": (*NO_NUMBER, -1, -0.01, -5e-324),
    "availability": (None, True, 1, "", "Livre", "livre ", "free", ["livre"]),
    "actualBatteryPercentage": (*NO_NUMBER, 100, 100.0, 100.5, -1, -0.1),
    "batteryCapacity": (*NO_NUMBER, 0, 0.0, -1),
    "energy": (*NO_NUMBER, -1, -0.1),
    "startDateTime": (None, True, 1, "", "noon", "2026-03-01T12:00:00", "2026-02-30T12:00:00Z"),
    "finishDateTime": (None, True, 1, "", "noon", "2026-03-01T12:00:00", "2026-02-30T12:00:00Z"),
    "vid": (None, True, 1.5, "", "x" * 129, "a\nb", "a\0", "\x7f", "\x85", [], {}, 10**128, -(10**127)),
    "vehicleID": (None, False, 0.5, "", "x" * 129, "a\tb", [7], 10**128),
}

SAMPLE = {key: values[0] for key, values in GOOD.items()}
MAY_BE_MISSING = {"vid", "vehicleID"}
"""Accounts that are one vehicle may leave them out; who has to name one, the handlers say."""

ANY_VALUE = {**SAMPLE, "limit": 1, "offset": 0, "owner": "a", "from": "a", "to": "b", "vehicle": "a"}
"""A good value for each key, also for those that legacy clients and chargers do not have."""

ROWS = [(action, key) for action, keys in CONTRACT.items() for key in keys]


def make(action: str, values: dict[str, Any]) -> Request:
    return make_request(CLIENT_ACTIONS[action].request, values)


def hashed(action: str, values: dict[str, Any]) -> bytes:
    return fingerprint(CLIENT_ACTIONS[action], values)


def sample(action: str) -> dict[str, Any]:
    return {key: SAMPLE[key] for key in CONTRACT[action]}


def cases(values: dict[str, tuple[Any, ...]]) -> list[Any]:
    return [
        pytest.param(action, key, value, id=f"{action}-{key}-{value!r:.30}")
        for action, key in ROWS
        for value in values[key]
    ]


def test_the_table_is_the_contract_s() -> None:
    assert list(CLIENT_ACTIONS) == list(CONTRACT)
    assert list(LEGACY_ACTIONS) == list(CONTRACT)[:11]
    for name, action in LEGACY_ACTIONS.items():
        assert set(action.legacy_keys) == set(CONTRACT[name])


@pytest.mark.parametrize(("action", "key", "value"), cases(GOOD))
def test_good_values(action: str, key: str, value: Any) -> None:
    request = make(action, {**sample(action), key: value})
    held = msgspec.to_builtins(request)[key]
    assert held == value
    if isinstance(value, int):
        assert isinstance(held, int), "an integer stays an integer"
    elif isinstance(value, float):
        id_keys = ("chargingStationID", "chargingPointID", "reservationID", "vid", "vehicleID")
        assert isinstance(held, int if key in id_keys else float)


@pytest.mark.parametrize(("action", "key", "value"), cases(BAD))
def test_bad_values(action: str, key: str, value: Any) -> None:
    with pytest.raises(BadRequest, match=key):
        make(action, {**sample(action), key: value})


@pytest.mark.parametrize(("action", "key", "value"), cases(BAD))
def test_an_error_speaks_the_protocol_s_language(action: str, key: str, value: Any) -> None:
    """Names of Python's types, and bounds that only one of two types has, say nothing to a client."""
    with pytest.raises(BadRequest) as caught:
        make(action, {**sample(action), key: value})
    assert re.fullmatch(
        rf"{key} (must be (an?|one of) .+, not .+|is out of range: .+|is longer than 128 characters)",
        caught.value.message,
    )
    for leak in ("`", "Expected", "<=", ">=", "Struct", "Invalid", "$", "null, not null"):
        assert leak not in caught.value.message


@pytest.mark.parametrize(
    ("action", "key", "value", "message"),
    [
        (
            "scheduleReservation",
            "actualBatteryPercentage",
            100,
            "actualBatteryPercentage must be a number from 0 up to, but not including, 100, not 100",
        ),
        (
            "newChargingPoint",
            "availability",
            "free",
            'availability must be one of livre, ocupado, reservado, not "free"',
        ),
        ("newChargingPoint", "power", "22", 'power must be a number above 0, not "22"'),
        ("newChargingPoint", "kWhPrice", -1, "kWhPrice must be a number of 0 or more, not -1"),
        ("newChargingStation", "x_position", None, "x_position must be a number, not null"),
        (
            "deleteChargingStation",
            "chargingStationID",
            0,
            "chargingStationID must be an integer from 1, not 0",
        ),
        ("receiveAllReservations", "limit", 1001, "limit must be an integer from 1 to 1000, not 1001"),
        ("receiveAllReservations", "offset", -1, "offset must be an integer of 0 or more, not -1"),
        (
            "findReservation",
            "vid",
            "x" * 129,
            "vid must be an integer or a text of 1 to 128 characters without control characters,"
            f' not "{"x" * 39}...',
        ),
        ("newChargingStation", "y_position", [[1]], "y_position must be a number, not a list"),
        ("newChargingStation", "y_position", {"a": 1}, "y_position must be a number, not an object"),
    ],
)
def test_an_error_says_what_the_value_must_be(action: str, key: str, value: Any, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        make(action, {**sample(action), key: value})
    assert caught.value.message == message


@pytest.mark.parametrize("action", ACTIONS)
def test_every_key_says_what_it_must_be(action: str) -> None:
    """Also those that only the administrator may send."""
    kind = ACTIONS[action].request
    for key in keys_of(kind):
        with pytest.raises(BadRequest, match=rf"^{key} must be (an? |one of |true or ).+, not an object$"):
            make_request(kind, {**ANY_VALUE, key: {}})


@pytest.mark.parametrize(("action", "key"), ROWS)
def test_missing_keys(action: str, key: str) -> None:
    values = {name: value for name, value in sample(action).items() if name != key}
    if key in MAY_BE_MISSING:
        make(action, values)
    else:
        with pytest.raises(BadRequest, match=f"missing key `{key}`"):
            make(action, values)


@pytest.mark.parametrize("action", CLIENT_ACTIONS)
def test_unknown_keys_are_ignored(action: str) -> None:
    more = {"unknown": [1e300], "action": 1, "changes": None, "Power": 1, "station_id": 9, "requestID": 5}
    assert make(action, {**sample(action), **more}) == make(action, sample(action))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(ROWS), anything)
def test_any_value_makes_a_request_or_a_bad_one(row: tuple[str, str], value: Any) -> None:
    action, key = row
    values = {**sample(action), key: value}
    with suppress(BadRequest):
        assert make(action, values) == make(action, values)


class TestFingerprints:
    @pytest.mark.parametrize("action", CLIENT_ACTIONS)
    def test_what_does_not_count(self, action: str) -> None:
        plain = hashed(action, sample(action))
        around = {"requestID": "a", "replyTo": "b", "expiresAt": 5, "unknown": 1}
        assert hashed(action, {**around, **dict(reversed(sample(action).items()))}) == plain

    @pytest.mark.parametrize(("action", "key"), ROWS)
    def test_what_counts(self, action: str, key: str) -> None:
        plain = hashed(action, sample(action))
        for value in (*GOOD[key][1:], *BAD[key]):
            if value != SAMPLE[key] or type(value) is not type(SAMPLE[key]):
                same_number = isinstance(value, int | float) and value == SAMPLE[key]
                same = same_number and not isinstance(value, bool)
                assert (hashed(action, {**sample(action), key: value}) == plain) == same, value
        without = {name: value for name, value in sample(action).items() if name != key}
        assert hashed(action, without) != plain

    def test_the_action_counts(self) -> None:
        values = {"chargingStationID": 1}
        prints = {hashed(action, values) for action in CLIENT_ACTIONS}
        assert len(prints) == len(CLIENT_ACTIONS)

    def test_values_do_not_run_into_each_other(self) -> None:
        one = hashed("newChargingStation", {"x_position": "1", "y_position": "2"})
        assert one != hashed("newChargingStation", {"x_position": '1","2'})
        assert one != hashed("newChargingStation", {"x_position": 1, "y_position": 2})

    @given(st.sampled_from(ROWS), anything)
    def test_any_value_has_one(self, row: tuple[str, str], value: Any) -> None:
        assert len(hashed(row[0], {row[1]: value})) == 16
