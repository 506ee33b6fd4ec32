"""Records of figures become samples, and a process serves them."""

import socket
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from prometheus_client import generate_latest

from cloud_service.config.setting import SettingError
from cloud_service.metrics.endpoint import registry, serve_metrics
from cloud_service.metrics.histogram import Distribution, Histogram
from cloud_service.metrics.metric import COUNTER, GAUGE, HISTOGRAM, Counts, Metric
from cloud_service.metrics.settings import MetricsSettings
from tests.kit.processes import HOST, free_port
from tests.kit.scraping import Scrape, scrape


class Figures(Struct, frozen=True):
    """One field of each kind, and one that is no metric."""

    sold: Annotated[Counts, Metric("recharge_sold_total", COUNTER, "Sold.", ("fruit", "size"))]
    weight: Annotated[Distribution, Metric("recharge_weight_grams", HISTOGRAM, "Weights.")]
    open: Annotated[bool, Metric("recharge_open", GAUGE, "Open.")]
    age: Annotated[float | None, Metric("recharge_age_seconds", GAUGE, "Age.")] = None
    note: str = ""


SCALES = Histogram((10, 100))
for grams in (5, 10, 11, 5000):
    SCALES.observe(grams)
FIGURES = Figures({("apple", "large"): 3, ("pear", 'a "small" one'): 4}, SCALES.read(), open=True)


def test_a_record_becomes_samples() -> None:
    seen = Scrape(generate_latest(registry(lambda: FIGURES)).decode())
    assert seen("recharge_sold_total", fruit="apple", size="large") == 3
    assert seen("recharge_sold_total", fruit="pear", size='a "small" one') == 4
    assert seen("recharge_open") == 1
    assert [seen("recharge_weight_grams_bucket", le=bound) for bound in ("10", "100", "+Inf")] == [2, 3, 4]
    assert seen("recharge_weight_grams_count") == 4
    assert seen("recharge_weight_grams_sum") == 5026
    assert seen("recharge_age_seconds") is None, "unknown"


def test_before_the_first_figures_there_are_those_of_the_process() -> None:
    seen = Scrape(generate_latest(registry(lambda: None)).decode())
    assert seen("process_resident_memory_bytes")
    assert not any(name.startswith("recharge_") for name in seen.names())


@given(st.lists(st.floats(-1e6, 1e6)))
def test_a_histogram_counts_each_value_once(values: list[float]) -> None:
    bounds = (-5.0, 0.0, 1.0, 1e5)
    histogram = Histogram(bounds)
    for value in values:
        histogram.observe(value)
    seen = dict(histogram.read().cumulative())
    for bound in bounds:
        assert seen[f"{bound:g}"] == sum(value <= bound for value in values)
    assert seen["+Inf"] == len(values)


def test_the_endpoint_is_there_within_the_block_only() -> None:
    settings = MetricsSettings(metrics_port=free_port())
    assert settings.metrics_port is not None
    with serve_metrics(settings, lambda: FIGURES):
        assert scrape(settings.metrics_port)("recharge_open") == 1
    with pytest.raises(OSError, match="refused"):
        scrape(settings.metrics_port)


def test_a_port_that_is_taken_is_one_clear_error() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        problem = rf"cannot serve metrics on 127.0.0.1, port {port}: Address already in use; choose others"
        with pytest.raises(SettingError, match=problem), serve_metrics(MetricsSettings(metrics_port=port)):
            pass
