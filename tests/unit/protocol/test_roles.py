"""An account's name decides its role (docs/mqtt.md, Names)."""

import pytest

from cloud_service.core import records
from cloud_service.protocol.roles import GATEWAY, ROLES, is_account_name, is_gateway, owner_name, roles_of


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("cloud_service", "service"),
        ("administrator", "administrator"),
        ("gateway", "gateway"),
        ("gateway-2", "gateway"),
        ("ocpp-gateway", "ocpp-gateway"),
        ("ocpp-gateway-2", "ocpp-gateway"),
        ("operator", "operator"),
        ("operator-import", "operator"),
        ("monitor", "monitor"),
        ("monitor-", "monitor"),
    ],
)
def test_reserved_names(name: str, role: str) -> None:
    assert roles_of(name) == {role}
    assert is_gateway(name) == (role == "gateway")


@pytest.mark.parametrize(
    "name",
    [
        "ana",
        "7",
        "gateway2",
        "Operator",
        "monitors",
        "cloud_service-2",
        "-gateway",
        "ocpp",
        "ocpp-7",
        "ocpp-gateways",
    ],
)
def test_every_other_name_is_a_charger_s_and_a_vehicle_s(name: str) -> None:
    assert roles_of(name) == {"charger", "vehicle"}
    assert owner_name(name) == name
    assert not is_gateway(name)


def test_every_role_has_a_name() -> None:
    names = ("ana", "cloud_service", "administrator", "gateway", "ocpp-gateway", "operator", "monitor")
    assert frozenset().union(*map(roles_of, names)) == set(ROLES)


def test_gateways_own_together() -> None:
    assert owner_name("gateway-2") == owner_name("gateway") == GATEWAY == records.GATEWAY
    assert owner_name("operator-2") == "operator-2"


@pytest.mark.parametrize("name", ["a", "A", "7", "-", "_", "ana-1_B", "x" * 64])
def test_names(name: str) -> None:
    assert is_account_name(name)


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "a/b", "+", "#", "é", "a\n", "a.b", "ana@x", "²", "٣"])
def test_what_cannot_be_a_name(name: str) -> None:
    assert not is_account_name(name)
