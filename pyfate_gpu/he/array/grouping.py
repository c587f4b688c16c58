# SPDX-License-Identifier: Apache-2.0
"""Groups of columns whose rows cost least when they are summed together, by counted additions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pyfate_gpu.he.array.bundles import Column
from pyfate_gpu.he.array.cells import Part
from pyfate_gpu.he.array.joint_cells import Group, group_of, join, part_of, saved_by

SAMPLE = 1 << 17
"""Rows that additions are counted on, at least."""
SAMPLED_CODES = 1 << 23
"""Rows times columns that they are counted on, unless there are fewer."""
PARTNERS = 6
"""With how many others a group is tried, by each order."""

Pair = tuple[Group, Group]


def group(columns: Sequence[Column], rows: int, positions: int = 1) -> list[Part]:
    """Put columns together, two groups at a time, the two first that save most, as long as that saves.

    Parameters
    ----------
    columns : sequence of Column
    rows : int
        Rows of the table. Additions are counted on a sample of them, evenly spread.
    positions : int
        Rows of a ciphertext: so many ciphertexts is a cell.

    Returns
    -------
    list of Part
        Over all rows; every column is in one of them.
    """
    count = min(rows, max(SAMPLE, SAMPLED_CODES // max(1, len(columns))))
    sample = np.linspace(0, rows - 1, count).astype(np.int64)
    singles = [group_of(number, column, sample) for number, column in enumerate(columns)]
    search = _Search(positions)
    at_once = search.redistribute(search.agglomerate(singles, 0))
    # Or what saves little waits until better places have been looked for.
    first = search.redistribute(search.agglomerate(singles, count // 2))
    in_turns = search.redistribute(search.agglomerate(first, 0))
    best = max(at_once, in_turns, key=lambda groups: sum(each.saved for each in groups))
    return [part_of(each) for each in best]


def pair_neighbours(columns: Sequence[Column]) -> list[Part]:
    """Columns in pairs of neighbours, where that saves; for tables that are summed once."""
    rows = np.arange(len(columns[0].cells) if columns else 0)
    groups = [group_of(number, column, rows) for number, column in enumerate(columns)]
    found = []
    for one, other in zip(groups[::2], groups[1::2], strict=False):
        saved = saved_by(one, other)
        found += [join(one, other, saved)] if saved > 0 else [one, other]
    return [part_of(each) for each in found + groups[len(groups) // 2 * 2 :]]


class _Search:
    """Ways to put groups together; remembers what was counted."""

    def __init__(self, positions: int) -> None:
        self._positions = positions
        self._savings: dict[Pair, float] = {}

    def agglomerate(self, groups: list[Group], least: float) -> list[Group]:
        """Join two groups at a time, the two first that save most, as long as they save more than `least`."""
        open_pairs, fresh = dict[Pair, float](), groups
        while True:
            open_pairs |= {pair: self._saved(pair) for pair in _pairs(groups, fresh)}
            best = max(open_pairs, key=lambda pair: open_pairs[pair], default=None)
            if best is None or open_pairs[best] <= least:
                return groups
            fresh = [self._join(best)]
            groups = [each for each in groups if each not in best] + fresh
            open_pairs = {
                pair: each for pair, each in open_pairs.items() if not set(pair) & set(best)
            }

    def redistribute(self, groups: list[Group]) -> list[Group]:
        """Dissolve groups whose halves save more in other groups: three pairs may better be two triples."""
        waiting = sorted((each for each in groups if each.halves), key=lambda each: each.leaves)
        while waiting:
            whole = waiting.pop(0)
            joined = self._places_for(whole, [each for each in groups if each is not whole])
            if joined:
                used = {whole, *joined[0], *joined[1]}
                waiting = [each for each in waiting if each not in used]
                groups = [each for each in groups if each not in used]
                groups += [self._join(pair) for pair in joined]
        return groups

    def _places_for(self, whole: Group, others: list[Group]) -> list[Pair]:
        """Whom each half of a group best joins, if that saves more than the group does; empty if not."""
        joined: list[Pair] = []
        for half in whole.halves:
            pairs = _pairs([*others, half], [half])
            best = max(pairs, key=self._saved, default=None)
            if best is None or self._saved(best) <= 0:
                return []
            joined.append(best)
            others = [each for each in others if each not in best]
        gain = sum(self._saved(pair) for pair in joined) - self._saved(whole.halves)
        return joined if gain > 0 else []

    def _join(self, pair: Pair) -> Group:
        return join(*pair, self._saved(pair))

    def _saved(self, pair: Any) -> float:
        if pair not in self._savings:
            self._savings[pair] = saved_by(pair[0], pair[1], self._positions)
        return self._savings[pair]


def _pairs(groups: list[Group], fresh: list[Group]) -> list[Pair]:
    """Pairs of groups, one of them fresh: neighbours in the table, and those of about as many cells."""
    found: dict[Pair, None] = {}
    for order in (
        sorted(groups, key=lambda each: each.first),
        sorted(groups, key=lambda each: each.count),
    ):
        place = {each: at for at, each in enumerate(order)}
        for one in fresh:
            start = max(0, min(place[one] - PARTNERS // 2, len(order) - PARTNERS - 1))
            for other in order[start : start + PARTNERS + 1]:
                if other is not one:
                    found[(one, other) if one.first < other.first else (other, one)] = None
    return list(found)
