# SPDX-License-Identifier: Apache-2.0
"""How scores of two classes stand to labels, in tables that people look for: calibration, lift, confusion."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.typing import Floats

BINS = 10

Table = list[dict[str, Any]]


def calibration(positive: NDArray[np.bool_], probability: Floats) -> Table:
    """Return, for ten groups of rows by probability, its mean beside the share of positives.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.learning.judgement import calibration
    >>> calibration(np.array([False, True]), np.array([0.25, 0.75]))[0]
    {'rows': 1, 'probability': 0.25, 'share': 0.0}
    """
    return [
        {
            "rows": len(part),
            "probability": float(probability[part].mean()),
            "share": float(positive[part].mean()),
        }
        for part in _parts(np.argsort(probability, kind="stable"))
    ]


def lift(positive: NDArray[np.bool_], scores: Floats) -> Table:
    """Return, from the highest scores down by tenths of the rows, how many more positives there are than on average.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.learning.judgement import lift
    >>> lift(np.array([False, True]), np.array([-1.0, 1.0]))
    [{'share of rows': 0.5, 'lift': 2.0, 'found': 1.0}, {'share of rows': 1.0, 'lift': 1.0, 'found': 1.0}]
    """
    order, found, rows = np.argsort(-scores, kind="stable"), 0, 0
    table, total = [], int(positive.sum())
    for part in _parts(order) if total else ():
        found, rows = found + int(positive[part].sum()), rows + len(part)
        share = rows / len(scores)
        table.append(
            {"share of rows": share, "lift": found / total / share, "found": found / total}
        )
    return table


def confusion(labels: Any, predictions: Any) -> Table:
    """Return a row for each label: how many of its rows were predicted as which.

    Examples
    --------
    >>> from pyfate_gpu.learning.judgement import confusion
    >>> confusion(["a", "a", "b"], ["a", "b", "b"])
    [{'label': 'a', 'as a': 1, 'as b': 1}, {'label': 'b', 'as a': 0, 'as b': 1}]
    """
    labels, predictions = list(map(_name, labels)), list(map(_name, predictions))
    names = sorted({*labels, *predictions})
    pairs = list(zip(labels, predictions, strict=True))
    return [
        {"label": name} | {f"as {other}": pairs.count((name, other)) for other in names}
        for name in names
    ]


def _name(value: Any) -> str:
    """What a class is called, be it an integer or, beside missing labels, the same number as a float."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _parts(order: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [part for part in np.array_split(order, BINS) if len(part)]
