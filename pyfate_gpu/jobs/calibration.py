# SPDX-License-Identifier: Apache-2.0
"""How long each operation takes here, measured in two seconds."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyfate_gpu.backends import backend_info
from pyfate_gpu.data.fixed_point import FRACTION_BITS
from pyfate_gpu.encoding import SlotLayout
from pyfate_gpu.he import generate_keypair
from pyfate_gpu.he.array.slot_products import SQUARE

#: Seconds for all measurements together, the making of a key and its tables apart.
BUDGET = 2.0
_ROWS = 512
_FEATURE_BITS = FRACTION_BITS + 2
_WIDEST_WINDOW = 14
#: Modular products of an inverse, made for many at once.
_INVERSE = 3
#: Of a product with a share and its mask.
_SLOT_BITS = 224
_SHIFTED, _SHIFT = 64, 40


@dataclass(frozen=True)
class Calibration:
    """What operations cost.

    Parameters
    ----------
    seconds : dict
        Of one operation, by step.
    setup : dict
        Seconds of what happens once: ``make key`` at the arbiter, ``make tables`` at the others.
    product : float
        Seconds of one modular product within ``multiply``, whose number depends on the rows.
    """

    seconds: dict[str, float]
    setup: dict[str, float]
    product: float

    def multiply(
        self, rows: int, sums: float, slots: SlotLayout | None = None, batches: int = 1
    ) -> float:
        """Return the seconds of `sums` sums of products over `rows` ciphertexts each.

        With `slots`, of rows that share ciphertexts, there is a sum for each slot, and sums of a batch are made
        together.
        """
        if slots is None:
            return sums * products(rows) * self.product
        together = max(1.0, sums / batches)
        squarings = (slots.count - 1) * (1 + SQUARE * slots.width) / slots.count
        each = min(products(rows), products_by_tables(rows, together))
        return sums * (each + squarings) * self.product


def products_by_tables(rows: int, sums: float) -> float:
    """Return about how many modular products a sum takes where `sums` share tables of the ciphertexts' powers."""
    return min(
        -(-_FEATURE_BITS // width) * (rows + 1)
        + SQUARE * _FEATURE_BITS
        + rows * ((1 << width - 1) + _INVERSE) / sums
        for width in range(1, _WIDEST_WINDOW + 1)
    )


def products(rows: int) -> float:
    """Return about how many modular products one sum over `rows` ciphertexts takes.

    The cost model of ``docs/algorithms/bucket-multi-exponentiation.md``, with its best window.

    Examples
    --------
    >>> from pyfate_gpu.jobs.calibration import products
    >>> 3 < products(30_000) / 30_000 < 4
    True
    """
    found = math.inf
    for width in range(1, _WIDEST_WINDOW + 1):
        windows = -(-_FEATURE_BITS // width)
        buckets = windows * 2 ** (width - 1)
        found = min(found, windows * (rows + 1) + 4 * buckets + SQUARE * _FEATURE_BITS)
    return found


def calibrate(key_bits: int, *, allow_insecure_key_size: bool = False) -> Calibration:
    """Measure the backend in use.

    On processors CPU seconds are counted, spread over the threads: those of a machine that has nothing else to do. The
    smallest of several times counts.
    """
    clock = _clock()
    started = clock()
    public, private = generate_keypair(key_bits, allow_insecure_key_size=allow_insecure_key_size)
    made_key = clock() - started
    foreign = type(public)(public.n, public.h, allow_insecure_key_size=allow_insecure_key_size)
    values = np.random.default_rng().normal(size=_ROWS)
    started = clock()
    foreign.encrypt(values[:1])
    made_tables = clock() - started
    features = np.random.default_rng().integers(
        -(1 << _FEATURE_BITS), 1 << _FEATURE_BITS, size=(1, _ROWS)
    )
    c = foreign.encrypt(values)
    data = c.to_wire()
    masks = foreign.random_residues(8)
    layout = SlotLayout(_SLOT_BITS, max(1, (key_bits - 2) // _SLOT_BITS))
    steps: dict[str, tuple[Callable[[], Any], int]] = {
        "encrypt": (lambda: foreign.encrypt(values[:64]), 64),
        "blind": (lambda: (c[:64] + values[:64]).to_wire(), 64),
        "mask": (lambda: c[:8].add_residue_mask(masks), 8),
        "check": (lambda: foreign.from_wire(data), _ROWS),
        "add": (lambda: c + values, _ROWS),
        "weigh": (lambda: c[:64] * values[:64], 64),
        "squeeze": (lambda: c[: layout.count].squeeze(layout), layout.count),
        # Multiplied by powers of 2, many at a time: a bit of each.
        "shift": (lambda: c[:_SHIFTED] * (1 << _SHIFT), _SHIFTED * _SHIFT),
        "decrypt": (lambda: private.decrypt_residues(c[:8]), 8),
        "multiply": (lambda: features @ c, 1),
    }
    share = BUDGET / len(steps)
    seconds = {name: _time(call, share, clock) / count for name, (call, count) in steps.items()}
    product = seconds.pop("multiply") / products(_ROWS)
    return Calibration(seconds, {"make key": made_key, "make tables": made_tables}, product)


def _clock() -> Callable[[], float]:
    found = backend_info()
    if found.name == "cuda":
        return time.perf_counter
    return lambda: time.process_time() / found.threads


def _time(call: Callable[[], Any], budget: float, clock: Callable[[], float]) -> float:
    best, spent = math.inf, 0.0
    while spent < budget:
        started = clock()
        call()
        took = max(clock() - started, 1e-9)
        best, spent = min(best, took), spent + took
    return best
