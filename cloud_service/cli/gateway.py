"""Runs the TCP gateway until SIGINT or SIGTERM."""

from msgspec import Struct

from cloud_service.gateway.process import run_gateway
from cloud_service.gateway.settings import GatewaySettings
from cloud_service.metrics.settings import MetricsSettings
from cloud_service.mqtt.address import BrokerAddress


class Options(Struct, frozen=True):
    gateway: GatewaySettings
    broker: BrokerAddress
    metrics: MetricsSettings


def main(options: Options) -> int:
    return run_gateway(options.gateway, options.broker, options.metrics)
