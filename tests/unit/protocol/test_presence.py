"""Presence messages, as they are written and read."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from cloud_service import __version__
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.presence import Presence, client_presence, process_presence, read_presence

SINCE, NOW = datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize("online", [True, False])
def test_a_client(online: bool) -> None:
    message = client_presence("ana", online=online)
    assert (message.topic, message.retain, message.qos) == ("recharge/v1/presence/ana", True, 1)
    assert json.loads(message.payload) == {"online": online}
    assert read_presence(message.payload) == Presence(online)


def test_a_process() -> None:
    message = process_presence("gateway", online=True, since=SINCE, now=NOW)
    assert (message.topic, message.retain, message.qos) == ("recharge/v1/service/gateway", True, 1)
    assert json.loads(message.payload) == {
        "online": True,
        "version": __version__,
        "since": "2030-01-01T00:00:00+00:00",
        "now": "2030-01-02T00:00:00+00:00",
    }
    assert read_presence(message.payload).now == NOW.isoformat()


def test_errors_stand_beside_the_body() -> None:
    message = process_presence("gateway", online=True, since=SINCE, now=NOW, errors=3)
    assert message.errors == 3
    assert "errors" not in json.loads(message.payload)


def test_a_service_with_a_fast_clock_says_so() -> None:
    message = process_presence("cloud_service", online=True, since=SINCE, now=NOW, clock_speed=60)
    assert json.loads(message.payload)["clockSpeed"] == 60
    assert read_presence(message.payload).clock_speed == 60
    assert read_presence(message.payload).clock_since == SINCE.isoformat()


def test_a_fast_clock_may_have_begun_before_the_service_started() -> None:
    message = process_presence(
        "cloud_service", online=True, since=NOW, now=NOW, clock_speed=60, clock_since=NOW - timedelta(hours=1)
    )
    assert read_presence(message.payload).network_time(NOW) == NOW + timedelta(hours=59)


@pytest.mark.parametrize(("minutes", "told"), [(0, 0), (7.5, 7.5), (5, None)])
def test_a_service_that_waits_longer_for_a_charger_says_so(minutes: float, told: float | None) -> None:
    after = timedelta(minutes=minutes)
    message = process_presence("cloud_service", online=True, since=SINCE, now=NOW, out_of_order_after=after)
    assert json.loads(message.payload).get("offlineMinutes") == told
    assert read_presence(message.payload).out_of_order_after == after


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"online": 1}', b"\xff", b'{"online": true'])
def test_other_payloads_are_refused(payload: bytes) -> None:
    with pytest.raises(BadRequest):
        read_presence(payload)


def test_the_networks_time_may_pass_faster() -> None:
    later = NOW.replace(minute=1)
    assert Presence(online=True, since=NOW.isoformat()).network_time(later) == later
    fast = Presence(online=True, since=NOW.isoformat(), clock_speed=60)
    assert fast.network_time(later) == NOW.replace(hour=1)


@pytest.mark.parametrize("since", [None, "yesterday", "2030-01-02T00:00:00", "0001-01-01T00:00:00+00:00"])
def test_a_start_that_tells_nothing_leaves_the_time_alone(since: str | None) -> None:
    assert Presence(online=True, since=since, clock_speed=60).network_time(NOW) == NOW
