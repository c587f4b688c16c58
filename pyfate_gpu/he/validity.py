# SPDX-License-Identifier: Apache-2.0
"""Are these integers ciphertexts? The check of everything that comes from outside."""

from __future__ import annotations

from typing import Any

import gmpy2
import numpy as np

from pyfate_gpu.backends.engines import PublicEngine
from pyfate_gpu.backends.matrices import Rows
from pyfate_gpu.backends.words import unsigned_to_integers
from pyfate_gpu.errors import InvalidCiphertextError

PARTS = 256
PART_ROWS = 16


def check_coprime(rows: Rows, engine: PublicEngine, public_key: Any) -> None:
    """Raise unless every row is coprime to n: one batched product, one gcd.

    A product is coprime to n exactly if all its factors are.
    """
    count = engine.count(rows)
    if count == 0:
        return
    # Partial products enough to keep cores and lanes busy; Python, much slower, multiplies those.
    index = np.arange(count, dtype=np.int64)
    parts = min(max(count // PART_ROWS, 8), count, PARTS)
    offsets = np.linspace(0, count, parts + 1).astype(np.int64)
    partial = engine.export_words(engine.segment_sum(rows, index, offsets))
    product = gmpy2.mpz(1)
    for value in unsigned_to_integers(partial):
        product = product * value % public_key.n
    if gmpy2.gcd(product, public_key.n) != 1:
        raise InvalidCiphertextError(
            f"a ciphertext is not coprime to n of key {public_key.fingerprint}; it was forged or "
            f"belongs to another key: ask its sender for a new one"
        )
