# SPDX-License-Identifier: Apache-2.0
"""One round of a host: it sums what it cannot read, and splits where it is told to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from pyfate_gpu.data.binning.splits import Split
from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.he import CiphertextArray, concatenate
from pyfate_gpu.he.array.candidates import Candidates
from pyfate_gpu.he.array.export import marks
from pyfate_gpu.he.array.masks import Kept, mask_others
from pyfate_gpu.he.array.streams import StreamedSums
from pyfate_gpu.trees.bits import Truths, pack_bits, unpack_bits
from pyfate_gpu.trees.messages import pieces
from pyfate_gpu.trees.nodes import Node, OpenNodes, smaller_first
from pyfate_gpu.trees.offers import read_offers, whole_numbers
from pyfate_gpu.trees.sampling import Sample, distinct_roots
from pyfate_gpu.typing import Integers

if TYPE_CHECKING:
    from pyfate_gpu.trees.host import HostTrainer


class HostRound:
    """One round of a host: gradients come in, sums go out, nodes are parted."""

    def __init__(self, trainer: HostTrainer, number: int, sample: Sample) -> None:
        self.trainer = trainer
        self.session = trainer.session
        self.number = number
        self.sample = sample
        self.encrypted = sample.encrypted
        self.plan = trainer.settings.trees_of_round(trainer.outputs)
        self.offers = trainer.offers(number, len(sample.trees))
        self._sent = 0
        self._place = np.full(len(trainer.codes), -1, dtype=np.int64)
        self._place[self.encrypted] = np.arange(len(self.encrypted))

    def run(self) -> None:
        """Answer the guest until the trees are grown."""
        roots = [self._root(tree) for tree in range(len(self.sample.trees))]
        nodes = OpenNodes(roots, self.trainer.settings.min_samples_leaf)
        distinct = [roots[tree] for tree in self.distinct_roots()]
        stream = self._stream(distinct)
        self.gradients = self._take_gradients(stream)
        if stream is None:
            self._send_sums(distinct, [self._kept_of_root(root) for root in distinct])
        else:
            with self.session.statistics.step(Step.ADD):
                sums = stream.sums()
            self.trainer.note_shown(distinct[0].size)
            self._answer(sums.take(self.offers[distinct[0].tree].order))
        step = 0
        while self._step(nodes, step):
            step += 1

    def distinct_roots(self) -> list[int]:
        """Return the trees whose roots are summed: the first of those with the same rows and columns."""
        return distinct_roots(self.sample.trees, self.trainer.settings.colsample_bytree)

    def _root(self, tree: int) -> Node:
        every = np.arange(len(self.trainer.codes), dtype=np.int64)
        counted = np.zeros(len(every), dtype=np.bool_)
        counted[: self.trainer.rows] = self.sample.roots[self.sample.trees[tree]]
        return Node(tree, every, counted)

    def _stream(self, roots: list[Node]) -> StreamedSums | None:
        """Return what sums the root while gradients come in, if there is one root, of all that come."""
        candidates = self.offers[roots[0].tree].candidates
        lazy = self.trainer.held is not None
        if lazy or len(roots) > 1 or roots[0].size != len(self.encrypted) or not candidates.size:
            return None
        return StreamedSums(candidates, packed=self.trainer.slots.packed)

    def _take_gradients(self, stream: StreamedSums | None) -> CiphertextArray:
        """Return the ciphertexts of this round, those that are held from earlier ones among them."""
        held = self.trainer.held
        if held is None:
            found = concatenate(self._receive_gradients(self.encrypted, stream))
        else:
            bits = self.session.receive(GUEST, "changed", iteration=self.number, rows=np.ndarray)
            rows = held.read_changed(bits, self.encrypted)
            found = held.replaced(rows, self._receive_gradients(rows, None))
            self._place[: len(held.places)] = held.places
        _check_distinct(found, self.number)
        return found

    def _receive_gradients(
        self, numbers: Integers, stream: StreamedSums | None
    ) -> list[CiphertextArray]:
        """Return the ciphertexts of some rows as they come."""
        slots, parts = self.trainer.slots, []
        key_bits = self.session.key_of(GUEST).key_bits
        bound, each, columns = slots.sent_bound, slots.rows_of_each, len(self.offers[0].columns)
        count = -(-len(numbers) // each)
        for index, part in enumerate(pieces(count, key_bits)):
            found = self.session.receive_encrypted(
                GUEST,
                "gradients",
                "rows",
                (part.stop - part.start,),
                GUEST,
                slots.sent,
                iteration=self.number,
                batch=index,
            )
            if found.bound != bound or found.exponent:
                raise ProtocolError(
                    f"'gradients' (iteration {self.number}, batch {index}) of the guest are bounded by "
                    f"{found.bound} and not by {bound}"
                )
            if stream is not None:
                rows = numbers[part.start * each : part.stop * each]
                with self.session.statistics.step(Step.ADD, operations=len(rows) * columns):
                    stream.add(found, rows)
            parts.append(found)
        return parts

    def _step(self, nodes: OpenNodes, step: int) -> bool:
        """Take a message with nodes; return whether there may be another one."""
        more, summed, offered, places, ranks, lengths, told, bits = self.session.receive(
            GUEST,
            "nodes",
            iteration=self.number,
            batch=step,
            more=bool,
            summed=bool,
            offered=np.ndarray,
            places=np.ndarray,
            ranks=np.ndarray,
            lengths=np.ndarray,
            told=np.ndarray,
            bits=np.ndarray,
        )
        if not more:
            return False
        offers = read_offers(offered, places, ranks, lengths)
        children: list[tuple[Node, Node]] = []
        if offers:
            children += self._choose(nodes, offers, step)
        numbers = whole_numbers(told, "the nodes that the guest parts")
        masks = unpack_bits(
            bits,
            [len(nodes.get(number).rows) for number in numbers],
            "the rows of nodes that the guest parts",
        )
        children += [nodes.part(n, mask) for n, mask in zip(numbers, masks, strict=True)]
        if summed:
            least = 2 * self.trainer.settings.min_samples_leaf
            smaller = [small for small, large in children if large.size >= least]
            self._send_sums(smaller, [self._kept(node.tree) for node in smaller])
        return True

    def _choose(
        self, nodes: OpenNodes, offers: list[tuple[int, Integers, Integers]], step: int
    ) -> list[tuple[Node, Node]]:
        """Split nodes by the first candidate offered that leaves enough rows on both sides."""
        chosen = np.full(len(offers), -1, dtype=np.int64)
        outcomes: list[Truths] = []
        children = []
        for index, (number, places, ranks) in enumerate(offers):
            node = nodes.get(number)
            found = self._first_good(node, places, ranks)
            if found is None:
                continue
            chosen[index], split, left = found
            self.trainer.table.add(split)
            outcomes.append(left)
            children.append(nodes.part(number, smaller_first(node, left)))
        self.session.send(
            GUEST,
            "splits",
            iteration=self.number,
            batch=step,
            chosen=chosen,
            left=pack_bits(outcomes),
        )
        return children

    def _first_good(
        self, node: Node, places: Integers, ranks: Integers
    ) -> tuple[int, Split, Truths] | None:
        offer, least = self.offers[node.tree], self.trainer.settings.min_samples_leaf
        if len(places) and (places.min() < 0 or places.max() >= len(offer.order)):
            raise ProtocolError(f"the guest offered a candidate that is none of {len(offer.order)}")
        candidates = offer.order[places]
        codes = self.trainer.codes[node.rows]
        for index in np.lexsort((candidates, ranks)):
            split = offer.split(int(candidates[index]))
            left = self.trainer.bins.goes_left(split, codes)
            counted = int(np.count_nonzero(left & node.counted))
            if min(counted, node.size - counted) >= least:
                return int(index), split, left
        return None

    def _send_sums(self, nodes: list[Node], kept: list[Kept | None]) -> None:
        """Send the sums of all candidates of nodes, squeezed or masked; in as many messages as they take."""
        parts = []
        pairs = zip(nodes, kept, strict=True)
        for (offer, only), group in groupby(
            pairs, lambda pair: (self.offers[pair[0].tree], pair[1])
        ):
            rows = [node.rows[node.counted] for node, _ in group]
            if offer.candidates.size:
                self.trainer.note_shown(min(map(len, rows)))
                entries = sum(map(len, rows)) * len(offer.columns)
                with self.session.statistics.step(Step.ADD, operations=entries):
                    sums = self._sums(offer.candidates, rows, only)
                parts.append(sums.take(offer.order, axis=1).ravel())
        if parts:
            self._answer(concatenate(parts))

    def _kept(self, tree: int) -> Kept | None:
        """Return what sums for a tree may show; None for everything."""
        return self.trainer.slots.kept(self.plan[tree])

    def _kept_of_root(self, root: Node) -> Kept | None:
        """Return what sums of a root may show: everything where trees of several outputs share it."""
        found = {self._kept(tree) for tree in self._trees_of_root(root.tree)}
        return found.pop() if len(found) == 1 else None

    def _trees_of_root(self, first: int) -> Sequence[int]:
        """Return the trees that the sums of a root are for, given the first one."""
        if self.trainer.settings.colsample_bytree < 1:
            return [first]
        trees = self.sample.trees
        return [tree for tree in range(len(trees)) if trees[tree] == trees[first]]

    def _answer(self, answer: CiphertextArray) -> None:
        if not self.trainer.slots.packed:
            with self.session.statistics.step(Step.SQUEEZE, operations=answer.size):
                answer = answer.squeeze(self.trainer.slots.answered(answer.size))
        for part in pieces(answer.size, answer.public_key.key_bits):
            self.session.send(
                GUEST, "sums", iteration=self.number, batch=self._sent, sums=answer[part]
            )
            self._sent += 1

    def _sums(
        self, candidates: Candidates, rows: list[Integers], kept: Kept | None
    ) -> CiphertextArray:
        """Return the sums of nodes, of which nothing else can be seen but what is kept."""
        places = [self._place[each] for each in rows]
        if self.trainer.slots.packed:
            return candidates.packed_sums(self.gradients, rows, places, kept)
        sums = candidates.level_sums(self.gradients, rows, places)
        return sums if kept is None else mask_others(sums, kept.slot)


def _check_distinct(gradients: CiphertextArray, number: int) -> None:
    """Refuse rows that are the same ciphertext: one row of a guest that keeps to the protocol is like no other."""
    whole = np.ascontiguousarray(marks(gradients)).view("V16")
    if len(np.unique(whole)) < len(whole):
        raise ProtocolError(
            f"'gradients' (iteration {number}) of the guest hold a ciphertext twice"
        )
