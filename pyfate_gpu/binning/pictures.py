# SPDX-License-Identifier: Apache-2.0
"""What a report shows of fitted bins: tables of them, information values and weights of evidence as bars."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyfate_gpu.binning.fitting import Fitted

#: Columns whose weights of evidence are drawn: those with the largest information values.
DRAWN = 6


def tables_of(fitted: Fitted) -> dict[str, list[dict[str, Any]]]:
    """Return the bins of each column, those with the largest information value first, then hosts' columns."""
    document = fitted.as_json()
    found = {}
    names = list(document["bins"])
    for at in _order(fitted):
        found[f"bins of {names[at]}"] = document["bins"][names[at]]
    for host, columns in document.get("hosts", {}).items():
        found[f"columns of {host}, in an order of its own"] = [
            {"column": at, **{key: column[key] for key in ("bins", "iv", "ks", "chi_square")}}
            for at, column in enumerate(columns)
        ]
    return found


def bars_of(fitted: Fitted) -> dict[str, dict[str, float]]:
    """Return what can be drawn: finite numbers, of the output that has most of it."""
    document = fitted.as_json()
    names, order = list(document["bins"]), _order(fitted)
    found: dict[str, dict[str, float]] = {}
    if names:
        found["information values"] = _finite({names[at]: fitted.iv[at].max() for at in order})
    for host, columns in (fitted.hosts or {}).items():
        values = {f"column {at}": max(e.iv for e in each) for at, each in enumerate(columns)}
        ordered = dict(sorted(values.items(), key=lambda pair: -pair[1]))
        found[f"information values of {host}"] = _finite(ordered)
    for at in order[:DRAWN] if fitted.woe is not None else ():
        output = int(fitted.iv[at].argmax())
        bins = zip(fitted.bins[at].names(), fitted.woe[at][:, output], strict=True)  # type: ignore[index]
        found[f"weight of evidence of {names[at]}"] = _finite(dict(bins))
    return {title: values for title, values in found.items() if values}


def _order(fitted: Fitted) -> list[int]:
    """Return the columns, those with the largest information value first."""
    largest = fitted.iv.max(axis=1) if len(fitted.iv) else np.empty(0)
    return [int(at) for at in np.argsort(-largest, kind="stable")]


def _finite(values: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if np.isfinite(value)}
