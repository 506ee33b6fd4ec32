"""The metrics of the OCPP gateway."""

from typing import Annotated

from cloud_service.metrics.connection import ProcessFigures
from cloud_service.metrics.metric import COUNTER, GAUGE, Counts, Metric


class OcppFigures(ProcessFigures, frozen=True):
    """What the OCPP gateway knows at one moment."""

    chargers: Annotated[int, Metric("recharge_ocpp_chargers", GAUGE, "Chargers that are connected.")]
    accepted: Annotated[
        Counts,
        Metric("recharge_ocpp_connections_total", COUNTER, "Connections that were accepted.", ("version",)),
    ]
    refusals: Annotated[
        Counts,
        Metric("recharge_ocpp_refusals_total", COUNTER, "Connections that were refused.", ("reason",)),
    ]
    messages: Annotated[
        Counts,
        Metric(
            "recharge_ocpp_messages_total",
            COUNTER,
            "Messages of chargers. The outcome is ok, or an error of OCPP. Where the action is none, the"
            " version has no such action, or the message cannot be read.",
            ("action", "outcome"),
        ),
    ]
