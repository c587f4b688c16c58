# SPDX-License-Identifier: Apache-2.0
"""Ways out of an engine: to another engine, to Python integers, to canonical words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import UnsignedWords, unsigned_to_integers
from pyfate_gpu.he.array.freshness import use_up

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray
    from pyfate_gpu.he.array.state import ArrayState

CHUNK_ROWS = 1 << 14
"""Rows exported at a time: an export needs little memory beside its result."""


def canonical_chunks(c: CiphertextArray, reblind: bool) -> Iterator[UnsignedWords]:
    """Canonical words ``[rows, 2h]`` chunk by chunk, re-blinded unless fresh or told not to."""
    blind = reblind and not use_up(c._batches)
    if not reblind:
        use_up(c._batches)
    engine = c._engine
    for start in range(0, c.size, CHUNK_ROWS):
        stop = min(start + CHUNK_ROWS, c.size)
        rows = engine.take(c._rows, np.arange(start, stop, dtype=np.int64))
        yield engine.export_words(engine.blind(rows) if blind else rows)


def to_integers(c: CiphertextArray, reblind: bool) -> npt.NDArray[np.object_]:
    """Canonical integers in the shape of the array."""
    parts = [unsigned_to_integers(words) for words in canonical_chunks(c, reblind)]
    flat = np.concatenate(parts) if parts else np.empty(0, dtype=object)
    return flat.reshape(c.shape)


def marks(c: CiphertextArray) -> UnsignedWords:
    """128 bits of each ciphertext ``[rows, 2]``, alike where ciphertexts are; otherwise alike once in 2**128.

    Of rows in the form of their engine where NumPy holds them: leaving that form would cost more than an addition.
    """
    if isinstance(c._rows, np.ndarray) and c._rows.dtype == np.uint64:
        return c._rows.reshape(len(c._rows), -1)[:, :2]
    parts = [words[:, :2] for words in canonical_chunks(c, reblind=False)]
    return np.concatenate([np.empty((0, 2), dtype=np.uint64), *parts])


def on_gpu(c: ArrayState) -> Any:
    """The rows as a CuPy array, or None where they are elsewhere or in no such form."""
    rows = c._rows
    return rows if hasattr(rows, "__cuda_array_interface__") else None


def to_device(c: CiphertextArray, device: str) -> CiphertextArray:
    """The same ciphertexts in the engine chosen for `device`; stays in this process, so unblinded."""
    engine = c.public_key.engine(device)
    if engine.engine_id == c._engine.engine_id:
        return c._replace(c._rows, c.shape, engine=engine, batches=c._batches)
    rows = engine.import_words(c._engine.export_words(c._rows))
    return c._replace(rows, c.shape, engine=engine, batches=c._batches)
