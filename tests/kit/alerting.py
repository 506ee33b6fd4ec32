"""A real Prometheus that scrapes processes of this machine and evaluates the product's alert rules."""

import json
import math
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests.kit.processes import HOST, Process, free_port
from tests.kit.waiting import DEADLINE, wait_until

MONITORING = Path(__file__).parents[2] / "monitoring"
RULES = MONITORING / "alerts.yml"
MISSING = "Prometheus is not installed: `apt install prometheus`, a package of Debian and Ubuntu"


def dashboard_expressions() -> list[str]:
    """What the panels of the dashboard show."""
    dashboard = json.loads((MONITORING / "grafana" / "dashboards" / "recharge.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def rules() -> list[dict[str, Any]]:
    """The alert rules as they are in the file."""
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def _impatient(text: str, smaller: Mapping[str, str]) -> str:
    for limit, less in smaller.items():
        assert text.count(limit) == 1, f"{RULES} has no single {limit}"
        text = text.replace(limit, less)
    return re.sub(r"^ +for: .*\n", "", text, flags=re.MULTILINE)


class Prometheus(Process):
    """Scrapes each second, and lets alerts fire at once: a test does not wait for minutes.

    `smaller` replaces limits of the rules that a test would wait too long for.
    """

    def __init__(self, folder: Path, targets: Mapping[str, int], smaller: Mapping[str, str] = {}) -> None:
        self.port = free_port()
        folder.mkdir()
        (folder / "alerts.yml").write_text(_impatient(RULES.read_text(), smaller))
        jobs = [
            {"job_name": job, "static_configs": [{"targets": [f"{HOST}:{port}"]}]}
            for job, port in targets.items()
        ]
        intervals = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        configuration = {"global": intervals, "rule_files": ["alerts.yml"], "scrape_configs": jobs}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        program = shutil.which("prometheus")
        assert program is not None
        words = [
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
        ]
        super().__init__("prometheus", words, folder / "prometheus.log")

    def firing(self) -> set[str]:
        """The names of the alerts that fire; none while it starts."""
        try:
            alerts = self._ask("alerts")["alerts"]
        except urllib.error.URLError:
            return set()
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def healthy_targets(self) -> int:
        """How many processes answered the last scrape."""
        try:
            targets = self._ask("targets")["activeTargets"]
        except urllib.error.URLError:
            return 0
        return sum(target["health"] == "up" for target in targets)

    def values(self, expression: str) -> list[float]:
        """What an expression gives, without NaN. Raises HTTPError if Prometheus cannot compute it."""
        series = self._ask(f"query?{urlencode({'query': expression})}")["result"]
        values = (float(one["value"][1]) for one in series)
        return [value for value in values if not math.isnan(value)]

    def _ask(self, what: str) -> Any:
        with urllib.request.urlopen(f"http://{HOST}:{self.port}/api/v1/{what}", timeout=DEADLINE) as reply:
            return json.load(reply)["data"]

    def wait_for(self, alert: str, *, firing: bool = True) -> None:
        wait_until(lambda: (alert in self.firing()) is firing, f"{alert} fires: {firing}")
