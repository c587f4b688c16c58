# SPDX-License-Identifier: Apache-2.0
"""Tables at the end of a demonstration: how good, how exact, how long, on what."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from pyfate_gpu.backends import BackendInfo
from pyfate_gpu.cli.board import operations, seconds
from pyfate_gpu.data.examples import VerticalSplit
from pyfate_gpu.federation.statistics import Usage
from pyfate_gpu.glm import HeteroLogisticRegression
from pyfate_gpu.glm.plaintext import PlaintextResult, fit_plaintext
from pyfate_gpu.learning.metrics import classification_metrics
from pyfate_gpu.protocol.progress import FitReport

_STEPS = {
    "make key": "keys made",
    "encrypt": "values encrypted",
    "mask": "values masked",
    "blind": "ciphertexts re-blinded",
    "check": "ciphertexts received",
    "add": "ciphertexts added",
    "multiply": "matrix entries multiplied",
    "decrypt": "values decrypted",
    "send": "frames made",
}


def print_models(
    console: Console,
    split: VerticalSplit,
    scores: NDArray[np.float64],
    guest: HeteroLogisticRegression,
    host: HeteroLogisticRegression,
) -> None:
    """Compare the federated model with what guest and host could do otherwise."""
    settings, y = guest.settings(), split.y.astype(np.float64)
    alone = fit_plaintext([split.guest], y, settings)
    plain = fit_plaintext([split.guest, split.host], y, settings)
    rows = {
        f"guest alone, {split.guest.shape[1]} columns": alone.scores,
        "federated, under encryption": scores,
        "the same rule in plaintext": plain.scores,
        "scikit-learn LogisticRegression, joined": _scikit_learn_scores(split),
    }
    table = Table("model", title="Scores on the training rows")
    for column in ("AUC", "accuracy"):
        table.add_column(column, justify="right")
    for name, values in rows.items():
        metrics = classification_metrics(split.y, values)
        table.add_row(name, f"{metrics['auc']:.4f}", f"{metrics['accuracy']:.4f}")
    console.print(table)
    difference = weight_difference(plain, guest, host)
    console.print(f"Largest difference of a weight, federated to plaintext: {difference:.1e}")


def weight_difference(
    plain: PlaintextResult, guest: HeteroLogisticRegression, host: HeteroLogisticRegression
) -> float:
    """Return the largest difference of any weight, the intercept included."""
    federated = np.concatenate([guest.coef_, [guest.intercept_], host.coef_])
    return float(np.abs(federated - np.concatenate(plain.weights)).max())


def print_costs(console: Console, usages: Mapping[str, Usage]) -> None:
    """Show seconds and counts of each kind of operation by party, predict included."""
    table = Table(
        "operation",
        title="Training and prediction: seconds in each kind of operation",
        caption="wall-clock; the parties work side by side and share the processor",
    )
    for column in (*usages, "all", "count"):
        table.add_column(column, justify="right")
    everybody = list(usages.values())
    for step, words in _STEPS.items():
        if seconds(everybody, step) == 0:
            continue
        parts = [
            f"{usage.seconds[step]:.2f}" if step in usage.seconds else "" for usage in everybody
        ]
        count = operations(everybody, step)
        table.add_row(
            words, *parts, f"{seconds(everybody, step):.2f}", f"{count:,}" if count else ""
        )
    waited = [f"{usage.seconds.get('wait', 0.0):.2f}" for usage in everybody]
    table.add_row("waiting for the others", *waited, "", "")
    table.add_row(
        "megabytes sent", *(f"{usage.bytes_sent / 1e6:.2f}" for usage in everybody), "", ""
    )
    console.print(table)


def print_engine(console: Console, report: FitReport, found: BackendInfo) -> None:
    """Say what ran."""
    console.print(
        f"Ran on backend {report.backend} ({report.engine}, {report.device}, {found.threads} thread(s)), "
        f"key of {report.key_bits} bits, fingerprint {report.key_fingerprint}; "
        f"{report.iterations} iterations in {report.seconds:.1f} s.",
        highlight=False,
    )


def _scikit_learn_scores(split: VerticalSplit) -> NDArray[np.float64]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression())
    return np.asarray(model.fit(split.joined, split.y).decision_function(split.joined))
