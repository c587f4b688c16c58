# SPDX-License-Identifier: Apache-2.0
"""The guest's side of a round: trees grow level by level, hosts are asked for sums and for splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyfate_gpu.data.binning.histogram import ClearSplits
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.trees.bits import pack_bits
from pyfate_gpu.trees.bound import may_gain
from pyfate_gpu.trees.conversation import Conversation
from pyfate_gpu.trees.messages import pieces
from pyfate_gpu.trees.packing import Gradients, channels_of
from pyfate_gpu.trees.sampling import Sample, distinct_roots
from pyfate_gpu.trees.search import OpenNode
from pyfate_gpu.trees.tree import GUEST_OWNER, Tree
from pyfate_gpu.typing import Floats, Integers

if TYPE_CHECKING:
    from pyfate_gpu.trees.bits import Truths
    from pyfate_gpu.trees.guest import GuestTrainer


@dataclass(frozen=True, repr=False)
class Turn:
    """What the guest decides before a round.

    Parameters
    ----------
    number : int
        Of the round, from 1.
    plan : list of tuple
        The outputs of each tree.
    sample : Sample
        The rows of each tree.
    gradients : Gradients
        Of all training rows.
    asked : bool
        Whether hosts take part.
    clear : list of ClearSplits
        The guest's splits, of each tree.
    """

    number: int
    plan: list[tuple[int, ...]]
    sample: Sample
    gradients: Gradients
    asked: bool
    clear: list[ClearSplits]

    def channels(self, tree: int) -> list[int]:
        """Return the columns of integers that a tree is grown by."""
        return channels_of(self.plan[tree])


class Growth:
    """Grows the trees of a round."""

    def __init__(self, trainer: GuestTrainer, turn: Turn) -> None:
        self.trainer = trainer
        self.turn = turn
        self.settings = trainer.settings
        self.integers = turn.gradients.integers
        self.trees = [Tree() for _ in turn.plan]
        self.talk = Conversation(self) if turn.asked else None
        # Scores are added up once all trees stand: the same sum for a tree of a round wherever it is computed.
        self._leaves: list[tuple[int, Integers, Floats]] = []
        self._depth = 0

    def run(self) -> None:
        """Grow all trees and add them to the forest."""
        if self.talk is not None:
            self._send_gradients()
        level = self._roots()
        for depth in range(self.settings.max_depth):
            self._depth = depth
            open_nodes = [node for node in level if self.is_searchable(node)]
            for node in level:
                if not self.is_searchable(node):
                    self._leaf(node)
            level = self._part(open_nodes)
        for node in level:
            self._leaf(node)
        if self.talk is not None:
            self.talk.end()
        self._finish()

    def is_searchable(self, node: OpenNode) -> bool:
        """Return whether a node has rows for two sides."""
        return len(node.counted) >= 2 * self.settings.min_samples_leaf

    def asks_at(self, depth: int) -> bool:
        """Return whether hosts' candidates count for nodes of a depth."""
        return self.talk is not None and depth < self.settings.levels_of_hosts

    def settle(
        self, node: OpenNode, left: Truths, owner: int, split: int, gain: float
    ) -> tuple[OpenNode, OpenNode]:
        """Part a node and return its children, the left one first."""
        tree = self.trees[node.tree]
        tree.part(node.number, owner, split, gain)
        mask = np.zeros(len(self.trainer.data.codes), dtype=np.bool_)
        mask[node.rows[left]] = True
        children = []
        for side in (mask, ~mask):
            rows, counted = node.rows[side[node.rows]], node.counted[side[node.counted]]
            children.append(self._open(node.tree, rows, counted))
        if self._depth + 1 < self.settings.max_depth:
            self._sum_children(node, children)
        return children[0], children[1]

    def _open(self, tree: int, rows: Integers, counted: Integers) -> OpenNode:
        total = self.integers[counted][:, self.turn.channels(tree)].sum(axis=0)
        cover = float(total[1::2].sum() * self.turn.gradients.units[1])
        number = self.trees[tree].add(len(self.turn.plan[tree]), cover, len(counted))
        return OpenNode(tree, number, rows, counted, total)

    def _roots(self) -> list[OpenNode]:
        every = np.arange(len(self.trainer.data.codes), dtype=np.int64)
        sample = self.turn.sample
        roots = []
        for tree, root in enumerate(sample.trees):
            counted = np.flatnonzero(sample.roots[int(root)]).astype(np.int64)
            roots.append(self._open(tree, every, counted))
            self.sum_own(roots[-1])
        if self.talk is not None:
            firsts = distinct_roots(sample.trees, self.settings.colsample_bytree)
            self.talk.collect_roots(roots, firsts)
        return roots

    def sum_own(self, node: OpenNode) -> None:
        """Sum the guest's own candidates of a node."""
        values = self.integers[node.counted][:, self.turn.channels(node.tree)]
        node.sums[GUEST_OWNER] = self.turn.clear[node.tree].sums(node.counted, values)

    def _part(self, nodes: list[OpenNode]) -> list[OpenNode]:
        """Part the nodes of a level as far as that gains anything; return the next level."""
        for node in nodes:
            self._search(node)
        parted: list[tuple[OpenNode, tuple[OpenNode, OpenNode]]] = []
        waiting = list(nodes)
        asks, offers = self.asks_at(self._depth + 1), self.asks_at(self._depth)
        while waiting:
            offered = []
            for node in waiting:
                owner = node.best_owner()
                if owner is None:
                    self._leaf(node)
                elif owner == GUEST_OWNER:
                    parted.append((node, self._part_here(node)))
                    if self.talk is not None and asks:
                        self.talk.tell(node, parted[-1][1])
                else:
                    offered.append((node, owner))
            waiting = []
            if self.talk is not None and offers:
                done, waiting = self.talk.offer(offered, summed=asks)
                parted += done
        if self.talk is not None and asks:
            self.talk.finish_level()
        return [child for _, pair in parted for child in pair]

    def _search(self, node: OpenNode) -> None:
        settings = self.settings
        node.search(settings.regularization, self.turn.gradients.units, settings.min_samples_leaf)

    def _part_here(self, node: OpenNode) -> tuple[OpenNode, OpenNode]:
        """Part a node by the best split of the guest's columns, the first of several alike."""
        found = node.found[GUEST_OWNER]
        best = int(np.argmax(found.gains))
        split = self.turn.clear[node.tree].splits[best]
        number = self.trainer.forest.table.add(split)
        left = self.trainer.bins.goes_left(split, self.trainer.data.codes[node.rows])
        return self.settle(node, left, GUEST_OWNER, number, float(found.gains[best]))

    def _sum_children(self, node: OpenNode, children: list[OpenNode]) -> None:
        """Sum the guest's candidates of the smaller child; those of the other are what is left."""
        small, large = sorted(children, key=lambda child: len(child.counted))
        if self.is_searchable(large):
            self.sum_own(small)
            large.sums[GUEST_OWNER] = node.sums[GUEST_OWNER] - small.sums[GUEST_OWNER]
        if self.asks_at(self._depth + 1):
            for child in children:
                child.hopeless = not (self.is_searchable(child) and self._hosts_may_win(child))

    def _hosts_may_win(self, node: OpenNode) -> bool:
        """Return whether a host could split a node of the next level, or nodes that come of it."""
        own = 0.0
        if not self.asks_at(self._depth + 2):
            # Nothing below is asked about: what gains less than the guest's own best split is of no use.
            self._search(node)
            own = node.found[GUEST_OWNER].best
        values = self.integers[node.counted][:, self.turn.channels(node.tree)]
        return may_gain(self.settings.regularization, values, self.turn.gradients.units, own)

    def _leaf(self, node: OpenNode) -> None:
        gradients, loss = self.turn.gradients, self.trainer.loss
        regularization = self.settings.regularization
        value = np.zeros(len(self.turn.plan[node.tree]))
        for place, k in enumerate(self.turn.plan[node.tree]):
            if loss.refits_leaves and len(node.counted):
                data = self.trainer.data
                residuals = data.y[node.counted, k] - self.trainer.scores[node.counted, k]
                weights = (
                    np.ones(len(residuals)) if data.weights is None else data.weights[node.counted]
                )
                value[place] = loss.refit(residuals, weights)
            else:
                g, h = gradients.g[node.counted, k], gradients.h[node.counted, k]
                value[place] = regularization.leaf(g, h)
        value *= self.settings.learning_rate / self.settings.num_parallel_tree
        self.trees[node.tree].value[node.number] = value
        self._leaves.append((node.tree, node.rows, value))

    def _finish(self) -> None:
        """Add the trees to the forest and their values to the scores, tree after tree."""
        for tree, rows, value in sorted(self._leaves, key=lambda leaf: leaf[0]):
            for place, k in enumerate(self.turn.plan[tree]):
                self.trainer.scores[rows, k] += value[place]
        self.trainer.forest.trees += self.trees
        self.trainer.forest.outputs += self.turn.plan

    def _send_gradients(self) -> None:
        trainer, session = self.trainer, self.trainer.session
        rows, slots = self.turn.sample.encrypted, trainer.slots
        hosts = [host for host, size in zip(session.hosts, trainer.candidates, strict=True) if size]
        if trainer.sent is not None:
            changed = trainer.sent.changed(rows, self.integers)
            rows = rows[changed]
            trainer.changed.append(len(rows))
            session.send(hosts, "changed", iteration=self.turn.number, rows=pack_bits([changed]))
        count = slots.rows_of_each
        for index, part in enumerate(
            pieces(-(-len(rows) // count), session.key_of(GUEST).key_bits)
        ):
            plain = slots.encode(self.integers[rows[part.start * count : part.stop * count]])
            with session.statistics.step(Step.ENCRYPT, operations=part.stop - part.start):
                encrypted = trainer.private_key.encrypt(plain, slots=slots.sent)
            session.send(
                hosts, "gradients", iteration=self.turn.number, batch=index, rows=encrypted
            )
