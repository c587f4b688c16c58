# SPDX-License-Identifier: Apache-2.0
"""A hetero logistic regression between three parties in one process, all of them on the device."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

import numpy as np

from pyfate_gpu import HeteroLogisticRegression, Session, simulate, use_backend
from pyfate_gpu.protocol.progress import IterationReport

GUEST_COLUMNS, HOST_COLUMNS, EPOCHS = 30, 300, 3
NO_ARITHMETIC = ("wait", "send", "check")  # steps that are no work on ciphertexts


class _Times:
    """Takes down when each iteration ended, and what it cost the party."""

    def __init__(self) -> None:
        self.reports: list[IterationReport] = []
        self.ends: list[float] = []

    def on_iteration(self, report: IterationReport) -> None:
        self.reports.append(report)
        self.ends.append(time.perf_counter())


def logistic_job(
    key_bits: int, rows: int, columns: tuple[int, int], backend: str
) -> dict[str, Any]:
    """Seconds of an epoch (all rows in one batch) after the first, which builds the table.

    Work is only enqueued on a GPU, so that its seconds are counted in whichever step waits for it: the
    time of a whole epoch is the figure, an upper bound of that spent on ciphertexts.
    """
    rng = np.random.default_rng(1)
    tables = [rng.normal(size=(rows, count)) for count in columns]
    labels = (tables[0][:, 0] + tables[1][:, 0] > 0).astype(np.int64)
    times = {name: _Times() for name in ("guest", "host", "arbiter")}

    def party(name: str, *data: Any) -> Any:
        def run(session: Session) -> HeteroLogisticRegression:
            model = HeteroLogisticRegression(
                max_iter=EPOCHS,
                tol=0.0,
                key_bits=key_bits,
                allow_insecure_key_size=True,
                callbacks=[times[name]],
            )
            return model.fit(*data, session=session)

        return run

    with use_backend(backend):
        trained = simulate(
            guest=party("guest", tables[0], labels),
            hosts=[party("host", tables[1])],
            arbiter=party("arbiter"),
        )["guest"]
    ends = times["guest"].ends
    steps: defaultdict[str, float] = defaultdict(float)
    for each in times.values():
        for report in each.reports[1:]:
            for step, seconds in report.usage.seconds.items():
                steps[step] += seconds / (EPOCHS - 1)
    return {
        "rows": rows,
        "columns": list(columns),
        "seconds an epoch": round((ends[-1] - ends[0]) / (len(ends) - 1), 3),
        "seconds by step": {
            step: round(seconds, 3) for step, seconds in steps.items() if step not in NO_ARITHMETIC
        },
        "device": trained.report_.device,
        "wrong": {
            "loss that does not fall": int(trained.loss_history_[-1] >= trained.loss_history_[0])
        },
    }
