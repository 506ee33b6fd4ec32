"""Requests that end together are logged together."""

import asyncio
import logging

import pytest

from cloud_service.gateway.request_log import RequestLog


async def test_requests_that_end_in_one_turn_of_the_loop_share_a_record(
    caplog: pytest.LogCaptureFixture,
) -> None:
    request_log = RequestLog()
    with caplog.at_level(logging.INFO, logger="cloud_service.gateway"):
        for client in ("ana", "bia"):
            request_log.note({"client": client, "outcome": "ok"})
        await asyncio.sleep(0)
    (record,) = caplog.records
    assert record.message == "request"
    assert vars(record)["each"] == [{"client": "ana", "outcome": "ok"}, {"client": "bia", "outcome": "ok"}]


async def test_a_request_that_ends_alone_has_a_record_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    request_log = RequestLog()
    with caplog.at_level(logging.INFO, logger="cloud_service.gateway"):
        for client in ("ana", "bia"):
            request_log.note({"client": client, "outcome": "ok"})
            await asyncio.sleep(0)
    assert [vars(record)["client"] for record in caplog.records] == ["ana", "bia"]
    assert not any("each" in vars(record) for record in caplog.records)
