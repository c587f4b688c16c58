# SPDX-License-Identifier: Apache-2.0
"""Bins of the largest information value beside those of optbinning, from the same pre-bins; no test.

``python -m tests.binning.compare_optbinning [--json PATH]`` in an environment that has optbinning. Ours are found by
dynamic programming, optbinning's by constraint programming, and both claim to be the best there are: for each column
of breast cancer's data and of the sample of default_credit, each trend and several numbers of bins the information
values have to be the same, without cells of 0 on either side.
"""

from __future__ import annotations

import argparse
import json
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np

from pyfate_gpu.data.binning.optimal import Limits, optimal_starts
from pyfate_gpu.data.binning.quantiles import quantile_bins
from pyfate_gpu.data.information_value import evidence_of

TRENDS = {"none": None, "up": "ascending", "down": "descending", "peak": "peak"}
PREBINS = 20


def columns():
    """Yield name, values and labels of each column with three values or more."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    for name, column in zip(data.feature_names, data.data.T, strict=True):
        yield f"breast {name}", column, data.target
    samples = Path(__file__).parents[1] / "samples"
    guest, host = (
        np.loadtxt(samples / f"default_credit_hetero_{role}.csv.gz", delimiter=",", skiprows=1)
        for role in ("guest", "host")
    )
    for at, column in enumerate(host[:, 1:].T):
        if len(np.unique(column)) > 2:
            yield f"default_credit x{at}", column, guest[:, 1].astype(int)


def prebins(column, y):
    """Return cuts of quantiles merged until each bin has both classes, and the counts."""
    cuts = quantile_bins(column, PREBINS).cuts
    while True:
        where = np.searchsorted(cuts, column, side="right")
        counts = np.stack([np.bincount(where, y == c, len(cuts) + 1) for c in (0, 1)], axis=1)
        lacking = np.flatnonzero(counts.min(axis=1) == 0)
        if not len(lacking) or not len(cuts):
            return cuts, counts
        cuts = np.delete(cuts, min(int(lacking[0]), len(cuts) - 1))


def ours(counts, most, trend):
    starts = optimal_starts(counts, counts.sum(axis=1).astype(int), Limits(most, trend=trend))
    merged = np.add.reduceat(counts, starts, axis=0)
    return evidence_of(merged[:, 1], merged[:, 0]).iv


def theirs(column, y, cuts, most, trend):
    from optbinning import OptimalBinning

    binning = OptimalBinning(
        dtype="numerical",
        solver="cp",
        divergence="iv",
        max_n_bins=most,
        monotonic_trend=TRENDS[trend],
        user_splits=cuts,
        min_event_rate_diff=0,
        max_pvalue=None,
    )
    binning.fit(column, y)
    splits = binning.splits
    where = np.searchsorted(splits, column, side="right")
    counts = [np.bincount(where, y == c, len(splits) + 1) for c in (1, 0)]
    return binning.status, evidence_of(*counts).iv


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    compared, differ = 0, []
    for name, column, y in columns():
        cuts, counts = prebins(column, y)
        if len(cuts) < 2:
            continue
        for trend in TRENDS:
            for most in (3, 5, 8):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    status, value = theirs(column, y, cuts, most, trend)
                compared += 1
                mine = ours(counts, most, trend)
                if status != "OPTIMAL" or abs(value - mine) > 1e-9:
                    differ.append([name, trend, most, status, value, mine])
    found = {
        "command": "python -m tests.binning.compare_optbinning",
        "optbinning": version("optbinning"),
        "compared": compared,
        "differ": differ,
    }
    text = json.dumps(found, indent=1) + "\n"
    print(text)
    if options.json:
        options.json.write_text(text)


if __name__ == "__main__":
    main()
