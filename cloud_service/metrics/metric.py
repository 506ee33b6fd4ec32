"""What a metric is, and which metrics a record declares.

A record of figures is a frozen record whose fields are annotated with a Metric:

    class GatewayFigures(Struct, frozen=True):
        connections: Annotated[int, Metric("recharge_gateway_connections", GAUGE, "Open connections.")]

A process fills in the record from plain numbers that its loop counts. A field that is None has no sample.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import fields

from cloud_service.config.setting import annotation
from cloud_service.metrics.histogram import Distribution

Labels: TypeAlias = tuple[str, ...]
"""The values of a metric's labels, in the order in which it names them."""
Counts: TypeAlias = Mapping[Labels, float]
Distributions: TypeAlias = Mapping[Labels, Distribution]


class Kind(StrEnum):
    """The kinds of metrics, in Prometheus' words."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


COUNTER, GAUGE, HISTOGRAM = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM


class Metric(Struct, frozen=True):
    """A metric: its name at Prometheus, its kind, what it measures, and the names of its labels.

    A metric with labels has a mapping for its value; one without has the value itself.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


def declared_metrics(record: type[Struct]) -> Iterator[tuple[str, Metric]]:
    """The fields of a record that are metrics."""
    for field in fields(record):
        metric = annotation(field, Metric)
        if metric is not None:
            yield field.name, metric
