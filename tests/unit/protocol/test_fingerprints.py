"""Fingerprints stay what they were: request records on disk hold those of the versions before."""

import json
from typing import Any

import pytest
from msgspec import to_builtins

from cloud_service.protocol.actions import ACTIONS
from cloud_service.protocol.fingerprints import fingerprint, fingerprint_of_request, with_vehicle
from cloud_service.protocol.incoming import receive
from cloud_service.protocol.messages import Message
from cloud_service.protocol.requests import make_request

RECORDED: list[tuple[str, dict[str, Any], str]] = [
    ("newChargingStation", {"x_position": 1, "y_position": 2.5}, "902c4ec6076877be025c20b53ed3e0d1"),
    ("newChargingStation", {"x_position": -0.0, "y_position": 1e308}, "7f90d5f49d5070784a8c6f26dc4790de"),
    (
        "updateChargingStation",
        {"chargingStationID": 5.0, "x_position": -(10**300), "y_position": 0.1},
        "bf13ec42c3242e9949ca3754392f7bda",
    ),
    (
        "newChargingPoint",
        {"chargingStationID": 3, "power": 22.0, "kWhPrice": 0.75, "availability": "livre"},
        "a675f101c8b668325fbd23aa9ee7b2e7",
    ),
    (
        "scheduleReservation",
        {"vid": "Zé", "x": 1.0, "y": -1.5, "actualBatteryPercentage": 50, "batteryCapacity": 20},
        "a6560cdcd409770257ce0dff5c90365b",
    ),
    (
        "scheduleReservation",
        {"x": 0, "y": 0, "actualBatteryPercentage": 50.5, "batteryCapacity": 38.5},
        "0d582c6a3baeb998ff3384f961b17f3f",
    ),
    ("deleteReservation", {"reservationID": 3.0, "vehicleID": 7.0}, "2ea513b6f1c834e005def8f3212f49f4"),
    ("findReservation", {}, "3efd5506e3fb229c82d504e319e67cbe"),
    ("transferStations", {"from": "ana", "to": "bia"}, "cce3b3f8539d9a55095f24beac0871eb"),
    ("newChargingPoint", {"chargingStationID": [], "power": True}, "2a2826cee421a2c403677a6e20ce4778"),
]

NEED = {"x": 1.0, "y": 2.5, "actualBatteryPercentage": 20, "batteryCapacity": 40.0}
POINT = {"chargingStationID": 1, "chargingPointID": 2}

VALID: list[tuple[str, dict[str, Any]]] = [
    ("scheduleReservation", NEED),
    ("scheduleReservation", {"connector": "IEC_62196_T2", **NEED, "vid": 7.0, "flexible": True}),
    ("quoteReservation", {"offers": 3, "notBefore": "2026-03-01T12:00:00Z", "vid": "7", **NEED}),
    ("findReservation", {"vid": 7}),
    ("deleteReservation", {"vehicleID": 7, "reservationID": 3.0}),
    ("startCharging", {"vehicleID": "bia", **POINT}),
    ("startCharging", {"hours": 2.0, **POINT}),
    ("cancelBooking", {"vehicle": "bia"}),
    ("newChargingStation", {"name": None, "y_position": 1e23, "x_position": 10**23}),
    (
        "newChargingPoint",
        {
            "tariff": [{"kWhPrice": 1.0, "start_time": "08:00"}],
            "availability": "livre",
            "kWhPrice": 1.0,
            "power": 22,
            "chargingStationID": 1,
        },
    ),
]


@pytest.mark.parametrize(("action", "values", "recorded"), RECORDED)
def test_as_version_0_1_0_recorded_them(action: str, values: dict[str, Any], recorded: str) -> None:
    """The values after decoding have the fingerprint, whether the request is valid or not."""
    body = json.dumps({"requestID": "a", **values, "unknown": 1}).encode()
    incoming = receive(Message(ACTIONS[action].topic("ana"), body), arrival=0)
    assert incoming.is_as_recorded(bytes.fromhex(recorded))


def test_of_a_body_that_is_not_json() -> None:
    incoming = receive(Message(ACTIONS["findReservation"].topic("ana"), b"no JSON"), arrival=0)
    assert incoming.fingerprint().hex() == "b39dfe5334c949b2c9e5a692b6fa31bf"


def test_a_vehicle_is_recorded_as_the_text_that_was_recorded_before() -> None:
    """So a record of an older version that has the text knows the number and the vehicle that is left out."""
    topic = ACTIONS["findReservation"].topic("7")
    named = [receive(Message(topic, body), arrival=0) for body in (b"{}", b'{"vid": 7}', b'{"vid": "7"}')]
    assert {incoming.fingerprint().hex() for incoming in named} == {"ba5c1f9b19d035b3668e37b2a06f7c9f"}


@pytest.mark.parametrize("client", ["ana", "7", "gateway"])
@pytest.mark.parametrize(("name", "values"), VALID)
def test_a_valid_request_has_the_fingerprint_of_its_values(
    name: str, values: dict[str, Any], client: str
) -> None:
    """It is made of the request itself, and that of values of a copy with the vehicle."""
    action = ACTIONS[name]
    request = make_request(action.request, values)
    expected = fingerprint(action, with_vehicle(action, to_builtins(request), client))
    assert fingerprint_of_request(action, request, client) == expected
