# SPDX-License-Identifier: Apache-2.0
"""Products of powers that are computed when somebody looks: a sum of products is one kernel call.

``a * 0.3 + b * 1.7 + ...`` written element by element, as NumPy does for arrays of objects, would
take one power for each term. Here a term stays what it is until its value is wanted; then all of
them are one multi-exponentiation. The value is the same integer mod n^2, whoever computes it when.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gmpy2
import numpy as np

from pyfate_gpu.integrations.scalars.engines import KeyEngine

MOST_TERMS = 1024
"""A sum is computed when it reaches this many terms: bounds memory, and the work of looking at every
partial sum of a long chain; bucket multi-exponentiation gains little beyond."""


class Deferred:
    """Sum of ciphertexts times integers, that is ``product of item ** factor`` mod n^2.

    Becomes part of one other sum at most: at its second use it is computed first, so that no term
    is computed more than twice, however results share it.
    """

    __slots__ = ("_used", "_value", "parts", "terms")

    terms: int

    def __init__(self, parts: tuple[tuple[Any, int], ...]) -> None:
        self.parts = parts
        self.terms = sum(item.terms if isinstance(item, Deferred) else 1 for item, _ in parts)
        self._value: Any = None
        self._used = False

    def value(self, engine: KeyEngine) -> Any:
        """The ciphertext (mpz), computed at the first call."""
        compute([self], engine)
        return self._value

    def operand(self, engine: KeyEngine) -> Any:
        """As a part of another sum: itself the first time, then its value."""
        if self._value is not None:
            return self._value
        if self._used:
            return self.value(engine)
        self._used = True
        return self


def integer(value: int) -> Any:
    """A ciphertext in the form that is added without further conversions."""
    return gmpy2.mpz(value)


def add(left: Any, left_factor: int, right: Any, right_factor: int, engine: KeyEngine) -> Any:
    """Encryption of ``left * left_factor + right * right_factor``."""
    left, right = operand(left, engine), operand(right, engine)
    eager = left_factor == right_factor == 1 and not (
        isinstance(left, Deferred) or isinstance(right, Deferred)
    )
    if eager:
        return left * right % engine.n_squared
    result = Deferred(((left, left_factor), (right, right_factor)))
    return result.value(engine) if result.terms >= MOST_TERMS else result


def multiply(item: Any, factor: int, engine: KeyEngine) -> Any:
    """Encryption of ``item * factor``."""
    if isinstance(item, Deferred) and abs(factor) != 1:
        item = item.value(engine)
    return Deferred(((operand(item, engine), factor),))


def operand(item: Any, engine: KeyEngine) -> Any:
    """A ciphertext as part of a sum."""
    return item.operand(engine) if isinstance(item, Deferred) else item


def compute(sums: Sequence[Deferred], engine: KeyEngine) -> None:
    """Compute all sums that are not yet, in one call of the engine."""
    waiting = [each for each in sums if each._value is None]
    if not waiting:
        return
    bases: dict[int, int] = {}
    values: list[Any] = []
    indices: list[int] = []
    factors: list[int] = []
    offsets = [0]
    for each in waiting:
        for base, factor in _terms(each):
            position = bases.setdefault(id(base), len(values))
            if position == len(values):
                values.append(base)
            indices.append(position)
            factors.append(factor)
        offsets.append(len(indices))
    results = engine.powers(
        values, np.array(indices, dtype=np.int64), factors, np.array(offsets, dtype=np.int64)
    )
    for each, result in zip(waiting, results, strict=True):
        each._value, each.parts = result, ()


def _terms(root: Deferred) -> list[tuple[Any, int]]:
    """Ciphertexts and their factors; no recursion, chains are long."""
    found: list[tuple[Any, int]] = []
    stack: list[tuple[Any, int]] = [(root, 1)]
    while stack:
        item, factor = stack.pop()
        if not isinstance(item, Deferred):
            found.append((item, factor))
        elif item._value is not None:
            found.append((item._value, factor))
        else:
            stack += [(part, factor * own) for part, own in item.parts]
    return found
