"""Prints, at the end of a run with any number of workers, the figures of docs/reliability-figures.md."""

import pytest

PROPERTY = "figure"


class Figures:
    """A pytest plugin: collects the reports' figures and prints them below the run's own summary."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":
            self._lines += [str(line) for name, line in report.user_properties if name == PROPERTY]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._lines:
            terminalreporter.section(self._title)
            for line in self._lines:
                terminalreporter.line(line)
