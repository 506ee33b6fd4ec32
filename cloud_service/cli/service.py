"""Runs the cloud service until SIGINT or SIGTERM."""

from msgspec import Struct

from cloud_service.metrics.settings import MetricsSettings
from cloud_service.mqtt.address import BrokerAddresses
from cloud_service.service.process import run_service
from cloud_service.service.settings import ServiceSettings


class Options(Struct, frozen=True):
    service: ServiceSettings
    brokers: BrokerAddresses
    metrics: MetricsSettings


def main(options: Options) -> int:
    return run_service(options.service, options.brokers.each, options.metrics)
