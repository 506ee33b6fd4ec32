"""An OCPP gateway that keeps what it knows of charges to itself: python -m tests.faults.seeded_ocpp_gateway

All else is the product. The tests have to find that charges are lost with it.
"""

import sys

from cloud_service.cli.main import main
from cloud_service.ocpp.registry import Broker, Registry
from cloud_service.protocol.ocpp import ChargerRecord


async def _keep_in_memory(registry: Registry, _: Broker, identity: str, record: ChargerRecord) -> None:
    registry.records[identity] = record


if __name__ == "__main__":
    Registry.keep = _keep_in_memory  # type: ignore[method-assign,assignment]
    sys.exit(main(["ocpp-gateway"]))
