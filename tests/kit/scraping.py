"""Reads metrics as Prometheus does."""

import urllib.error
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from tests.kit.processes import HOST
from tests.kit.waiting import DEADLINE, wait_until

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Scrape:
    """The samples of one scrape, by name and labels."""

    def __init__(self, text: str) -> None:
        self.text = text
        families = list(text_string_to_metric_families(text))
        self.samples: Samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float | None:
        """The value of a sample; None if there is none."""
        return self.samples.get((name, frozenset(labels.items())))

    def labels(self) -> set[tuple[str, str]]:
        """All labels and their values."""
        return {label for _, labels in self.samples for label in labels}

    def names(self) -> set[str]:
        return {name for name, _ in self.samples}


def scrape(port: int) -> Scrape:
    """Scrapes a process on this machine. Raises OSError if nobody listens."""
    with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=DEADLINE) as reply:
        return Scrape(reply.read().decode())


def wait_for_sample(port: int, name: str, wanted: float | None = None, **labels: str) -> Scrape:
    """Scrapes until a sample is there, and has this value if one is given."""

    def found() -> Scrape | None:
        try:
            seen = scrape(port)
        except urllib.error.URLError:
            return None
        value = seen(name, **labels)
        return seen if value is not None and wanted in (None, value) else None

    result: Scrape = wait_until(found, f"{name} {labels} is {wanted}")
    return result
