# SPDX-License-Identifier: Apache-2.0
"""The trees of the protocol, grown from everybody's tables in clear: what federated ones equal, bit for bit.

Shares with the protocol how columns are cut, what is drawn at random, and how gradients become integers. Every
candidate of every node is summed by itself, row by row, without histograms, siblings or shortlists.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.binning.splits import TableBins
from pyfate_gpu.learning.draws import draw_by_gradient, draw_columns, draw_rows
from pyfate_gpu.learning.losses import Loss, weigh
from pyfate_gpu.trees.forest import Forest
from pyfate_gpu.trees.packing import Gradients
from pyfate_gpu.trees.rounding import Rounding
from pyfate_gpu.trees.settings import Settings
from pyfate_gpu.trees.tree import LEAF, SplitTable
from pyfate_gpu.typing import Floats, Integers

#: A node: a split with its children, or a leaf with its values.
Node = dict[str, Any]


@dataclass(repr=False)
class PlaintextResult:
    """What came of training in clear.

    Parameters
    ----------
    trees : list of dict
        Roots of all trees, in order.
    scores : float64 [rows, outputs]
        Of all rows.
    losses : list of float
        Mean loss after each round.
    """

    trees: list[Node]
    scores: Floats
    losses: list[float] = field(default_factory=list)


@dataclass(repr=False)
class _Round:
    """One round: all rows, their integers, and whose columns count."""

    tables: Sequence[Floats]
    bins: Sequence[TableBins]
    settings: Settings
    loss: Loss
    gradients: Gradients
    y: Floats
    weights: Floats | None
    scores: Floats
    columns: Sequence[Integers]
    parties: int
    outputs: tuple[int, ...]

    def grow(self, rows: Integers, counted: Integers, depth: int) -> Node:
        best = None
        if depth < self.settings.max_depth:
            best = self._best(counted, depth)
        if best is None:
            return self._leaf(rows, counted)
        party, column, cut, missing_left = best
        left = self._goes_left(party, column, cut, missing_left)
        return {
            "party": party,
            "column": column,
            "cut": cut,
            "missing_left": missing_left,
            "left": self.grow(rows[left[rows]], counted[left[counted]], depth + 1),
            "right": self.grow(rows[~left[rows]], counted[~left[counted]], depth + 1),
        }

    def _goes_left(
        self, party: int, column: int, cut: int, missing_left: bool
    ) -> NDArray[np.bool_]:
        values, cuts = self.tables[party][:, column], self.bins[party].bins[column].cuts
        left = values < cuts[cut] if cut < len(cuts) else np.ones(len(values), dtype=np.bool_)
        return np.where(np.isnan(values), missing_left, left)

    def _candidates(self, depth: int) -> Iterator[tuple[int, int, int, bool]]:
        parties = self.parties if depth < self.settings.levels_of_hosts else 1
        for party in range(parties):
            bins = self.bins[party]
            for column in self.columns[party].tolist():
                last, missing = len(bins.bins[column].cuts), bool(bins.missing[column])
                sides = (False, True) if missing else (False,)
                yield from ((party, column, cut, side) for cut in range(last) for side in sides)
                if missing:
                    yield party, column, last, False

    def _best(self, counted: Integers, depth: int) -> tuple[int, int, int, bool] | None:
        least, found, most = self.settings.min_samples_leaf, None, -math.inf
        integers = self.gradients.integers
        total = integers[counted].sum(axis=0)
        for candidate in self._candidates(depth):
            chosen = counted[self._goes_left(*candidate)[counted]]
            if not least <= len(chosen) <= len(counted) - least:
                continue
            gain = self._gain(integers[chosen].sum(axis=0), total)
            if gain > most:
                most, found = gain, candidate
        return found

    def _gain(self, left: Integers, total: Integers) -> float:
        settings, (unit_g, unit_h) = self.settings, self.gradients.units.tolist()
        gain, weight_left, weight_right = 0.0, 0, 0
        for k in self.outputs:
            g, h = int(left[2 * k]), int(left[2 * k + 1])
            all_g, all_h = int(total[2 * k]), int(total[2 * k + 1])
            parts = [self._score(a * unit_g, b * unit_h) for a, b in
                     ((g, h), (all_g - g, all_h - h), (all_g, all_h))]  # fmt: skip
            gain += (parts[0] + parts[1]) - parts[2]
            weight_left, weight_right = weight_left + h, weight_right + all_h - h
        light = min(weight_left, weight_right) * unit_h < settings.min_child_weight
        return -math.inf if light or not gain > 1e-6 or gain < settings.gamma else gain

    def _score(self, g: float, h: float) -> float:
        settings = self.settings
        h += settings.reg_lambda
        if h <= 0:
            return -math.inf
        shrunk = math.copysign(max(abs(g) - settings.reg_alpha, 0.0), g)
        if not settings.max_delta_step:
            return shrunk * shrunk / h
        w = min(max(-shrunk / h, -settings.max_delta_step), settings.max_delta_step)
        return -(2 * shrunk * w + h * w * w)

    def _leaf(self, rows: Integers, counted: Integers) -> Node:
        settings, values = self.settings, []
        for k in self.outputs:
            if self.loss.refits_leaves and len(counted):
                residuals = self.y[counted, k] - self.scores[counted, k]
                weights = np.ones(len(counted)) if self.weights is None else self.weights[counted]
                value = self.loss.refit(residuals, weights)
            else:
                g = math.fsum(self.gradients.g[counted, k])
                h = math.fsum(self.gradients.h[counted, k]) + settings.reg_lambda
                shrunk = math.copysign(max(abs(g) - settings.reg_alpha, 0.0), g)
                limit = settings.max_delta_step or math.inf
                value = min(max(-shrunk / h if h > 0 else 0.0, -limit), limit)
            values.append(value * (settings.learning_rate / settings.num_parallel_tree) + 0.0)
        return {"value": values, "rows": rows}


def fit_plaintext(
    tables: Sequence[Floats],
    y: Floats,
    loss: Loss,
    settings: Settings,
    *,
    weights: Floats | None = None,
    seeds: Sequence[int] | None = None,
) -> PlaintextResult:
    """Train on everybody's tables at once.

    Parameters
    ----------
    tables : sequence of float64 [rows, columns]
        The guest's and the hosts', NaN where a value is missing; rows of validation last.
    y : float64 [training rows, outputs]
        Labels as the loss takes them.
    weights : float64 [training rows], optional
        Of rows.
    seeds : sequence of int, optional
        Of each party; by default `random_state`.
    """
    rows = len(y)
    bins = [TableBins.fit(table[:rows], settings.max_bin) for table in tables]
    seeds = [settings.random_state or 0] * len(tables) if seeds is None else seeds
    start = loss.start(y, np.ones(rows) if weights is None else weights)
    if settings.base_score is not None:
        start = np.full(y.shape[1], loss.link(settings.base_score))
    rounding = settings.rounding(seeds[0])
    result = PlaintextResult([], np.tile(start, (len(tables[0]), 1)))
    for number in range(1, settings.n_estimators + 1):
        _grow_round(result, tables, bins, y, weights, loss, settings, seeds, number, rounding)
        losses = loss.values(y, result.scores[:rows])
        result.losses.append(float(np.average(losses, weights=weights)))
    return result


def _grow_round(
    result: PlaintextResult,
    tables: Sequence[Floats],
    bins: Sequence[TableBins],
    y: Floats,
    weights: Floats | None,
    loss: Loss,
    settings: Settings,
    seeds: Sequence[int],
    number: int,
    rounding: Rounding,
) -> None:
    rows = len(y)
    g, h = weigh(loss.derivatives(y, result.scores[:rows]), weights)
    plan = settings.trees_of_round(y.shape[1])
    draws = []
    if settings.uses_goss(number):
        size = np.abs(g * h).sum(axis=1)
        chosen, factor = draw_by_gradient(
            seeds[0], number, size, settings.top_rate, settings.other_rate
        )
        g[chosen[round(rows * settings.top_rate) :]] *= factor
        h[chosen[round(rows * settings.top_rate) :]] *= factor
        draws = [np.sort(chosen)] * len(plan)
    else:
        for tree in range(len(plan)):
            place = tree % settings.num_parallel_tree
            draws.append(draw_rows(seeds[0], number, place, rows, settings.subsample))
    joint = number > settings.guest_only_trees and all(
        len(draw) >= 2 * settings.min_samples_leaf for draw in draws
    )
    gradients = rounding(number, g, h)
    scores = result.scores.copy()
    for tree, outputs in enumerate(plan):
        columns = [
            draw_columns(seed, number, tree, table.shape[1], settings.colsample_bytree)
            for seed, table in zip(seeds, tables, strict=True)
        ]
        round_ = _Round(
            tables, bins, settings, loss, gradients, y, weights, result.scores, columns,
            len(tables) if joint else 1, outputs,
        )  # fmt: skip
        root = round_.grow(np.arange(len(tables[0])), draws[tree], 0)
        for leaf in _leaves(root):
            for place, k in enumerate(outputs):
                scores[leaf["rows"], k] += leaf["value"][place]
            del leaf["rows"]
        result.trees.append(root)
    result.scores = scores


def _leaves(node: Node) -> Iterator[Node]:
    if "value" in node:
        yield node
    else:
        yield from _leaves(node["left"])
        yield from _leaves(node["right"])


def joined(forest: Forest, tables: Sequence[SplitTable]) -> list[Node]:
    """Return a federated forest in the form of `PlaintextResult`, given every party's splits."""

    def node_of(tree: Any, node: int) -> Node:
        owner = tree.owner[node]
        if owner == LEAF:
            return {"value": tree.value[node].tolist()}
        split = tables[owner].splits[tree.split[node]]
        return {
            "party": owner,
            "column": split.column,
            "cut": split.cut,
            "missing_left": split.missing_left,
            "left": node_of(tree, tree.left[node]),
            "right": node_of(tree, tree.right[node]),
        }

    return [node_of(tree, 0) for tree in forest.trees]
