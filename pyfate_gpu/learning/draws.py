# SPDX-License-Identifier: Apache-2.0
"""What is drawn at random, each round from a seed of its own, so that a round done again draws the same.

Whoever knows the seed of the guest tells rows that GOSS keeps for their gradients from those that it draws: by
default it comes from the operating system.
"""

from __future__ import annotations

import math
import secrets

import numpy as np

from pyfate_gpu.typing import Floats, Integers

SEED_BITS = 128


def new_seed(random_state: int | None) -> int:
    """Return the seed that was asked for, or one that nobody can guess."""
    return secrets.randbits(SEED_BITS) if random_state is None else random_state


def count_rows(rows: int, share: float) -> int:
    """Return how many rows `draw_rows` draws."""
    return rows if share == 1.0 else max(1, round(rows * share))


def count_by_gradient(rows: int, top_rate: float, other_rate: float) -> int:
    """Return how many rows `draw_by_gradient` draws."""
    top = round(rows * top_rate)
    return top + min(max(1, round(rows * other_rate)), rows - top)


def draw_rows(seed: int, number: int, tree: int, rows: int, share: float) -> Integers:
    """Return the rows that a tree of a round is grown from, in order."""
    if share == 1.0:
        return np.arange(rows, dtype=np.int64)
    generator = np.random.default_rng([seed, number, tree, 0])
    kept = count_rows(rows, share)
    return np.sort(generator.permutation(rows)[:kept]).astype(np.int64)


def draw_by_gradient(
    seed: int, number: int, size: Floats, top_rate: float, other_rate: float
) -> tuple[Integers, float]:
    """Return the rows with the largest gradients and some of the others, in order, and what those count for.

    Gradient-based one-side sampling (Ke et al., LightGBM, 2017): the others stand for all of their kind.

    Parameters
    ----------
    size : float64 [rows]
        How large the gradient of each row is.
    top_rate, other_rate : float
        Shares of all rows.

    Returns
    -------
    rows : int64
        First those with the largest gradients, then the others, each in order.
    factor : float
        Of the gradients of the others, which are all but the first ``round(top_rate * rows)``.
    """
    rows = len(size)
    top = round(rows * top_rate)
    order = np.argsort(-size, kind="stable")
    rest = order[top:]
    wanted = count_by_gradient(rows, top_rate, other_rate) - top
    generator = np.random.default_rng([seed, number, 0, 1])
    drawn = rest[np.sort(generator.permutation(len(rest))[:wanted])]
    factor = len(rest) / wanted if wanted else 1.0
    return np.concatenate([np.sort(order[:top]), np.sort(drawn)]).astype(np.int64), factor


def draw_columns(seed: int, number: int, tree: int, columns: int, share: float) -> Integers:
    """Return the columns of a party that a tree of a round may split, in order: one at least, if there is any."""
    if share == 1.0 or columns == 0:
        return np.arange(columns, dtype=np.int64)
    generator = np.random.default_rng([seed, number, tree, 2])
    kept = max(1, math.floor(columns * share))
    return np.sort(generator.permutation(columns)[:kept]).astype(np.int64)
