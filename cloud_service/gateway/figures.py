"""The metrics of the gateway."""

from typing import Annotated

from cloud_service.metrics.connection import ProcessFigures
from cloud_service.metrics.metric import COUNTER, GAUGE, HISTOGRAM, Counts, Distributions, Metric


class GatewayFigures(ProcessFigures, frozen=True):
    """What the gateway knows at one moment."""

    connections: Annotated[int, Metric("recharge_gateway_connections", GAUGE, "Open TCP connections.")]
    accepted: Annotated[
        int, Metric("recharge_gateway_connections_total", COUNTER, "TCP connections that were accepted.")
    ]
    refusals: Annotated[
        Counts,
        Metric(
            "recharge_gateway_refusals_total",
            COUNTER,
            "Connections, and bookings beyond the limit of their source, that were refused.",
            ("reason",),
        ),
    ]
    requests: Annotated[
        Counts,
        Metric(
            "recharge_gateway_requests_total",
            COUNTER,
            "Requests over TCP. The outcome is ok, an error code, or UNKNOWN.",
            ("action", "outcome"),
        ),
    ]
    request_seconds: Annotated[
        Distributions,
        Metric(
            "recharge_gateway_request_duration_seconds",
            HISTOGRAM,
            "From a complete request until its outcome was known.",
            ("action",),
        ),
    ]
