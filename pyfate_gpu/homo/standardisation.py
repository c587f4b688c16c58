# SPDX-License-Identifier: Apache-2.0
"""Mean and scale of columns over all clients' rows, of which each client tells none of its own.

Three sums: how many clients have which order of magnitude of each column, which says where values can be clipped
without loss; means; mean squares of what is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyfate_gpu.errors import DataError
from pyfate_gpu.homo.exchange import Opened
from pyfate_gpu.homo.plan import MAX_WIDTH, AggregationPlan
from pyfate_gpu.typing import Floats

LEAST, MOST = -56, 56
"""Powers of two that values are told apart by; smaller ones count as the least."""
BITS = 32


@dataclass(frozen=True)
class Scale:
    """What columns are centred and divided by."""

    mean: Floats
    deviation: Floats

    @classmethod
    def none(cls, columns: int) -> Scale:
        """That which changes nothing."""
        return cls(np.zeros(columns), np.ones(columns))

    def apply(self, values: Floats) -> Floats:
        """The columns, standardised."""
        return np.asarray((values - self.mean) / self.deviation)


Round = Callable[[AggregationPlan, Any], Opened | None]


def learn(run: Round, plan: AggregationPlan, columns: int, values: Floats | None) -> Scale | None:
    """Find the scale together; all parties call it, clients with their rows and get it back.

    Parameters
    ----------
    run : callable
        Does a round of a plan with an update, None elsewhere than at clients.
    plan : AggregationPlan
        Whose clients and weights count.
    columns : int
    values : float64 [rows, columns], optional

    Raises
    ------
    DataError
        When a value is too large.
    """
    orders = None if values is None else _orders(values)
    counting = AggregationPlan(plan.clients, integers="sum", integer_bits=1)
    found = run(counting, None if orders is None else {"orders": orders})
    heights = np.zeros(columns)
    if found is not None:
        counts = found[0]["orders"]
        heights = MOST - counts[:, ::-1].argmax(axis=1)
    exact = AggregationPlan(
        plan.clients,
        min(BITS, MAX_WIDTH - plan.width + plan.value_bits),
        clip=tuple(2.0**height for height in heights),
        max_total_weight=plan.max_total_weight,
        rounding="nearest",
    )
    means = run(exact, None if values is None else list(values.mean(axis=0)[:, None]))
    if means is None or values is None:
        run(exact.with_clips([1.0] * columns), None)
        return None
    mean = np.concatenate(means[0])
    spread = (values - mean) / 2.0 ** (heights + 1)
    squares = run(exact.with_clips([1.0] * columns), list((spread**2).mean(axis=0)[:, None]))
    assert squares is not None
    deviation = np.sqrt(np.concatenate(squares[0]).clip(min=0)) * 2.0 ** (heights + 1)
    return Scale(mean, np.where(deviation > 0, deviation, 1.0))


def _orders(values: Floats) -> Any:
    """int64 [columns, orders], 1 where the largest value of a column lies."""
    largest = np.abs(values).max(axis=0)
    if largest.max(initial=0) > 2.0**MOST:
        raise DataError(f"standardize takes values up to 2**{MOST}: scale the columns before")
    heights = np.frexp(largest)[1].clip(LEAST, MOST)
    marks = np.zeros((values.shape[1], MOST - LEAST + 1), dtype=np.int64)
    marks[np.arange(values.shape[1]), heights - LEAST] = 1
    return marks
