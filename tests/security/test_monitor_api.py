"""The monitor's interface does what its OpenAPI description says, whatever it is asked."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cloud_service.monitor.application import DESCRIPTION
from tests.kit.monitor import Monitor
from tests.kit.processes import Stack

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
schema = schemathesis.openapi.from_dict(json.loads(DESCRIPTION.read_text())).exclude(path="/api/events")


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    with (
        Stack(tmp_path_factory.mktemp("fuzzed")) as network,
        Monitor(network, mqtt_user="operator", http_center="-12.97,-38.5") as running,
    ):
        yield running


@schema.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_asked_the_answer_is_as_described(case: Any, monitor: Monitor) -> None:
    case.call_and_validate(base_url=monitor.address, checks=CHECKS)
    monitor.check()
    assert "Traceback" not in monitor.tail()
