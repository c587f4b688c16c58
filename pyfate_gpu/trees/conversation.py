# SPDX-License-Identifier: Apache-2.0
"""What the guest says to hosts in a round, and what it makes of their answers.

One message each way a level, where hosts win no more than one node of another host's interest: a host that splits
a node sends the sums of its smaller child along, and hears of nodes that others split with its next offer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import BoundError, ProtocolError
from pyfate_gpu.federation import Party
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.trees.bits import Truths, pack_bits, unpack_bits
from pyfate_gpu.trees.messages import pieces
from pyfate_gpu.trees.search import OpenNode
from pyfate_gpu.typing import Integers

if TYPE_CHECKING:
    from pyfate_gpu.he import CiphertextArray
    from pyfate_gpu.trees.growth import Growth

Pair = tuple[OpenNode, OpenNode]


@dataclass(repr=False)
class Line:
    """The talk with one host.

    Attributes
    ----------
    next_name : int
        Under which it will know the next node.
    steps, sums : int
        Messages so far.
    told : list
        Nodes that others have split, with their smaller and larger child, to be told next.
    """

    host: Party
    owner: int
    sizes: list[int]
    next_name: int
    steps: int = 0
    sums: int = 0
    told: list[tuple[OpenNode, OpenNode, OpenNode]] = field(default_factory=list)


class Conversation:
    """The guest's talk with all hosts that have candidates, in one round."""

    def __init__(self, growth: Growth) -> None:
        self.growth = growth
        trainer = growth.trainer
        self.session, self.slots = trainer.session, trainer.slots
        self.turn, self.private_key = growth.turn, trainer.private_key
        trees = len(self.turn.plan)
        self.lines = {
            owner: Line(host, owner, [size] * trees, trees)
            for owner, (host, size) in enumerate(
                zip(self.session.hosts, trainer.candidates, strict=True), 1
            )
            if size
        }

    def collect_roots(self, roots: list[OpenNode], firsts: list[int]) -> None:
        """Take the sums of the roots, where trees with the same rows and columns share theirs."""
        shared = len(firsts) < len(roots)
        for owner, line in self.lines.items():
            if self.growth.settings.colsample_bytree < 1:
                line.sizes = self._sizes(line)
            found = dict(
                zip(firsts, self._receive(line, [roots[tree] for tree in firsts]), strict=True)
            )
            for tree, root in enumerate(roots):
                root.names[owner] = tree
                first = self._first(tree, firsts) if shared else tree
                root.sums[owner] = self._checked(line, root, found[first])

    def tell(self, node: OpenNode, children: Pair, but: int | None = None) -> None:
        """Have hosts told of a node that was split by another party, if they may split its children further."""
        small, large = smaller_and_larger(children)
        if self.growth.is_searchable(large) and is_wanted(children):
            for owner, line in self.lines.items():
                if owner != but and owner in node.names:
                    line.told.append((node, small, large))

    def offer(
        self, offered: list[tuple[OpenNode, int]], *, summed: bool
    ) -> tuple[list[tuple[OpenNode, Pair]], list[OpenNode]]:
        """Offer nodes to the hosts whose candidates are best.

        Returns
        -------
        parted : list of (OpenNode, (OpenNode, OpenNode))
            Nodes with their children.
        refused : list of OpenNode
            Nodes whose host would not take any candidate of its shortlist, which are struck.
        """
        asked = {
            owner: [node for node, best in offered if best == owner]
            for owner in {owner for _, owner in offered}
        }
        shortlists = {
            owner: [node.shortlist(owner) for node in nodes] for owner, nodes in asked.items()
        }
        sent = {owner: self._say(self.lines[owner], nodes, shortlists[owner], summed)
                for owner, nodes in sorted(asked.items())}  # fmt: skip
        parted, refused = [], []
        for owner, told in sent.items():
            line, nodes = self.lines[owner], asked[owner]
            done, unwanted = self._hear(line, nodes, shortlists[owner])
            parted += done
            refused += unwanted
            pairs = [(node, *smaller_and_larger(children)) for node, children in done] + told
            self._name(line, pairs)
            if summed:
                self._collect(line, pairs)
                for node, children in done:
                    self.tell(node, children, but=owner)
        return parted, refused

    def finish_level(self) -> None:
        """Tell what is still to be told, and take the sums."""
        waiting = [line for line in self.lines.values() if line.told]
        for line, told in [(line, self._say(line, [], [], True)) for line in waiting]:
            self._name(line, told)
            self._collect(line, told)

    def end(self) -> None:
        """Tell hosts that the trees of the round stand."""
        for line in self.lines.values():
            self._send(line, more=False)

    def _say(
        self,
        line: Line,
        nodes: list[OpenNode],
        shortlists: list[tuple[Integers, Integers]],
        summed: bool,
    ) -> list[tuple[OpenNode, OpenNode, OpenNode]]:
        """Send a host its offers and what others have split; return the latter."""
        told, line.told = line.told, []
        self._send(
            line,
            more=True,
            summed=summed,
            offered=[node.names[line.owner] for node in nodes],
            places=_joined([places for places, _ in shortlists]),
            ranks=_joined([ranks for _, ranks in shortlists]),
            lengths=[len(places) for places, _ in shortlists],
            told=[node.names[line.owner] for node, _, _ in told],
            bits=pack_bits([self._within(node, small) for node, small, _ in told]),
        )
        return told

    def _send(
        self,
        line: Line,
        *,
        more: bool,
        summed: bool = False,
        offered: Any = (),
        places: Any = (),
        ranks: Any = (),
        lengths: Any = (),
        told: Any = (),
        bits: Any = None,
    ) -> None:
        numbers = {
            "offered": offered, "places": places, "ranks": ranks, "lengths": lengths, "told": told,
        }  # fmt: skip
        self.session.send(
            line.host,
            "nodes",
            iteration=self.turn.number,
            batch=line.steps,
            more=more,
            summed=summed,
            bits=pack_bits([]) if bits is None else bits,
            **{name: np.array(value, dtype=np.int64) for name, value in numbers.items()},
        )
        line.steps += 1

    def _within(self, node: OpenNode, child: OpenNode) -> Truths:
        """Return which rows of a node are in a child."""
        mask = np.zeros(len(self.growth.trainer.data.codes), dtype=np.bool_)
        mask[child.rows] = True
        return mask[node.rows]

    def _hear(
        self, line: Line, nodes: list[OpenNode], shortlists: list[tuple[Integers, Integers]]
    ) -> tuple[list[tuple[OpenNode, Pair]], list[OpenNode]]:
        """Take a host's choice for each node."""
        chosen, left = self.session.receive(
            line.host,
            "splits",
            iteration=self.turn.number,
            batch=line.steps - 1,
            chosen=np.ndarray,
            left=np.ndarray,
        )
        sizes = np.array([len(places) for places, _ in shortlists], dtype=np.int64)
        if (
            chosen.dtype != np.int64
            or chosen.shape != sizes.shape
            or not ((chosen >= -1) & (chosen < sizes)).all()
        ):
            raise ProtocolError(f"{line.host} chose candidates that it was not offered")
        lengths = [len(node.rows) for node, c in zip(nodes, chosen, strict=True) if c >= 0]
        outcomes = iter(unpack_bits(left, lengths, f"the rows that go left at {line.host}"))
        parted, refused = [], []
        for node, (places, _), choice in zip(nodes, shortlists, chosen.tolist(), strict=True):
            if choice < 0:
                node.strike(line.owner, places)
                refused.append(node)
            else:
                place = int(places[choice])
                parted.append((node, self._part(line, node, place, next(outcomes))))
        return parted, refused

    def _part(self, line: Line, node: OpenNode, place: int, left: Truths) -> Pair:
        """Part a node as a host did, having seen to it that the rows have the sums that it had sent."""
        found = node.found[line.owner]
        sizes = self.growth.trainer.forest.sizes
        pair = self.growth.settle(
            node, left, line.owner, sizes[line.owner - 1], float(found.gains[place])
        )
        claimed = found.sums[place]
        if not any((child.total == claimed).all() for child in pair):
            raise ProtocolError(
                f"the rows that {line.host} sends left have other sums than it said: its sums, its choice or its rows "
                "are false"
            )
        least = self.growth.settings.min_samples_leaf
        if min(len(child.counted) for child in pair) < least:
            raise ProtocolError(f"{line.host} left fewer than {least} rows on a side of its split")
        sizes[line.owner - 1] += 1
        return pair

    def _name(self, line: Line, pairs: list[tuple[OpenNode, OpenNode, OpenNode]]) -> None:
        for _, small, large in pairs:
            small.names[line.owner], large.names[line.owner] = line.next_name, line.next_name + 1
            line.next_name += 2

    def _collect(self, line: Line, pairs: list[tuple[OpenNode, OpenNode, OpenNode]]) -> None:
        """Take the sums of smaller children; those of the larger ones are what is left of the parents'."""
        summed = [each for each in pairs if self.growth.is_searchable(each[2])]
        wanted = [is_wanted(children) for _, *children in summed]
        received = self._receive(line, [small for _, small, _ in summed], wanted)
        for (node, small, large), sums, read in zip(summed, received, wanted, strict=True):
            if not read:
                self._note(small, large)
                continue
            small.sums[line.owner] = self._checked(line, small, sums)
            rest = node.sums[line.owner] - small.sums[line.owner]
            large.sums[line.owner] = self._bounded(line, large, rest)

    def _receive(
        self, line: Line, nodes: list[OpenNode], wanted: Sequence[bool] | None = None
    ) -> list[NDArray[Any]]:
        """Return what a host sends of nodes, as numbers in the slots of a row, [candidates, slots] of each.

        Ciphertexts with no candidate of a node that is wanted are not decrypted: zeros stand in their place.
        """
        lengths = [line.sizes[node.tree] for node in nodes]
        layout, answers = self.slots.answered(sum(lengths)), self.slots.answers(sum(lengths))
        flags = [True] * len(nodes) if wanted is None else wanted
        needed = self.slots.needed(np.repeat(np.array(flags, dtype=np.bool_), lengths))
        found = [np.empty((0, self.slots.row.count), dtype=np.int64)]
        for part in pieces(answers, self.private_key.public_key.key_bits):
            answer = self.session.receive_encrypted(
                line.host,
                "sums",
                "sums",
                (part.stop - part.start,),
                GUEST,
                layout,
                iteration=self.turn.number,
                batch=line.sums,
            )
            line.sums += 1
            if answer.exponent or answer.kind != "i":
                raise ProtocolError(f"the sums of {line.host} are no integers")
            each = self.slots.sums_of_each(sum(lengths))
            found.append(self._decrypt(line, answer, needed[part], each))
        flat = np.concatenate(found)[: sum(lengths)]
        return list(np.split(flat, np.cumsum(lengths)[:-1])) if lengths else []

    def _decrypt(
        self, line: Line, answer: CiphertextArray, needed: Truths, each: int
    ) -> NDArray[Any]:
        """Return the sums in ciphertexts, so many in each, zeros for those that are not needed."""
        chosen = answer if needed.all() else answer.take(np.flatnonzero(needed))
        try:
            with self.session.statistics.step(Step.DECRYPT, operations=chosen.size):
                found = self.slots.read(self.private_key.decrypt(chosen))
        except BoundError:
            raise ProtocolError(f"the sums of {line.host} are beyond their bounds") from None
        if chosen is answer:
            return found
        whole = np.zeros((len(needed), each, self.slots.row.count), dtype=found.dtype)
        whole[needed] = found.reshape(-1, each, self.slots.row.count)
        return whole.reshape(-1, self.slots.row.count)

    def _checked(self, line: Line, node: OpenNode, sums: NDArray[Any]) -> Integers:
        """Return the sums of a node's outputs."""
        try:
            return self._bounded(line, node, self.slots.pick(sums, self.turn.plan[node.tree]))
        except BoundError:
            raise ProtocolError(f"the sums of {line.host} are beyond their bounds") from None

    def _bounded(self, line: Line, node: OpenNode, sums: Integers) -> Integers:
        self._note(node)
        h, total = sums[:, 1::2], node.total[1::2]
        if ((h < 0) | (h > total)).any():
            raise ProtocolError(
                f"a sum of hessians from {line.host} is below 0 or above that of all rows of its node"
            )
        return sums

    def _note(self, *nodes: OpenNode) -> None:
        """Note how few rows there are sums of."""
        trainer = self.growth.trainer
        for node in nodes:
            rows = len(node.counted)
            trainer.smallest = min(trainer.smallest or rows, rows)

    def _sizes(self, line: Line) -> list[int]:
        """Return how many candidates a host has for each tree, of the columns that it drew."""
        sizes = self.session.receive(
            line.host, "candidates", iteration=self.turn.number, sizes=np.ndarray
        )
        most = self.growth.trainer.candidates[line.owner - 1]
        trees = len(self.turn.plan)
        if (
            sizes.dtype != np.int64
            or sizes.shape != (trees,)
            or not ((sizes >= 0) & (sizes <= most)).all()
        ):
            raise ProtocolError(f"{line.host} announced numbers of candidates that it cannot have")
        found: list[int] = sizes.tolist()
        return found

    def _first(self, tree: int, firsts: list[int]) -> int:
        """Return the tree whose root has the same rows."""
        trees = self.turn.sample.trees
        return next(first for first in firsts if trees[first] == trees[tree])


def smaller_and_larger(children: Pair) -> Pair:
    """Return two children, the one with fewer rows first, of two alike the left one."""
    left, right = children
    return (left, right) if len(left.counted) <= len(right.counted) else (right, left)


def is_wanted(children: Sequence[OpenNode]) -> bool:
    """Return whether sums of hosts are of use for one of two children."""
    return not all(child.hopeless for child in children)


def _joined(parts: list[Integers]) -> Integers:
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])
