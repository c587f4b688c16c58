# SPDX-License-Identifier: Apache-2.0
"""Exact sums of clients' whole numbers, and of floats in units that all clients have in common."""

from __future__ import annotations

import numpy as np

from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.homo.exchange import Exchange
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.typing import Floats, Integers

LEAST, MOST = -200, 200
"""Powers of two by which quantities are told apart; smaller ones count as the least."""
EXACT_BITS = 52
"""Sums of integers stay exact in float64 up to this many bits."""
_DIGIT_BITS = 31


def plan_of(clients: int, bits: int) -> AggregationPlan:
    """The plan of sums of integers of so many bits, in as few digits as they take and no wider than they need."""
    digits = -(-bits // _DIGIT_BITS)
    return AggregationPlan(
        clients, value_bits=max(2, 1 - -bits // digits), integers="sum", integer_bits=bits
    )


def bits_of_a_client(gradient_bits: int, row_bits: int, clients: int) -> int:
    """Bits of the sum of a client's rows, fewer than ``2**row_bits``.

    Raises
    ------
    ConfigurationError
        When sums of all clients would not be exact in the float64 that gains are computed with.
    """
    bits = gradient_bits + row_bits
    if bits + (clients - 1).bit_length() > EXACT_BITS:
        raise ConfigurationError(
            f"gradient_bits={gradient_bits}, {clients} clients and up to 2**{row_bits} rows of each make sums of more "
            f"than {EXACT_BITS} bits: set gradient_bits to "
            f"{EXACT_BITS - row_bits - (clients - 1).bit_length()} or less"
        )
    return bits


class Sums:
    """A client's side of sums that all clients ask for at the same time.

    Parameters
    ----------
    exchange : Exchange
    plan : AggregationPlan
        As `plan_of` makes it.
    gradient_bits : int
        Of a row's number in common units.
    """

    def __init__(self, exchange: Exchange, plan: AggregationPlan, gradient_bits: int) -> None:
        self._exchange, self._plan, self._bits = exchange, plan, gradient_bits
        self.warnings: tuple[str, ...] = ()

    def total(self, numbers: Integers) -> Integers:
        """Return the sum over all clients, element by element."""
        self._exchange.proceed(True)
        opened = self._exchange.run(self._plan, {"sums": numbers})
        assert opened is not None
        mean, report = opened
        self.warnings = report.warnings
        return np.asarray(mean["sums"], dtype=np.int64)

    def end(self) -> None:
        """Tell server and arbiter that no sum comes before the next question."""
        self._exchange.proceed(False)

    def orders(self, largest: Floats) -> Integers:
        """Return the least e so that no client has a quantity of ``2**e`` or more; of each quantity.

        Clients learn how many of them have which order of magnitude.

        Raises
        ------
        DataError
            When a quantity is too large, or not finite.
        """
        if not (np.abs(largest) < 2.0**MOST).all():
            raise DataError(
                f"labels, gradients, losses or metrics reach {np.abs(largest).max():g}, the limit is 2**{MOST}: "
                "rescale y, or lower the learning rate"
            )
        own = np.maximum(np.frexp(largest)[1], LEAST)
        marks = np.zeros((len(largest), MOST - LEAST + 1), dtype=np.int64)
        marks[np.arange(len(largest)), own - LEAST] = 1
        counts = self.total(marks.ravel()).reshape(marks.shape)
        return np.asarray(MOST - counts[:, ::-1].argmax(axis=1), dtype=np.int64)

    def integers(self, values: Floats, orders: Integers) -> Integers:
        """Round to the unit of each quantity; the last axis is that of quantities."""
        return np.rint(np.ldexp(values, self._bits - orders)).astype(np.int64)

    def units(self, orders: Integers) -> Floats:
        """Return what 1 stands for, of each quantity."""
        return np.asarray(np.ldexp(1.0, orders - self._bits))
