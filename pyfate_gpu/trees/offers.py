# SPDX-License-Identifier: Apache-2.0
"""Candidates under the order in which the guest knows them, and shortlists of them as they come in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyfate_gpu.data.binning.splits import Split
from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.he.array.candidates import Candidates
from pyfate_gpu.typing import Integers


@dataclass(frozen=True, repr=False, eq=False)
class Offered:
    """Candidates of some columns under the order in which the guest knows them.

    Parameters
    ----------
    columns : int64
        Which columns of the party they are of.
    candidates : Candidates
        Of these columns.
    order : int64 [candidates]
        Which one stands at each place.
    """

    columns: Integers
    candidates: Candidates
    order: Integers

    @classmethod
    def shuffled(cls, columns: Integers, candidates: Candidates) -> Offered:
        """Put candidates into an order that the operating system draws."""
        keys = np.frombuffer(secrets.token_bytes(8 * candidates.size), dtype=np.uint64)
        return cls(columns, candidates, np.argsort(keys, kind="stable").astype(np.int64))

    def split(self, number: int) -> Split:
        """Return a candidate, by its number among those of the columns."""
        found = self.candidates
        column = int(self.columns[found.column[number]])
        return Split(column, int(found.cut[number]), bool(found.missing_left[number]))


def whole_numbers(array: Any, what: str) -> list[int]:
    """Return the numbers of a message; ProtocolError, saying what they should be, when they are none."""
    if array.ndim != 1 or array.dtype != np.int64:
        raise ProtocolError(f"{what} came as {array.dtype} of shape {array.shape}")
    found: list[int] = array.tolist()
    return found


def read_offers(
    offered: Any, places: Any, ranks: Any, lengths: Any
) -> list[tuple[int, Integers, Integers]]:
    """Return nodes with the places and ranks of candidates that may split them."""
    numbers, sizes = (
        whole_numbers(offered, "the nodes of a shortlist"),
        whole_numbers(lengths, "its lengths"),
    )
    whole_numbers(places, "its candidates")
    whole_numbers(ranks, "its ranks")
    if (
        len(sizes) != len(numbers)
        or any(size < 1 for size in sizes)
        or not sum(sizes) == len(places) == len(ranks)
    ):
        raise ProtocolError("the shortlist of the guest is none")
    if len(set(numbers)) < len(numbers):
        raise ProtocolError("the shortlist of the guest names a node twice")
    ends = np.cumsum(sizes)[:-1]
    parts = zip(numbers, np.split(places, ends), np.split(ranks, ends), strict=True)
    return [(number, each, rank) for number, each, rank in parts] if numbers else []
