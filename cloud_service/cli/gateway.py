"""Runs the TCP gateway until SIGINT or SIGTERM."""

from argparse import Namespace

from cloud_service.cli.settings import GATEWAY, broker_address
from cloud_service.gateway.process import run_gateway
from cloud_service.gateway.settings import GatewaySettings


def main(options: Namespace) -> int:
    values = {name.removeprefix("tcp_"): getattr(options, name) for name in GATEWAY}
    broker = broker_address(options)
    return run_gateway(GatewaySettings(broker=broker, account=broker.user or "gateway", **values))
