"""docs/metrics.md shows every metric, and metrics are named as the page says."""

import re

import pytest

from cloud_service.metrics.metric import Kind, Metric, declared_metrics
from tests.docs.metrics_table import PAGE, SECTIONS, names, with_tables

METRICS = sorted(
    {metric for _, records in SECTIONS for record in records for _, metric in declared_metrics(record)},
    key=lambda metric: metric.name,
)


def test_the_page_has_the_tables() -> None:
    page = PAGE.read_text()
    assert with_tables(page) == page, "python -m tests.docs.metrics_table writes the tables"


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_follow_the_rules(metric: Metric) -> None:
    assert re.fullmatch(r"recharge(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == Kind.COUNTER)
    for unit in ("_milliseconds", "_ms", "_kilobytes", "_megabytes", "_minutes", "_hours"):
        assert unit not in metric.name, "base units: seconds and bytes"


def test_no_two_metrics_have_one_name() -> None:
    assert len(METRICS) == len(names())
