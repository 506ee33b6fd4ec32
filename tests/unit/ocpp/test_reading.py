"""What chargers send is understood as far as it can be, whatever they send."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers

from cloud_service.ocpp import v2, v16
from cloud_service.ocpp.clocks import ChargerClock
from cloud_service.ocpp.frames import Broken, Call, Failure, Result, read_frame, write_frame
from cloud_service.ocpp.handshake import mend_headers, read_credentials, read_identity
from cloud_service.ocpp.leniencies import MOST, Leniencies
from cloud_service.ocpp.login import WINDOW_SECONDS, Failures
from cloud_service.ocpp.meters import first_energy, read_meter
from cloud_service.ocpp.schemas import is_good_answer, note_faults
from cloud_service.ocpp.told import Ended, Meter, Metered, Outcome, Started, StatusTold

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACTIONS_16 = (
    "BootNotification",
    "StatusNotification",
    "Authorize",
    "StartTransaction",
    "MeterValues",
    "StopTransaction",
    "Heartbeat",
    "DataTransfer",
)
ACTIONS_2 = (
    "BootNotification",
    "StatusNotification",
    "NotifyEvent",
    "Authorize",
    "TransactionEvent",
    "MeterValues",
    "ReservationStatusUpdate",
    "Heartbeat",
    "DataTransfer",
)
KEYS = (
    "timestamp",
    "connectorId",
    "connectorStatus",
    "status",
    "errorCode",
    "idTag",
    "idToken",
    "transactionId",
    "meterStart",
    "meterStop",
    "meterValue",
    "sampledValue",
    "value",
    "unit",
    "unitOfMeasure",
    "multiplier",
    "measurand",
    "evse",
    "evseId",
    "id",
    "eventType",
    "transactionInfo",
    "chargingState",
    "eventData",
    "variable",
    "component",
    "name",
    "actualValue",
    "reservationId",
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["Started", "kWh"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)
PAYLOADS = st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=10)


def clock() -> ChargerClock:
    return ChargerClock(Leniencies())


@given(st.sampled_from(ACTIONS_16), PAYLOADS)
def test_any_payload_of_16_is_read(action: str, payload: dict[str, Any]) -> None:
    assert v16.read(action, payload, clock())
    note_faults(action, "1.6", payload, Leniencies())


@given(st.sampled_from(ACTIONS_2), PAYLOADS)
def test_any_payload_of_2_is_read(action: str, payload: dict[str, Any]) -> None:
    assert v2.read(action, payload, clock())
    note_faults(action, "2.0.1", payload, Leniencies())


@given(st.text() | st.binary() | (ANYTHING | st.lists(ANYTHING)).map(json.dumps))
def test_any_message_is_a_frame_or_broken(data: str | bytes) -> None:
    with suppress(Broken):
        read_frame(data)


@pytest.mark.parametrize("frame", [Call("1", "Heartbeat", {}), Result("1", {"a": 1}), Failure("1", "x", "y")])
def test_frames_are_read_as_they_were_written(frame: Call | Result | Failure) -> None:
    assert read_frame(write_frame(frame)) == frame


def test_deep_messages_are_broken() -> None:
    with pytest.raises(Broken):
        read_frame("[" * 100_000 + "]" * 100_000)


@pytest.mark.parametrize("action", ACTIONS_16)
@pytest.mark.parametrize("accepted", [True, False])
def test_answers_of_16_are_good(action: str, *, accepted: bool) -> None:
    answer = v16.answer(action, Outcome(accepted, "7"), NOON)
    assert is_good_answer(action, "1.6", answer)


@pytest.mark.parametrize("action", ACTIONS_2)
@pytest.mark.parametrize("accepted", [True, False])
def test_answers_of_2_are_good(action: str, *, accepted: bool) -> None:
    answer = v2.answer(action, Outcome(accepted, "7"), NOON, {"idToken": {"idToken": "a"}})
    assert is_good_answer(action, "2.0.1", answer)
    assert is_good_answer(action, "2.1", answer)


@pytest.mark.parametrize("transaction", [-1, 2**63 - 1])
def test_transaction_ids_at_the_edge(transaction: int) -> None:
    (told,) = v16.read("StopTransaction", {"transactionId": transaction, "meterStop": 5}, clock())
    assert isinstance(told, Ended)
    assert told.transaction == str(transaction)


def test_numbers_as_texts_and_texts_as_numbers() -> None:
    payload = {"connectorId": "2", "idTag": 77, "meterStart": "1500", "timestamp": NOON.isoformat()}
    assert v16.read("StartTransaction", payload, clock()) == [Started(2, "77", 1.5, NOON)]


def test_an_unknown_status_is_occupied_and_a_fault_with_an_error_faulted() -> None:
    unknown = {"connectorId": 1, "status": "Dancing", "errorCode": "NoError"}
    assert v16.read("StatusNotification", unknown, clock()) == [StatusTold(1, "occupied", "Dancing")]
    broken = {**unknown, "errorCode": "Melted"}
    assert v16.read("StatusNotification", broken, clock()) == [StatusTold(1, "faulted", "Dancing")]


def test_a_plugged_vehicle_does_not_charge_yet() -> None:
    payload = {"eventType": "Started", "transactionInfo": {"transactionId": "x"}, "evse": {"id": 1}}
    (started,) = v2.read("TransactionEvent", payload, clock())
    assert isinstance(started, Started)
    assert not started.charging
    payload |= {"eventType": "Updated", "idToken": {"idToken": "ana"}}
    started, metered = v2.read("TransactionEvent", payload, clock())
    assert isinstance(started, Started)
    assert started.charging
    assert isinstance(metered, Metered)


@pytest.mark.parametrize(
    ("sampled", "meter"),
    [
        ([{"value": "1500"}], Meter(1.5)),
        ([{"value": "1.5", "unit": "kWh"}], Meter(1.5)),
        ([{"value": 15, "unitOfMeasure": {"unit": "Wh", "multiplier": 2}}], Meter(1.5)),
        ([{"value": "7000", "measurand": "Power.Active.Import"}], Meter(None, 7.0)),
        ([{"value": "500", "phase": phase} for phase in ("L1", "L2", "L3")], Meter(1.5)),
        ([{"value": "500", "phase": "L1"}, {"value": "1500"}], Meter(1.5)),
        ([{"value": "500"}, {"value": "1500"}], Meter(1.5)),
        ([{"value": "much"}, {"value": "-3"}], Meter()),
    ],
)
def test_meter_values(sampled: list[dict[str, Any]], meter: Meter) -> None:
    assert read_meter([{"sampledValue": sampled}]) == meter


def test_the_begin_of_a_transaction() -> None:
    begun = {"sampledValue": [{"value": 100, "context": "Transaction.Begin"}]}
    assert first_energy([{"sampledValue": [{"value": 50}]}, begun]) == 0.1
    assert first_energy([]) is None


class TestClocks:
    def test_moments_are_read_with_and_without_a_zone(self) -> None:
        leniencies = Leniencies()
        read = ChargerClock(leniencies).moment
        assert read({"timestamp": "2026-03-01T12:00:00Z"}) == NOON
        assert read({"timestamp": "2026-03-01T09:00:00-03:00"}) == NOON
        assert not leniencies.take_untold()
        assert read({"timestamp": "2026-03-01T12:00:00"}) == NOON
        assert leniencies.all == ("timestamp: no time zone, read as UTC",)

    @pytest.mark.parametrize("told", ["1970-01-01T00:00:07Z", "yesterday", "", 7, None])
    def test_a_clock_that_is_not_set_tells_nothing(self, told: object) -> None:
        assert clock().moment({"timestamp": told}) is None

    def test_local_time_east_of_utc_is_corrected_at_once(self) -> None:
        """Nothing that a charger tells can be in the future."""
        charger = clock()
        charger.compare(NOON + timedelta(hours=3, seconds=9), NOON)
        assert charger.moment({"timestamp": "2026-03-01T15:00:00Z"}) == NOON

    @pytest.mark.parametrize("behind", [timedelta(hours=3), timedelta(minutes=7)])
    def test_a_clock_that_is_behind_is_corrected_when_two_statuses_agree(self, behind: timedelta) -> None:
        leniencies = Leniencies()
        charger = ChargerClock(leniencies)
        for later in (timedelta(), timedelta(seconds=1), timedelta(seconds=40)):
            told = {"timestamp": (NOON - behind + later).isoformat()}
            assert charger.moment(told) == NOON - behind + later
            charger.compare(charger.moment(told), NOON + later)
        assert charger.moment({"timestamp": (NOON - behind).isoformat()}) == NOON
        assert len(leniencies.all) == 1

    @pytest.mark.parametrize("minutes", range(5, 185, 5))
    def test_a_status_that_is_told_late_says_nothing_about_the_clock(self, minutes: int) -> None:
        """OCPP lets a charger tell again what a connector is doing, with the time since when it does."""
        charger = clock()
        since = NOON - timedelta(minutes=minutes)
        for seconds in (0, 1, 60, 300):
            charger.compare(since, NOON + timedelta(seconds=seconds))
            assert charger.moment({"timestamp": "2026-03-01T12:00:00Z"}) == NOON

    def test_nor_do_statuses_that_were_stored(self) -> None:
        charger = clock()
        for number in range(20):
            at = NOON - timedelta(hours=1) + timedelta(seconds=number)
            charger.compare(at, NOON + timedelta(seconds=number / 20))
        assert charger.moment({"timestamp": "2026-03-01T12:00:00Z"}) == NOON


class TestHandshake:
    @pytest.mark.parametrize(
        ("path", "identity"),
        [
            ("/ocpp/post-7", "post-7"),
            ("/ocpp/post%2D7/", "post-7"),
            ("/ocpp/post-7?x=1", "post-7"),
            ("/ocpp/", None),
            ("/ocpp/a/b", None),
            ("/ocpp/operator-1", None),
            ("/ocpp/%00", None),
            ("/post-7", None),
        ],
    )
    def test_identities(self, path: str, identity: str | None) -> None:
        assert read_identity(path) == identity

    def test_missing_headers_are_added(self) -> None:
        headers = Headers({"Upgrade": "WebSocket", "Sec-WebSocket-Version": "13"})
        assert mend_headers(headers) == ["no Connection: Upgrade in the handshake"]
        assert headers["Connection"] == "Upgrade"
        assert mend_headers(headers) == []

    @pytest.mark.parametrize(
        "given", ["", "Bearer YW5hOng=", "Basic !", "Basic YW5h", "Basic " + "QTpB" * 200]
    )
    def test_what_is_no_login(self, given: str) -> None:
        assert read_credentials(Headers({"Authorization": given})) is None


def test_leniencies_are_bounded_and_told_once() -> None:
    leniencies = Leniencies(["known"])
    for name in ("known", *map(str, range(2 * MOST)), "0"):
        leniencies.note(name)
    assert leniencies.take_untold() == [str(number) for number in range(MOST - 1)]
    assert leniencies.take_untold() == []
    assert len(leniencies.all) == MOST


def test_wrong_passwords_are_forgotten_after_a_minute() -> None:
    wrong = Failures(2)
    for _ in range(2):
        assert not wrong.too_many("ana", 0.0)
        wrong.note("ana", 0.0)
    assert wrong.too_many("ana", WINDOW_SECONDS - 1)
    assert not wrong.too_many("bia", 0.0)
    assert not wrong.too_many("ana", WINDOW_SECONDS)
    wrong.note("bia", 0.0)
    wrong.note("bia", 0.0)
    wrong.take_back("bia")
    assert not wrong.too_many("bia", 0.0)
