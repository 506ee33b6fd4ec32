"""A gateway is killed while chargers charge. All of them come back at once, and none is lost."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kit.mqtt import MqttConnection
from tests.kit.ocpp import OcppGatewayProcess
from tests.kit.ocpp_fleet import Rates, fleet, identity
from tests.kit.ocpp_fleet_site import give_places, make_accounts
from tests.kit.processes import free_port
from tests.kit.scale import Scale
from tests.kit.scraping import wait_for_sample
from tests.kit.secured import SecuredBroker, SecuredStack
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.alone

LOGINS = 2
"""At once: so few that chargers have to come later, unless the machine is fast."""
PATIENCE = 600.0
RATES = Rates(heartbeat=20, meter=5, obedience=0.1)


@pytest.mark.timeout(1800)
def test_a_reconnect_storm(tmp_path: Path, scale: Scale, figure: Callable[[str], None]) -> None:
    count = scale(share=120, full=500)
    port = free_port()
    with SecuredBroker(tmp_path / "broker") as broker:
        login = make_accounts(broker, tmp_path, count)
        password = broker.accounts(lambda accounts: accounts.add("operator-1", "operator"))
        stack = SecuredStack(tmp_path / "stack", broker)
        gateway = OcppGatewayProcess(stack, **login, ocpp_max_logins=str(LOGINS), metrics_port=str(port))
        with stack, MqttConnection(broker.port, "operator-1", "operator-1", password) as operator:
            give_places(operator, count)
            with gateway, fleet(gateway.url, count, RATES, secured=True) as counts:
                wait_until(lambda: counts.online.value == count, "all charge", PATIENCE)
                gateway.kill()
                wait_until(lambda: counts.online.value == 0, "all have noticed")
                begun, refused = time.monotonic(), counts.refused.value
                gateway.start()
                wait_until(lambda: counts.online.value == count, "all are back", PATIENCE)
                seconds, failed = time.monotonic() - begun, counts.refused.value - refused
                told = wait_for_sample(port, "recharge_ocpp_chargers", count)
                later = told("recharge_ocpp_refusals_total", reason="logins")
                _all_charge_on(operator, count)
    figure(
        f"the OCPP gateway killed while {count} chargers charged, {LOGINS} logins at once: all were back"
        f" after {seconds:.1f} s, {failed} attempts failed, {later:.0f} of them were told to come later;"
        " each charge went on"
    )


def _all_charge_on(operator: MqttConnection, count: int) -> None:
    """Each charger has the transaction that it began, and no other one."""
    operator.subscribe("recharge/v1/ocpp/charger/+")
    known: dict[str, Any] = {}
    while len(known) < count:
        message = operator.next()
        known[message.topic.rpartition("/")[2]] = json.loads(message.payload)
    for number in range(count):
        record = known[identity(number)]
        assert record["online"], record
        assert len(record["transactions"]) == 1, record
        assert not record.get("closed"), record
