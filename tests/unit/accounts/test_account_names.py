"""The names that accounts with each role can have. Real accounts are in tests/security."""

import pytest

from cloud_service.accounts.broker_accounts import AccountRole, AccountsError, check_device_name, check_name


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("ana", "charger"),
        ("ana", "vehicle"),
        ("gatewayed", "charger"),
        ("monitor", "monitor"),
        ("monitor-1", "monitor"),
        ("operator-import", "operator"),
        ("gateway-2", "gateway"),
        ("x" * 64, "vehicle"),
    ],
)
def test_good_names(name: str, role: AccountRole) -> None:
    check_name(name, role)


@pytest.mark.parametrize(
    ("name", "role", "reason"),
    [
        ("", "charger", "not an account name"),
        ("a b", "charger", "not an account name"),
        ("a/b", "vehicle", "not an account name"),
        ("x" * 65, "vehicle", "not an account name"),
        ("cloud_service", "charger", "one of the first accounts"),
        ("administrator", "operator", "one of the first accounts"),
        ("gateway", "gateway", "one of the first accounts"),
        ("monitor-1", "charger", "reserved for the role monitor"),
        ("operator", "vehicle", "reserved for the role operator"),
        ("ana", "monitor", "must be named monitor or monitor-..., not ana"),
        ("monitor-1", "operator", "must be named operator"),
    ],
)
def test_bad_names(name: str, role: AccountRole, reason: str) -> None:
    with pytest.raises(AccountsError, match=reason):
        check_name(name, role)


def test_a_device_is_a_charger_or_a_vehicle() -> None:
    check_device_name("ana")
    with pytest.raises(AccountsError, match="reserved"):
        check_device_name("operator-1")
