# SPDX-License-Identifier: Apache-2.0
"""How many passes optimizers take to a thousandth of the way: ``python -m tests.glm.measure_passes``; no test.

The gap is (loss - optimum) / (loss at 0 - optimum), by the plaintext rule. Prints a row for each data set and rule.
"""

from __future__ import annotations

import numpy as np

from pyfate_gpu import HeteroLogisticRegression
from pyfate_gpu.glm.plaintext import fit_plaintext
from tests.glm.real_data import load_whole

RULES = (("newton", 0.05), ("rmsprop", 0.05), ("adam", 0.05), ("adam", 0.15), ("nesterov", 0.15))
GAP = 1e-3


def losses(parts, y, **parameters):
    model = HeteroLogisticRegression(tol=0.0, alpha=0.01, **parameters)
    return np.array(fit_plaintext(parts, y, model.settings()).losses)


def main():
    for name in ("breast", "default_credit"):
        guest, y, host = load_whole(name)
        parts = [guest, host]
        best = losses(parts, y, optimizer="newton", max_iter=40).min()
        for optimizer, rate in RULES:
            found = losses(parts, y, optimizer=optimizer, learning_rate=rate)
            near = np.flatnonzero(found - best <= GAP * (found[0] - best))
            passes = near[0] + 1 if len(near) else f"not in {len(found)}"
            highest = f"the highest loss {found.max() / found[0]:.2f} of the first"
            print(f"{name:15} {optimizer:9} {rate:.2f} {passes}; {highest}")


if __name__ == "__main__":
    main()
