# SPDX-License-Identifier: Apache-2.0
"""Which leaves a party's own splits allow; nothing here is encrypted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pyfate_gpu.integrations.heu.schema import PheRuntimeError


def tree_predict(
    arg0: npt.NDArray[np.float64], arg1: Sequence[int], arg2: Sequence[float]
) -> npt.NDArray[np.int8]:
    """Leaves of a complete tree that each row may reach.

    Parameters
    ----------
    arg0 : float array [rows, columns]
    arg1 : sequence of int
        Column of each split, node by node; -1 for another party's, where both ways are open.
    arg2 : sequence of float
        Split points: rows below go left.

    Returns
    -------
    int8 [rows, leaves] of 0 and 1

    Examples
    --------
    >>> from pyfate_gpu.integrations.heu import numpy as hnp
    >>> hnp.tree_predict([[1.0], [3.0]], [0, -1, -1], [2.0, 0.0, 0.0]).tolist()
    [[1, 1, 0, 0], [0, 0, 1, 1]]
    """
    splits = len(arg1)
    return tree_predict_with_indices(arg0, arg1, arg2, range(splits), range(splits, 2 * splits + 1))


def tree_predict_with_indices(
    arg0: npt.ArrayLike,
    arg1: Sequence[int],
    arg2: Sequence[float],
    arg3: Sequence[int],
    arg4: Sequence[int],
) -> npt.NDArray[np.int8]:
    """As `tree_predict` for a tree with gaps: node i has the children 2 i + 1 and 2 i + 2.

    Parameters
    ----------
    arg3, arg4 : sequences of int
        Nodes of the splits and of the leaves.
    """
    x = np.asarray(arg0, dtype=np.float64)
    if x.ndim != 2 or len({len(arg1), len(arg2), len(arg3)}) != 1:
        raise PheRuntimeError("trees take rows of features, and as many columns as split points")
    if any(not -1 <= column < x.shape[1] for column in arg1):
        raise PheRuntimeError(f"a split is at a column beyond the {x.shape[1]} there are")
    left: dict[int, npt.NDArray[np.bool_]] = {}
    right: dict[int, npt.NDArray[np.bool_]] = {}
    for node, column, point in zip(arg3, arg1, arg2, strict=True):
        below = x[:, column] < point
        left[node], right[node] = (below, ~below) if column >= 0 else (np.ones_like(below),) * 2
    result = np.ones((len(x), len(arg4)), dtype=np.bool_)
    for place, leaf in enumerate(arg4):
        node = leaf
        while node > 0:
            parent = (node - 1) // 2
            sides = left if node % 2 else right
            if parent in sides:
                result[:, place] &= sides[parent]
            node = parent
    return result.astype(np.int8)
