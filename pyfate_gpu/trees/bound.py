# SPDX-License-Identifier: Apache-2.0
"""How much any split of a node could gain, whoever has columns for it: what hosts need not be asked about.

The gain of a partition is a convex function of the sums of one side (a square over what it weighs, or a supremum of
linear functions where steps are limited), so over all partitions of the rows it is largest at a corner of the set of
these sums: a side is then the rows whose gradient exceeds a multiple of their hessian, a prefix in the order of their
ratio. Several outputs are bounded one by one.

Where the guest's own split is that partition, a host wins if another one gains more but for rounding: the second best,
which differs from the best in at least one row, and is a prefix or a suffix of the others.
"""

from __future__ import annotations

import numpy as np

from pyfate_gpu.learning.gain import LEAST_GAIN, Regularization
from pyfate_gpu.typing import Floats, Integers

#: Of rounding, relative to what gains are differences of.
SLACK = 1e-9
#: Rows up to which the second best partition is looked for, in squares of them.
FEW_ROWS = 400


def largest_gain(regularization: Regularization, values: Integers, units: Floats) -> float:
    """Return the largest gain of a partition of rows, or for several outputs no less than it; O(m log m).

    Parameters
    ----------
    values : int64 [rows, 2 outputs], at least one row
        Gradient and hessian of each output in turn; hessians are 0 or more.
    units : float64 [2]
        What 1 stands for.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.trees.bound import largest_gain
    >>> from pyfate_gpu.learning.gain import Regularization
    >>> rows = np.array([[3, 1], [-3, 1], [3, 1]])
    >>> largest_gain(Regularization(reg_lambda=1.0), rows, np.ones(2))
    14.25
    """
    if is_unbounded(regularization, values):
        return np.inf
    found = 0.0
    for place in range(0, values.shape[1], 2):
        pairs = _by_ratio(values[:, place : place + 2])
        gains = regularization.changes(_prefixes(pairs), pairs.sum(axis=0), units)
        found += float(gains.max(initial=0.0))
    return found


def second_gain(regularization: Regularization, values: Integers, units: Floats) -> float:
    """Return the largest gain of a partition with other sums than the best one has, of one output; O(m^2)."""
    pairs = _by_ratio(values[values.any(axis=1)])
    total = pairs.sum(axis=0)
    gains = regularization.changes(_prefixes(pairs), total, units)
    if len(gains) < 2:
        return 0.0
    # The side with the first row, which stands for the partition, has so many of the others when it is the best.
    best, rest = int(gains.argmax()), pairs[1:]
    numbers = np.arange(len(rest))
    ends = np.arange(len(rest) + 1)
    upto = np.concatenate([np.zeros((1, 2), dtype=np.int64), np.cumsum(rest, axis=0)])
    second = 0.0
    for sums, holds in (
        (upto, numbers[:, np.newaxis] < ends),
        (upto[-1] - upto, numbers[:, np.newaxis] >= ends),
    ):
        # Each row in turn is on the other side than in the best partition.
        moved = (numbers >= best)[:, np.newaxis].astype(np.int64) - holds
        sides = pairs[0] + sums + moved[:, :, np.newaxis] * rest[:, np.newaxis]
        flat = sides.reshape(-1, 2)
        second = max(second, float(regularization.changes(flat, total, units).max()))
    return second


def may_gain(
    regularization: Regularization, values: Integers, units: Floats, more_than: float = 0.0
) -> bool:
    """Return whether a split could gain enough, and more than another one.

    Parameters
    ----------
    values, units
        As of `largest_gain`.
    more_than : float
        The gain of the other one.
    """
    if is_unbounded(regularization, values):
        return True
    least, total = max(regularization.gamma, LEAST_GAIN), values.sum(axis=0)
    # Most nodes have such a split, of the rows above the mean ratio.
    left = values[:, 0] * float(total[1]) > values[:, 1] * float(total[0])
    one = values[left].sum(axis=0)[np.newaxis]
    if regularization.changes(one, total, units)[0] > max(least, more_than):
        return True
    bound = largest_gain(regularization, values, units)
    whole = sum(
        abs(float(regularization.score(total[np.newaxis], place, units)[0]))
        for place in range(0, len(total), 2)
    )
    slack = SLACK * (bound + 2 * whole)
    if bound + slack < max(least, more_than):
        return False
    if more_than < bound or values.shape[1] > 2 or len(values) > FEW_ROWS:
        return True
    return second_gain(regularization, values, units) + slack >= more_than


def is_unbounded(regularization: Regularization, values: Integers) -> bool:
    """Return whether a side of rows may weigh nothing, so that nothing bounds what it gains."""
    return regularization.reg_lambda == 0 and not bool(values[:, 1::2].all())


def _by_ratio(pairs: Integers) -> Integers:
    """Return rows in the order of gradient by hessian."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(pairs[np.argsort(pairs[:, 0] / pairs[:, 1])])


def _prefixes(pairs: Integers) -> Integers:
    """Return the sums of the first rows, of one to all but one."""
    return np.asarray(np.cumsum(pairs, axis=0)[:-1])
