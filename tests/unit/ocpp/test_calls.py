"""What is asked of chargers keeps to the schemas of each version."""

from datetime import UTC, datetime

import pytest

from cloud_service.ocpp.calls import COMMANDS, Ask, Wanted, cancel, reserve, write_command
from cloud_service.ocpp.schemas import Version, is_good_call
from tests.kit.ocpp import VERSIONS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def assert_good(ask: Ask | None, version: Version) -> None:
    assert ask is not None
    assert is_good_call(ask.action, version, ask.payload), ask


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("connector", [0, 2])
@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command: str, connector: int, version: Version) -> None:
    wanted = Wanted(connector, tag="a" * 20, transaction="7", hard=True, message="StatusNotification")
    assert_good(write_command(command, wanted, version), version)


@pytest.mark.parametrize("version", VERSIONS)
def test_reservations(version: Version) -> None:
    assert_good(reserve(100_001, 1, "a" * 64, NOON, version), version)
    assert_good(cancel(100_001), version)


@pytest.mark.parametrize("version", VERSIONS)
def test_without_a_connector_the_first_one_is_unlocked(version: Version) -> None:
    ask = write_command("unlock", Wanted(), version)
    assert ask is not None
    assert set(ask.payload.values()) == {1}


@pytest.mark.parametrize(("version", "longest"), [("1.6", 20), ("2.0.1", 36), ("2.1", 36)])
def test_no_other_vehicle_is_told_to_start(version: Version, longest: int) -> None:
    assert_good(write_command("start", Wanted(tag="a" * longest), version), version)
    with pytest.raises(ValueError, match=f"{longest} characters at most"):
        write_command("start", Wanted(tag="a" * (longest + 1)), version)


def test_other_commands() -> None:
    assert write_command("dance", Wanted(), "1.6") is None
    assert write_command("dance", Wanted(), "2.1") is None
