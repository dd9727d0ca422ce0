"""Prints, at the end of a run, the figures that the cases have told by `record_property`."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    figures = [
        f"{report.nodeid.removeprefix('tests/faults/')}: " + ", ".join(f"{value} {name}" for name, value in properties)
        for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
        if (properties := report.user_properties)
    ]
    if figures:
        terminalreporter.section("figures")
        terminalreporter.write("\n".join(sorted(figures)) + "\n")
