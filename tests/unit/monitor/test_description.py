"""The OpenAPI description names every route, and no other."""

import json

from cloud_service.monitor.application import DESCRIPTION, described_routes
from cloud_service.monitor.figures import Measurements
from cloud_service.monitor.settings import MonitorSettings
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.overview.observer import Observer


async def test_the_description_has_every_route() -> None:
    described = json.loads(DESCRIPTION.read_text())["paths"]
    observer = Observer(BrokerAddress(), "operator")
    routes = described_routes(observer, MonitorSettings(), Measurements(), books=True, ending=lambda: False)
    assert {path: {method.upper() for method in methods} for path, methods in described.items()} == {
        route.path: (route.methods or set()) - {"HEAD"} for route in routes
    }
