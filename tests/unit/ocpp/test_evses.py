"""Of an EVSE with several connectors, the one that is most in use speaks for it."""

import pytest

from cloud_service.ocpp.evses import Evses
from cloud_service.ocpp.told import Status, StatusTold


def status(part: int, of: Status, evse: int = 1) -> StatusTold:
    return StatusTold(evse, of, of.capitalize(), part=part)


@pytest.mark.parametrize(
    ("first", "second", "whole"),
    [
        ("occupied", "unavailable", "occupied"),
        ("free", "occupied", "occupied"),
        ("reserved", "free", "reserved"),
        ("free", "unavailable", "free"),
        ("faulted", "free", "free"),
        ("unavailable", "faulted", "unavailable"),
    ],
)
def test_the_connector_most_in_use_counts(first: Status, second: Status, whole: Status) -> None:
    for told in ((status(1, first), status(2, second)), (status(2, second), status(1, first))):
        evses = Evses()
        assert [evses.whole(each) for each in told][-1].status == whole


def test_the_newest_status_of_each_connector_counts() -> None:
    evses = Evses()
    evses.whole(status(1, "occupied"))
    evses.whole(status(2, "unavailable"))
    assert evses.whole(status(1, "free")).status == "free"
    assert evses.whole(status(1, "unavailable")).status == "unavailable"


def test_each_evse_has_its_own_connectors() -> None:
    evses = Evses()
    evses.whole(status(1, "occupied"))
    assert evses.whole(status(1, "free", evse=2)).status == "free"


def test_a_charger_that_makes_up_connectors_fills_no_memory() -> None:
    evses = Evses()
    for part in range(1, 17):
        evses.whole(status(part, "unavailable"))
    assert evses.whole(status(17, "occupied")).status == "unavailable"
    assert evses.whole(status(16, "occupied")).status == "occupied"
