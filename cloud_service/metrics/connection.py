"""The figures that every process with a connection to the broker has."""

from typing import Annotated

from msgspec import Struct

from cloud_service.metrics.metric import COUNTER, GAUGE, Metric


class ProcessFigures(Struct, frozen=True):
    """The process, and its connection to the broker."""

    updated: Annotated[
        float, Metric("recharge_updated_timestamp_seconds", GAUGE, "When the loop last took its figures.")
    ]
    started: Annotated[
        float, Metric("recharge_started_timestamp_seconds", GAUGE, "When the process was started.")
    ]
    version: Annotated[
        dict[tuple[str, ...], float],
        Metric("recharge_build_info", GAUGE, "Always 1; the label has the version.", ("version",)),
    ]
    mqtt_connected: Annotated[
        bool,
        Metric(
            "recharge_mqtt_connected",
            GAUGE,
            "1 while the broker, or each of several, has accepted the login; else 0.",
        ),
    ]
    mqtt_reconnects: Annotated[
        int,
        Metric("recharge_mqtt_reconnects_total", COUNTER, "Connections to the broker after the first one."),
    ]
    mqtt_outstanding: Annotated[
        int,
        Metric(
            "recharge_mqtt_outstanding_messages",
            GAUGE,
            "Messages that the broker has not acknowledged.",
        ),
    ]
