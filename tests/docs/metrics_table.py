"""The tables of docs/metrics.md. `python -m tests.docs.metrics_table` writes them."""

from pathlib import Path
from typing import Final

from msgspec import Struct

from cloud_service.gateway.figures import GatewayFigures
from cloud_service.metrics.connection import ProcessFigures
from cloud_service.metrics.metric import declared_metrics
from cloud_service.monitor.figures import MonitorFigures
from cloud_service.ocpp.figures import OcppFigures
from cloud_service.service.figures import FolderFigures, ServiceFigures
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "metrics.md"

SECTIONS: Final[tuple[tuple[str, tuple[type[Struct], ...]], ...]] = (
    ("Every process", (ProcessFigures,)),
    ("Cloud service", (ServiceFigures, FolderFigures)),
    ("Gateway", (GatewayFigures,)),
    ("OCPP gateway", (OcppFigures,)),
    ("Monitor", (MonitorFigures,)),
)

_BEGIN = "<!-- metrics: python -m tests.docs.metrics_table -->"
_END = "<!-- end of metrics -->"


def names() -> set[str]:
    """The metrics of all processes."""
    return {
        metric.name for _, records in SECTIONS for record in records for _, metric in declared_metrics(record)
    }


def tables() -> str:
    """A table for each kind of process, without what every process has."""
    return "\n".join(_table(heading, records) for heading, records in SECTIONS)


def _table(heading: str, records: tuple[type[Struct], ...]) -> str:
    lines = [f"## {heading}", "", "| metric | kind | labels | what |", "|---|---|---|---|"]
    common = (
        set() if ProcessFigures in records else {metric for _, metric in declared_metrics(ProcessFigures)}
    )
    for record in records:
        for _, metric in declared_metrics(record):
            if metric not in common:
                labels = ", ".join(f"`{label}`" for label in metric.labels)
                lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(lines) + "\n"


def with_tables(page: str) -> str:
    """The page with these tables between its marks."""
    begin, end = page.index(_BEGIN) + len(_BEGIN), page.index(_END)
    return f"{page[:begin]}\n\n{tables()}\n{page[end:]}"


def main(page: Path = PAGE) -> None:
    page.write_text(with_tables(page.read_text()))


if __name__ == "__main__":
    main()
