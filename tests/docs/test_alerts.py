"""Alerts and dashboard use metrics that exist, and each alert has its runbook line and its test."""

import re

import pytest
import yaml

from tests.docs.metrics_table import names
from tests.docs.pages import ROOT
from tests.kit.alerting import MONITORING, dashboard_expressions, rules

OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
UNIT_TESTS = yaml.safe_load((ROOT / "tests" / "integration" / "alert_tests.yml").read_text())["tests"]
ALERTS = [rule["alert"] for rule in rules()]


def _known(expression: str) -> bool:
    """Whether all of our metrics in an expression exist; a histogram's samples have endings of their own."""
    used = re.findall(r"recharge_[a-z_]+", expression)
    return {re.sub("_(bucket|sum|count)$", "", name) for name in used} <= names()


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_line_in_the_runbook(alert: str) -> None:
    row = next((line for line in OPERATIONS.splitlines() if line.startswith(f"| `{alert}` |")), "")
    assert len([cell for cell in row.strip("|").split("|") if cell.strip()]) == 3


def test_the_runbook_has_no_other_alerts() -> None:
    assert set(re.findall(r"^\| `(Recharge\w+)`", OPERATIONS, re.MULTILINE)) == set(ALERTS)


@pytest.mark.parametrize("rule", rules(), ids=ALERTS)
def test_an_alert_watches_metrics_that_exist(rule: dict[str, str]) -> None:
    assert _known(rule["expr"])


def test_each_alert_is_fired_by_its_cause() -> None:
    tests = (ROOT / "tests" / "integration").glob("test_alerts*.py")
    fired = {name for file in tests for name in re.findall(r'wait_for\("(Recharge\w+)"\)', file.read_text())}
    assert fired == set(ALERTS)


def test_each_alert_is_tried() -> None:
    tried = {check["alertname"] for test in UNIT_TESTS for check in test["alert_rule_test"]}
    assert tried == set(ALERTS)


def test_prometheus_finds_each_process_of_the_stack() -> None:
    """Under the name in the inner network at which it serves its metrics, and only those."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    served = {
        f"{service['environment']['RECHARGE_METRICS_HOST']}:{service['environment']['RECHARGE_METRICS_PORT']}"
        for service in services.values()
        if "RECHARGE_METRICS_PORT" in service.get("environment", {})
    }
    aliases = {
        alias
        for service in services.values()
        if isinstance(service.get("networks"), dict)
        for network in services["prometheus"]["networks"]
        for alias in (service["networks"].get(network) or {}).get("aliases", [])
    }
    jobs = yaml.safe_load((MONITORING / "prometheus.yml").read_text())["scrape_configs"]
    targets = {job["job_name"]: job["static_configs"][0]["targets"][0] for job in jobs}
    assert set(targets.values()) == served
    assert {target.split(":")[0] for target in served} <= aliases
    assert set(re.findall(r'job="(\w+)"', (MONITORING / "alerts.yml").read_text())) <= set(targets)


def test_the_dashboard_shows_metrics_that_exist() -> None:
    assert dashboard_expressions()
    assert all(_known(expression) for expression in dashboard_expressions())
