"""Turns a record of figures into samples, as prometheus-client asks for them."""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from cloud_service.metrics.metric import Kind, Metric, declared_metrics


class FiguresCollector(Collector):
    """Serves the record that `read` returns at the moment; None before there is one."""

    def __init__(self, read: Callable[[], Struct | None]) -> None:
        self._read = read

    def describe(self) -> list[Family]:
        """Nothing: otherwise registering would ask for figures before there are any."""
        return []

    def collect(self) -> Iterator[Family]:
        figures = self._read()
        if figures is None:
            return
        for name, metric in declared_metrics(type(figures)):
            value = getattr(figures, name)
            if value is not None:
                yield _family(metric, value)


def _family(metric: Metric, value: Any) -> Family:
    values = value if metric.labels else {(): value}
    match metric.kind:
        case Kind.COUNTER:
            counter = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, count in values.items():
                counter.add_metric(labels, count)
            return counter
        case Kind.GAUGE:
            gauge = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, amount in values.items():
                gauge.add_metric(labels, amount)
            return gauge
        case Kind.HISTOGRAM:
            histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, distribution in values.items():
                histogram.add_metric(labels, distribution.cumulative(), distribution.total)
            return histogram
