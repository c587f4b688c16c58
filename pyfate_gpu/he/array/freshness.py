# SPDX-License-Identifier: Apache-2.0
"""Which ciphertexts still have randomness that nobody has seen."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable

_lock = threading.Lock()


class FreshBatch:
    """Ciphertexts encrypted together, none of which has left this process yet.

    Slices and shuffles of an array share its batch. The first export uses the randomness up: a
    second one as it stands would show which rows are the same, so it is re-blinded. A forked child
    inherits used batches only, its parent may still export them.
    """

    __slots__ = ("_process", "_used")

    def __init__(self) -> None:
        self._used = False
        self._process = os.getpid()

    @property
    def used(self) -> bool:
        """Whether the randomness may have been seen."""
        return self._used or self._process != os.getpid()


Freshness = frozenset[FreshBatch]
"""The batches an array's rows come from; empty for derived ciphertexts."""

DERIVED: Freshness = frozenset()


def merge(parts: Iterable[Freshness]) -> Freshness:
    """Freshness of arrays put together: derived if one is, or if a batch occurs twice."""
    parts = list(parts)
    union = DERIVED.union(*parts)
    if not all(parts) or len(union) != sum(map(len, parts)):
        return DERIVED
    return union


def is_fresh(batches: Freshness) -> bool:
    """Whether rows of these batches may leave as they are."""
    return bool(batches) and not any(batch.used for batch in batches)


def use_up(batches: Freshness) -> bool:
    """Claim the randomness for one export; False if somebody did before."""
    with _lock:
        if not is_fresh(batches):
            return False
        for batch in batches:
            batch._used = True
        return True
