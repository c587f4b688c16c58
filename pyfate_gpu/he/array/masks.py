# SPDX-License-Identifier: Apache-2.0
"""Uniform masks mod n: what makes a decryption by somebody else tell nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import SignedWords, less_than, magnitude_of, unsigned_to_words
from pyfate_gpu.encoding.numbers import as_objects, is_integer
from pyfate_gpu.errors import EncodingError, ShapeError
from pyfate_gpu.he.array.freshness import FreshBatch

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray


def add_residue_mask(c: CiphertextArray, residues: npt.ArrayLike) -> CiphertextArray:
    """``c + residues`` mod n by a fresh encryption; see `CiphertextArray.add_residue_mask`."""
    array = as_objects(residues)
    if array.shape != c.shape:
        raise ShapeError(
            f"the mask has shape {array.shape}; it must be that of the ciphertexts, {c.shape}: "
            f"a residue used twice masks nothing"
        )
    n = c.public_key.n
    for position, value in enumerate(array.ravel()):
        if not is_integer(value) or not 0 <= value < n:
            raise EncodingError(
                f"element {position} of the mask is no integer in [0, n); "
                f"take it from public_key.random_residues(shape)"
            )
    # One word more than a residue needs keeps the sign bit of the two's complement clear.
    width = c.public_key.numbers.words + 1
    words = unsigned_to_words((int(v) for v in array.ravel()), width).view(np.int64)
    engine = c._engine
    rows = engine.add(c._rows, engine.encrypt(words))
    return c._replace(rows, c.shape, batches=frozenset([FreshBatch()]))


def add_mask_words(c: CiphertextArray, words: SignedWords) -> CiphertextArray:
    """``c + words`` mod n by a fresh encryption; see `CiphertextArray.add_mask_words`."""
    if words.ndim != 2 or words.dtype != np.int64 or len(words) != c.size:
        raise ShapeError(
            f"the mask has shape {words.shape} of {words.dtype}; it must be int64 ({c.size}, words): "
            f"a mask for each ciphertext, as one used twice masks nothing"
        )
    magnitude, _ = magnitude_of(words)
    if not less_than(magnitude, c.public_key.n).all():
        raise EncodingError("a mask is no integer between -n and n")
    engine = c._engine
    rows = engine.add(c._rows, engine.encrypt(np.ascontiguousarray(words)))
    return c._replace(rows, c.shape, batches=frozenset([FreshBatch()]))
