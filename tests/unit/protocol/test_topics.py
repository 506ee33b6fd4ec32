"""The topics of the contract."""

import pytest

from cloud_service.protocol import topics


def test_as_the_contract_has_them() -> None:
    assert topics.request("findReservation", "ana") == "recharge/v1/request/findReservation/ana"
    assert topics.reply("ana") == "recharge/v1/reply/ana"
    assert topics.event("ana", "reservationScheduled") == "recharge/v1/event/ana/reservationScheduled"
    assert topics.station_state(5) == "recharge/v1/state/station/5"
    assert topics.point_state(5, 2) == "recharge/v1/state/point/5/2"
    assert topics.presence("ana") == "recharge/v1/presence/ana"
    assert topics.service("gateway") == "recharge/v1/service/gateway"


@pytest.mark.parametrize(
    ("topic", "subject"),
    [
        ("recharge/v1/state/station/5", (5,)),
        ("recharge/v1/state/point/5/12", (5, 12)),
        ("recharge/v1/state/station/5/1", None),
        ("recharge/v1/state/point/5", None),
        ("recharge/v1/state/station/x", None),
        ("recharge/v1/state/station/-1", None),
        ("recharge/v1/state/station/²", None),
        ("recharge/v1/state/station/", None),
        ("recharge/v1/state", None),
        ("recharge/v1/service/gateway", None),
        ("station/5", None),
        ("recharge/v1/state/station/05", None),
        ("recharge/v1/state/station/" + "9" * 5000, None),
    ],
)
def test_state(topic: str, subject: tuple[int, ...] | None) -> None:
    assert topics.parse_state(topic) == subject
