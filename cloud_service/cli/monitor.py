"""Serves the live map of the network to browsers until SIGINT or SIGTERM."""

from msgspec import Struct

from cloud_service.local.processes import inherited_listener
from cloud_service.metrics.settings import MetricsSettings
from cloud_service.monitor.process import run_monitor
from cloud_service.monitor.settings import MonitorSettings
from cloud_service.mqtt.address import BrokerAddress


class Options(Struct, frozen=True):
    monitor: MonitorSettings
    broker: BrokerAddress
    metrics: MetricsSettings


def main(options: Options) -> int:
    return run_monitor(options.monitor, options.broker, options.metrics, inherited_listener())
