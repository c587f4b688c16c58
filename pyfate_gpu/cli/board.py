# SPDX-License-Identifier: Apache-2.0
"""One line for each iteration of a simulation, added up over its parties."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from rich.console import Console

from pyfate_gpu.federation.statistics import Usage
from pyfate_gpu.protocol.progress import IterationReport

#: Steps by the column they are shown in; a re-blinding is a fresh encryption of 0.
_TIMED = {
    "encrypt": ("encrypt", "mask"),
    "re-blind": ("blind",),
    "multiply": ("multiply", "weigh", "add"),
    "decrypt": ("decrypt",),
}
_ENCRYPTIONS = ("encrypt", "mask", "blind")
_OPERATIONS = ("add", "multiply", "weigh")
#: Headings and widths: 79 characters, for the narrowest terminal.
_COLUMNS = (
    ("it", 3),
    ("loss", 7),
    ("total", 6),
    *((heading, max(len(heading), 7)) for heading in _TIMED),
    ("encrypted", 9),
    ("cipher ops", 10),
    ("MB", 5),
)


class IterationBoard:
    """A callback shared by all parties: prints an iteration when each of them has reported it."""

    def __init__(self, console: Console, parties: int) -> None:
        self._console = console
        self._parties = parties
        self._reports: dict[int, list[IterationReport]] = {}
        self._lock = threading.Lock()

    def on_iteration(self, report: IterationReport) -> None:
        """Take a party's report, in that party's thread."""
        with self._lock:
            reports = self._reports.setdefault(report.iteration, [])
            reports.append(report)
            if len(reports) == self._parties:
                if report.iteration == 1:
                    self._console.print("Seconds by step, added up over the parties:")
                    self._print(heading for heading, _ in _COLUMNS)
                self._print(_cells(self._reports.pop(report.iteration)))

    def __deepcopy__(self, memo: object) -> IterationBoard:
        """Copies of an estimator report to the same board."""
        return self

    def _print(self, cells: Iterable[str]) -> None:
        padded = (cell.rjust(width) for cell, (_, width) in zip(cells, _COLUMNS, strict=True))
        self._console.print(" ".join(padded), highlight=False, markup=False)


def _cells(reports: list[IterationReport]) -> list[str]:
    usages = [report.usage for report in reports]
    loss = next((report.loss for report in reports if report.loss is not None), float("nan"))
    return [
        str(reports[0].iteration),
        f"{loss:.4g}",
        f"{max(report.seconds for report in reports):.2f}",
        *(f"{seconds(usages, *steps):.2f}" for steps in _TIMED.values()),
        f"{operations(usages, *_ENCRYPTIONS):,}",
        f"{operations(usages, *_OPERATIONS):,}",
        f"{sum(usage.bytes_sent for usage in usages) / 1e6:.2f}",
    ]


def seconds(usages: Iterable[Usage], *steps: str) -> float:
    """Return the seconds of some steps, added up over parties."""
    return sum(usage.seconds.get(step, 0.0) for usage in usages for step in steps)


def operations(usages: Iterable[Usage], *steps: str) -> int:
    """Return the operations of some steps, added up over parties."""
    return sum(usage.operations.get(step, 0) for usage in usages for step in steps)
