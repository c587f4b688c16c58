# SPDX-License-Identifier: Apache-2.0
"""Ciphertexts side by side in one plaintext, by the operations that every engine has (docs/algorithms/slots.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.backends.words import SignedWords, integers_to_words

if TYPE_CHECKING:
    from pyfate_gpu.backends.engines import PublicEngine
    from pyfate_gpu.backends.matrices import Index, Rows


def by_steps(engine: Any, a: Any, numbers: Index, bits: int) -> Any:
    """Row i encrypts ``sum over s of m[numbers[i, s]] * 2**(bits * s)``, m what `a` encrypts."""
    result = engine.take(a, np.ascontiguousarray(numbers[:, -1]))
    factor, first = _power(bits), np.zeros(len(numbers), dtype=np.int64)
    for step in range(numbers.shape[1] - 2, -1, -1):
        addends = np.ascontiguousarray(numbers[:, step])
        result = engine.add(engine.scale(result, factor, None, first), a, None, addends)
    return result


def shift(engine: PublicEngine, rows: Rows, bits: int) -> Rows:
    """Encryptions of ``m * 2**bits``."""
    return engine.scale(rows, _power(bits), None, np.zeros(engine.count(rows), dtype=np.int64))


def _power(bits: int) -> SignedWords:
    """Return ``2**bits``."""
    return integers_to_words(np.array([1 << bits], dtype=object))
