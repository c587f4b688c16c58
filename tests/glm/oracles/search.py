# SPDX-License-Identifier: Apache-2.0
"""Conjugate gradients by SciPy, with the blocks of parties as preconditioner, on a matrix that no party has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import block_diag
from scipy.sparse.linalg import cg

from tests.glm.oracles.losses import LOSSES

Array = np.ndarray


def after_steps(
    x: Array,
    y: Array,
    loss: str,
    owners: Sequence[int],
    steps: int,
    *,
    alpha: float,
    weight: Array | None = None,
) -> Array:
    """The weights after some steps, columns of all parties, then the guest's intercept.

    Parties know their own curvature but for the weights of rows. Least squares begin at the mean.
    """
    rule, rows = LOSSES[loss], len(y)
    assert rule.curvature is not None
    assert rule.target is not None
    weight = np.ones(rows) if weight is None else weight / weight.mean()
    first = owners[0]
    design = np.insert(x, first, 1.0, axis=1)  # the intercept follows the guest's own columns
    shrink = np.full(design.shape[1], alpha)
    shrink[first] = 0.0
    matrix = rule.curvature * design.T @ np.diag(weight) @ design / rows + np.diag(shrink)
    side = rule.curvature * design.T @ (weight * rule.target(y)) / rows
    parts = np.split(np.arange(design.shape[1]), np.cumsum([first + 1, *owners[1:-1]]))
    own = [
        rule.curvature * design[:, part].T @ design[:, part] / rows + np.diag(shrink[part])
        for part in parts
    ]
    start = np.zeros(design.shape[1])
    if loss == "linear":
        start[first] = np.average(y, weights=weight)
    inverse = np.linalg.inv(block_diag(*own))
    found, _ = cg(matrix, side, x0=start, rtol=0.0, maxiter=steps, M=inverse)
    return np.append(np.delete(found, first), found[first])
