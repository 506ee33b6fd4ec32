"""Whatever a charger puts where something else belongs, the rest of its message is read."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from cloud_service.ocpp import v2, v16
from cloud_service.ocpp.clocks import ChargerClock
from cloud_service.ocpp.leniencies import Leniencies
from cloud_service.ocpp.schemas import Version, is_good_call, note_faults

NOON = "2026-03-01T12:00:00Z"
WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**9,
    2**70,
    1e300,
    "",
    "x",
    "1e999",
    "nan",
    [],
    [None],
    {},
    {"x": None},
)
MESSAGES_16: Mapping[str, Mapping[str, Any]] = {
    "BootNotification": {"chargePointVendor": "Maker", "chargePointModel": "One"},
    "StatusNotification": {
        "connectorId": 1,
        "status": "Faulted",
        "errorCode": "OtherError",
        "timestamp": NOON,
    },
    "Authorize": {"idTag": "ana"},
    "StartTransaction": {"connectorId": 1, "idTag": "ana", "meterStart": 1000, "timestamp": NOON},
    "MeterValues": {
        "connectorId": 1,
        "transactionId": 7,
        "meterValue": [{"timestamp": NOON, "sampledValue": [{"value": "1500", "unit": "Wh"}]}],
    },
    "StopTransaction": {
        "transactionId": 7,
        "meterStop": 2000,
        "timestamp": NOON,
        "transactionData": [
            {"timestamp": NOON, "sampledValue": [{"value": "1000", "context": "Transaction.Begin"}]}
        ],
    },
}
MESSAGES_2: Mapping[str, Mapping[str, Any]] = {
    "BootNotification": {"reason": "PowerUp", "chargingStation": {"vendorName": "Maker", "model": "One"}},
    "StatusNotification": {
        "evseId": 1,
        "connectorId": 1,
        "connectorStatus": "Faulted",
        "timestamp": NOON,
    },
    "NotifyEvent": {
        "generatedAt": NOON,
        "seqNo": 0,
        "eventData": [
            {
                "eventId": 1,
                "timestamp": NOON,
                "trigger": "Delta",
                "actualValue": "Faulted",
                "eventNotificationType": "HardWiredNotification",
                "component": {"name": "Connector", "evse": {"id": 1}},
                "variable": {"name": "AvailabilityState"},
            }
        ],
    },
    "Authorize": {"idToken": {"idToken": "ana", "type": "Central"}},
    "TransactionEvent": {
        "eventType": "Started",
        "timestamp": NOON,
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "x", "chargingState": "Charging"},
        "evse": {"id": 1, "connectorId": 1},
        "idToken": {"idToken": "ana", "type": "Central"},
        "meterValue": [
            {
                "timestamp": NOON,
                "sampledValue": [{"value": 1.5, "unitOfMeasure": {"unit": "kWh", "multiplier": 0}}],
            }
        ],
    },
    "MeterValues": {"evseId": 1, "meterValue": [{"timestamp": NOON, "sampledValue": [{"value": 1500}]}]},
    "ReservationStatusUpdate": {"reservationId": 7, "reservationUpdateStatus": "Expired"},
}
MESSAGES = [
    *(("1.6", action, MESSAGES_16[action]) for action in MESSAGES_16),
    *(("2.0.1", action, MESSAGES_2[action]) for action in MESSAGES_2),
]


def spoiled(value: Any) -> Iterator[Any]:
    """Copies of a value with something wrong in one place, at any depth."""
    yield from WRONG
    places = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for place, inner in places:
        for wrong in spoiled(inner):
            copy = value.copy()
            copy[place] = wrong
            yield copy


@pytest.mark.parametrize(("version", "action", "payload"), MESSAGES)
def test_a_message_with_a_value_of_the_wrong_kind_is_read(
    version: Version, action: str, payload: dict[str, Any]
) -> None:
    assert is_good_call(action, version, payload), "the message itself"
    read = v16.read if version == "1.6" else v2.read
    for wrong in spoiled(payload):
        if isinstance(wrong, dict):
            assert read(action, wrong, ChargerClock(Leniencies())), wrong
            note_faults(action, version, wrong, Leniencies())
