# SPDX-License-Identifier: Apache-2.0
"""The party that has features and no labels: it sums what it cannot read, and splits where it is told to."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.he import CiphertextArray, concatenate
from pyfate_gpu.he.array.candidates import Candidates
from pyfate_gpu.he.array.export import marks
from pyfate_gpu.he.array.streams import StreamedSums
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.trees.bits import Truths, pack_bits, unpack_bits
from pyfate_gpu.trees.columns import Codes, Split, TableBins
from pyfate_gpu.trees.draws import draw_columns
from pyfate_gpu.trees.messages import pieces
from pyfate_gpu.trees.nodes import Node, OpenNodes, smaller_first
from pyfate_gpu.trees.packing import GradientSlots
from pyfate_gpu.trees.plan import Shape, receive_plan, report_shape
from pyfate_gpu.trees.prediction import serve_paths
from pyfate_gpu.trees.recovery import keep, resume
from pyfate_gpu.trees.sampling import Sample, read_sample
from pyfate_gpu.trees.settings import Settings
from pyfate_gpu.trees.tree import SplitTable
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


class HostTrainer:
    """A host's side of training.

    Parameters
    ----------
    session : Session
        After the handshake.
    progress : Progress
        Hears of each round.
    bins : TableBins
        Of this party's columns.
    codes : int16 [rows, columns]
        The table in bins, rows of validation last.
    rows : int
        How many rows there are to train with.
    table : SplitTable
        This party's splits of an earlier fit, or none.
    seed : int
        Of which columns are drawn.
    done : int
        Rounds of an earlier fit.
    training : str
        Its fingerprint.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        progress: Progress,
        bins: TableBins,
        codes: Codes,
        rows: int,
        table: SplitTable,
        seed: int,
        *,
        done: int = 0,
        training: str = "",
    ) -> None:
        self.session = session
        self.settings = settings
        self.progress = progress
        self.bins = bins
        self.codes = codes
        self.rows = rows
        self.table = table
        self.seed = seed
        self.done = done
        self.training = training
        self.counts = [len(table)]  # of splits, before the first round and after each
        self._all: Candidates | None = None

    def train(self) -> int:
        """Train until the guest says stop; return the number of rounds that are kept."""
        size = self._candidates_of_all().size
        tested = len(self.codes) - self.rows
        report_shape(self.session, Shape(self.rows, tested, size, self.training))
        if self.training:
            serve_paths(self.session, self.bins, self.table, self.codes)
        self.outputs, packed = receive_plan(self.session, self.settings)
        self.slots = GradientSlots(
            self.settings.gradient_bits,
            self.rows,
            self.outputs,
            self.session.key_of(GUEST).key_bits,
            packed,
        )
        number = resume(self.session, self) + 1
        while self._round(number):
            self.counts.append(len(self.table))
            self.progress.end_iteration(number)
            keep(self.session, self, number)
            number += 1
        return len(self.counts) - 1

    def state(self) -> dict[str, Any]:
        """Return what the next rounds depend on."""
        return {
            "splits": self.table.as_array(),
            "counts": np.array(self.counts, dtype=np.int64),
            "seed": hex(self.seed),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        self.table = SplitTable.from_array(state["splits"])
        self.counts = state["counts"].tolist()
        self.seed = int(state["seed"], 16)

    def _round(self, number: int) -> bool:
        """Take part in a round; return whether there was one."""
        proceed, kept, asked, roots, trees = self.session.receive(
            GUEST,
            "round",
            iteration=number,
            proceed=bool,
            kept=int,
            asked=bool,
            roots=np.ndarray,
            trees=np.ndarray,
        )
        if not proceed:
            if not 0 <= kept < len(self.counts):
                raise ProtocolError(f"the guest keeps {kept} of {len(self.counts) - 1} rounds")
            del self.counts[kept + 1 :]
            del self.table.splits[self.counts[-1] :]
            return False
        if asked:
            sample = read_sample(
                roots,
                trees,
                rows=self.rows,
                count=len(self.settings.trees_of_round(self.outputs)),
                least=2 * self.settings.min_samples_leaf,
            )
            HostRound(self, number, sample).run()
        return True

    def offers(self, number: int, trees: int) -> list[Offered]:
        """Return what each tree of a round may split, the same for all where all columns are."""
        share, columns = self.settings.colsample_bytree, self.codes.shape[1]
        if share == 1.0:
            return [Offered.shuffled(np.arange(columns), self._candidates_of_all())] * trees
        drawn = [
            draw_columns(self.seed, self.done + number, tree, columns, share)
            for tree in range(trees)
        ]
        offers = [
            Offered.shuffled(chosen, self._candidates_of_all().of_columns(chosen))
            for chosen in drawn
        ]
        sizes = np.array([offer.candidates.size for offer in offers], dtype=np.int64)
        self.session.send(GUEST, "candidates", iteration=number, sizes=sizes)
        return offers

    def _candidates_of_all(self) -> Candidates:
        if self._all is None:
            self._all = Candidates(self.codes[: self.rows], self.bins.counts, self.bins.missing)
        return self._all


class HostRound:
    """One round of a host: gradients come in, sums go out, nodes are parted."""

    def __init__(self, trainer: HostTrainer, number: int, sample: Sample) -> None:
        self.trainer = trainer
        self.session = trainer.session
        self.number = number
        self.sample = sample
        self.encrypted = sample.encrypted
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
        self.gradients = self._receive_gradients(stream)
        if stream is None:
            self._send_sums(distinct)
        else:
            with self.session.statistics.step(Step.ADD):
                sums = stream.sums()
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
        if len(roots) > 1 or roots[0].size != len(self.encrypted) or not candidates.size:
            return None
        return StreamedSums(candidates, packed=self.trainer.slots.packed)

    def _receive_gradients(self, stream: StreamedSums | None) -> CiphertextArray:
        slots, parts = self.trainer.slots, []
        key_bits = self.session.key_of(GUEST).key_bits
        bound, each, columns = slots.sent_bound, slots.rows_of_each, len(self.offers[0].columns)
        count = -(-len(self.encrypted) // each)
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
                rows = self.encrypted[part.start * each : part.stop * each]
                with self.session.statistics.step(Step.ADD, operations=len(rows) * columns):
                    stream.add(found, rows)
            parts.append(found)
        _check_distinct(parts, self.number)
        return concatenate(parts)

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
        offers = _read_offers(offered, places, ranks, lengths)
        children: list[tuple[Node, Node]] = []
        if offers:
            children += self._choose(nodes, offers, step)
        numbers = _whole(told, "the nodes that the guest parts")
        masks = unpack_bits(
            bits,
            [len(nodes.get(number).rows) for number in numbers],
            "the rows of nodes that the guest parts",
        )
        children += [nodes.part(n, mask) for n, mask in zip(numbers, masks, strict=True)]
        if summed:
            least = 2 * self.trainer.settings.min_samples_leaf
            self._send_sums([small for small, large in children if large.size >= least])
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

    def _send_sums(self, nodes: list[Node]) -> None:
        """Send the sums of all candidates of nodes, squeezed or masked; in as many messages as they take."""
        parts = []
        for offer, group in groupby(nodes, key=lambda node: self.offers[node.tree]):
            rows = [node.rows[node.counted] for node in group]
            if offer.candidates.size:
                entries = sum(map(len, rows)) * len(offer.columns)
                with self.session.statistics.step(Step.ADD, operations=entries):
                    sums = self._sums(offer.candidates, rows)
                parts.append(sums.take(offer.order, axis=1).ravel())
        if parts:
            self._answer(concatenate(parts))

    def _answer(self, answer: CiphertextArray) -> None:
        if not self.trainer.slots.packed:
            with self.session.statistics.step(Step.SQUEEZE, operations=answer.size):
                answer = answer.squeeze(self.trainer.slots.squeezed)
        for part in pieces(answer.size, answer.public_key.key_bits):
            self.session.send(
                GUEST, "sums", iteration=self.number, batch=self._sent, sums=answer[part]
            )
            self._sent += 1

    def _sums(self, candidates: Candidates, rows: list[Integers]) -> CiphertextArray:
        """Return the sums of nodes, of which nothing else can be seen where rows share ciphertexts."""
        places = [self._place[each] for each in rows]
        if self.trainer.slots.packed:
            return candidates.packed_sums(self.gradients, rows, places)
        return candidates.level_sums(self.gradients, rows, places)


def _check_distinct(parts: list[CiphertextArray], number: int) -> None:
    """Refuse rows that are the same ciphertext: one row of a guest that keeps to the protocol is like no other."""
    whole = np.ascontiguousarray(np.concatenate([marks(part) for part in parts])).view("V16")
    if len(np.unique(whole)) < len(whole):
        raise ProtocolError(
            f"'gradients' (iteration {number}) of the guest hold a ciphertext twice"
        )


def distinct_roots(trees: Integers, share: float) -> list[int]:
    """Return the trees of a round whose roots are summed, given the rows of each and the share of columns."""
    if share < 1:
        return list(range(len(trees)))
    return [int(first) for first in np.sort(np.unique(trees, return_index=True)[1])]


def _whole(array: Any, what: str) -> list[int]:
    if array.ndim != 1 or array.dtype != np.int64:
        raise ProtocolError(f"{what} came as {array.dtype} of shape {array.shape}")
    found: list[int] = array.tolist()
    return found


def _read_offers(
    offered: Any, places: Any, ranks: Any, lengths: Any
) -> list[tuple[int, Integers, Integers]]:
    """Return nodes with the places and ranks of candidates that may split them."""
    numbers, sizes = _whole(offered, "the nodes of a shortlist"), _whole(lengths, "its lengths")
    _whole(places, "its candidates")
    _whole(ranks, "its ranks")
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
