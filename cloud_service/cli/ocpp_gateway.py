"""Runs the OCPP gateway, to which off-the-shelf chargers connect, until SIGINT or SIGTERM."""

from msgspec import Struct

from cloud_service.metrics.settings import MetricsSettings
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.ocpp.process import run_ocpp_gateway
from cloud_service.ocpp.settings import OcppSettings


class Options(Struct, frozen=True):
    gateway: OcppSettings
    broker: BrokerAddress
    metrics: MetricsSettings


def main(options: Options) -> int:
    return run_ocpp_gateway(options.gateway, options.broker, options.metrics)
