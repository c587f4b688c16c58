# SPDX-License-Identifier: Apache-2.0
"""The party that has features and no labels: what it keeps from round to round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pyfate_gpu.data.binning.splits import Codes, TableBins
from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.he.array.candidates import Candidates
from pyfate_gpu.learning.draws import draw_columns
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.protocol.resuming import keep, resume
from pyfate_gpu.trees.host_round import HostRound
from pyfate_gpu.trees.lazy import HeldRows
from pyfate_gpu.trees.offers import Offered
from pyfate_gpu.trees.packing import GradientSlots
from pyfate_gpu.trees.plan import Shape, receive_plan, report_shape
from pyfate_gpu.trees.prediction import serve_paths
from pyfate_gpu.trees.sampling import read_sample
from pyfate_gpu.trees.settings import Settings
from pyfate_gpu.trees.tree import SplitTable


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
        self.smallest = 0  # rows of a node that sums were sent of, 0 for none
        self.held = HeldRows(rows) if settings.is_lazy else None
        self._all: Candidates | None = None
        # A column without a value parts no rows.
        values = self.codes[:rows] < self.bins.counts
        self._useful = np.flatnonzero(values.any(axis=0)).astype(np.int64)

    def train(self) -> int:
        """Train until the guest says stop; return the number of rounds that are kept."""
        size = self._candidates_of_all().size
        tested = len(self.codes) - self.rows
        report_shape(self.session, Shape(self.rows, tested, size, self.training))
        if self.training:
            serve_paths(self.session, self.bins, self.table, self.codes)
        self.outputs, packed = receive_plan(self.session, self.settings)
        self.slots = GradientSlots(
            self.settings.size_bits,
            self.rows,
            self.outputs,
            self.session.key_of(GUEST).key_bits,
            packed,
            self.settings.keeps_apart(self.outputs),
        )
        number = resume(self) + 1
        while self._round(number):
            self.counts.append(len(self.table))
            self.progress.end_iteration(number)
            keep(self, number)
            number += 1
        self.progress.ended = "the guest ended it"
        return len(self.counts) - 1

    def state(self) -> dict[str, Any]:
        """Return what the next rounds depend on."""
        return {
            "splits": self.table.as_array(),
            "counts": np.array(self.counts, dtype=np.int64),
            "seed": hex(self.seed),
            "smallest": self.smallest,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        self.table = SplitTable.from_array(state["splits"])
        self.counts = state["counts"].tolist()
        self.seed = int(state["seed"], 16)
        self.smallest = state["smallest"]

    def note_shown(self, rows: int) -> None:
        """Note that sums of a node of so many rows are sent."""
        self.smallest = min(self.smallest or rows, rows)

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
                settings=self.settings,
            )
            HostRound(self, number, sample).run()
        return True

    def offers(self, number: int, trees: int) -> list[Offered]:
        """Return what each tree of a round may split, the same for all where all columns are."""
        share, columns = self.settings.colsample_bytree, self.codes.shape[1]
        if share == 1.0:
            return [Offered.shuffled(self._useful, self._candidates_of_all())] * trees
        drawn = [
            draw_columns(self.seed, self.done + number, tree, columns, share)
            for tree in range(trees)
        ]
        kept = [chosen[np.isin(chosen, self._useful)] for chosen in drawn]
        places = [np.searchsorted(self._useful, chosen) for chosen in kept]
        offers = [
            Offered.shuffled(chosen, self._candidates_of_all().of_columns(place))
            for chosen, place in zip(kept, places, strict=True)
        ]
        sizes = np.array([offer.candidates.size for offer in offers], dtype=np.int64)
        self.session.send(GUEST, "candidates", iteration=number, sizes=sizes)
        return offers

    def _candidates_of_all(self) -> Candidates:
        if self._all is None:
            useful, codes = self._useful, self.codes[: self.rows]
            if len(useful) < codes.shape[1]:
                codes = codes[:, useful]
            self._all = Candidates(codes, self.bins.counts[useful], self.bins.missing[useful])
        return self._all
