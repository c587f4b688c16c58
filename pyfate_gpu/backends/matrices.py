# SPDX-License-Identifier: Apache-2.0
"""Matrices and indices as they cross to an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import SignedWords

Rows = Any
"""Ciphertexts in an engine's own storage; the first axis counts them."""

Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CsrMatrix:
    """A sparse matrix of signed integers in compressed rows (`data` has one more axis of words)."""

    shape: tuple[int, int]
    indptr: Index
    indices: Index
    data: SignedWords
