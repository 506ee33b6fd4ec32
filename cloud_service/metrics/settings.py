"""Where a process serves its metrics."""

from typing import Annotated

from msgspec import Struct

from cloud_service.config.setting import Section, Setting
from cloud_service.config.values import HOST, PORT


class MetricsSettings(Struct, frozen=True):
    """The endpoint of one process. Without a port there is none."""

    metrics_host: Annotated[
        str, Setting("metrics_host", HOST, Section.METRICS, "address of the metrics endpoint")
    ] = "127.0.0.1"
    metrics_port: Annotated[
        int | None,
        Setting("metrics_port", PORT, Section.METRICS, "port of the metrics endpoint (default: no endpoint)"),
    ] = None
