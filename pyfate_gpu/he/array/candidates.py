# SPDX-License-Identifier: Apache-2.0
"""Sums of one side of every split that a table of bins allows (docs/algorithms/candidate-sums.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.matrices import Index, Rows
from pyfate_gpu.errors import ArrayIndexError, ShapeError, SlotMismatchError
from pyfate_gpu.he.array.bounds import check_bound, check_layout
from pyfate_gpu.he.array.bundles import Column, bundle
from pyfate_gpu.he.array.cells import Part, plan
from pyfate_gpu.he.array.grouping import group
from pyfate_gpu.he.array.joint_cells import restrict
from pyfate_gpu.he.array.masks import Kept
from pyfate_gpu.he.array.sides import masked_middle, side_sums, sides_additions
from pyfate_gpu.he.array.splits import Flags, splits_of
from pyfate_gpu.he.array.stages import Stages

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray

Codes = npt.NDArray[np.int16]

BATCH = 1 << 15
"""Sums that are kept at a time, before the next groups of columns are summed."""
READ = 1 << 22
"""Numbers of rows that are listed at a time."""


class Candidates:
    """The splits of binned columns, and encrypted sums of one side of each.

    A candidate is a column, a cut i and where missing rows go: rows with a code up to i go left, rows
    with a greater one right. A column without missing rows has a cut after each bin but the last one, a
    column with them has each cut twice, missing right and missing left, and one after its last bin that
    parts present from missing rows. Columns of one bin have none.

    Of each candidate one side is summed: the one without the bin of its column that saves the most
    additions, the same bin whichever rows are chosen. Whoever decrypts a sum has the other side's from
    the total, and cannot tell which side it was.

    Parameters
    ----------
    codes : int16 [n, d]
        Bins of n rows, from 0; ``counts[j]`` stands for a missing value of column j.
    counts : integers [d]
        Bins of each column, those of missing values not counted.
    missing : bool [d]
        Whether a column has missing values.

    Attributes
    ----------
    column, cut, missing_left, complement : int64, int64, bool, bool [size]
        Of each candidate: its column, its cut, whether missing rows go left, and whether the sum is that
        of its right side. By column, then by cut, then missing right before missing left.
    splits : Splits
        The same, with the chains of bins that sides are running sums of.

    Raises
    ------
    ShapeError
        If the arrays do not belong together, or a code is no bin of its column.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import generate_keypair
    >>> from pyfate_gpu.he.array.candidates import Candidates
    >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
    >>> codes = np.array([[0], [1], [1], [2]], dtype=np.int16)
    >>> candidates = Candidates(codes, [3], [False])
    >>> candidates.cut, candidates.complement
    (array([0, 1]), array([False,  True]))
    >>> sums = candidates.sums(public.encrypt([1, 20, 300, 4000]), np.array([0, 1, 3]))
    >>> private.decrypt(sums)
    array([   1, 4000])
    """

    def __init__(self, codes: Codes, counts: npt.ArrayLike, missing: npt.ArrayLike) -> None:
        self._counts = np.asarray(counts, dtype=np.int64)
        self._missing = np.asarray(missing, dtype=np.bool_)
        # Columns are read one by one.
        self._codes = np.asfortranarray(codes)
        _check_codes(self._codes, self._counts, self._missing)
        self._skipped = np.array(
            [self._skipped_bin(column) for column in range(self._codes.shape[1])], dtype=np.int64
        )
        self._whole: tuple[Candidates, Index] | None = None
        self._list()

    def of_columns(self, columns: npt.ArrayLike) -> Candidates:
        """The candidates of some columns, renumbered in their order; groups of columns are not searched again.

        Raises
        ------
        ShapeError
            If a column comes twice or is none.
        """
        chosen = _check_numbers(np.asarray(columns), self._codes.shape[1], "column")
        found = object.__new__(Candidates)
        found._codes = self._codes[:, chosen]
        found._counts, found._missing = self._counts[chosen], self._missing[chosen]
        found._skipped = self._skipped[chosen]
        found._list()
        numbers = np.full(self.splits.bins, -1, dtype=np.int64)
        for new, column in enumerate(chosen):
            bins = np.arange(self._counts[column] + self._missing[column])
            numbers[self.splits.first[column] + bins] = found.splits.first[new] + bins
        found._whole = self, numbers
        return found

    def groups(self, positions: int = 1) -> list[Part]:
        """Columns whose rows are summed together, where a ciphertext has so many rows.

        They are searched for once; those of some columns are what is left of the groups of all.
        """
        if positions not in self._groups:
            if self._whole is None:
                self._groups[positions] = group(bundle(self._columns()), self.rows, positions)
            else:
                all_columns, numbers = self._whole
                parts = (restrict(part, numbers) for part in all_columns.groups(positions))
                self._groups[positions] = [part for part in parts if part is not None]
        return self._groups[positions]

    def _list(self) -> None:
        self._groups: dict[int, list[Part]] = {}
        self.splits = splits_of(self._counts, self._missing, self._skipped)
        self.column, self.cut = self.splits.column, self.splits.cut
        self.missing_left = self.splits.missing_left
        self.complement = self.splits.complement

    @property
    def size(self) -> int:
        """Number of candidates."""
        return len(self.column)

    @property
    def rows(self) -> int:
        """Number of rows of the table."""
        return int(self._codes.shape[0])

    def left(self, candidate: int) -> Flags:
        """Which rows of the table go left, bool [n].

        Raises
        ------
        ArrayIndexError
            If there is no such candidate.
        """
        if not 0 <= candidate < self.size:
            raise ArrayIndexError(
                f"there is no candidate {candidate}; they are numbered from 0 to {self.size - 1}"
            )
        column = int(self.column[candidate])
        codes = self._codes[:, column]
        left = codes <= self.cut[candidate]
        if self.missing_left[candidate]:
            left |= codes == self._counts[column]
        return np.asarray(left)

    def sums(self, c: CiphertextArray, rows: Index, places: Index | None = None) -> CiphertextArray:
        """The sum of one side of each candidate over chosen rows.

        Parameters
        ----------
        c : CiphertextArray [n] or [n, k]
            Numbers of each row of the table, in slots or in k columns.
        rows : int64 [m]
            Numbers of the chosen rows, each once.
        places : int64 [m], optional
            Which element of `c` belongs to each chosen row, for ciphertexts of some rows only.

        Returns
        -------
        CiphertextArray [size] or [size, k]
            Of the left side, or of the right one where `complement` says so. Its bound is that of all
            rows that have ciphertexts, however many are chosen and whichever.

        Raises
        ------
        BoundError
            If the sum of all rows of `c` could pass what the key or a slot holds.
        ShapeError
            If shapes do not fit, or rows come twice or are none.
        """
        return self.level_sums(c, [rows], None if places is None else [places])[0]

    def level_sums(
        self, c: CiphertextArray, nodes: Sequence[Index], places: Sequence[Index] | None = None
    ) -> CiphertextArray:
        """As `sums`, for the rows of several nodes at once: [nodes, size] or [nodes, size, k]."""
        if c.ndim not in (1, 2) or (places is None and c.shape[0] != self.rows):
            raise ShapeError(
                f"ciphertexts of shape {c.shape} came for a table of {self.rows} rows; there must be one "
                f"or a row of columns for each"
            )
        chosen = self._check_nodes(nodes, places, len(c))
        most = max(1, min(len(c), self.rows))
        bound = check_bound(c.bound * most, c, f"a sum of {most} rows")
        rows = self._sum(c, chosen, 1)
        return c._replace(rows, (len(chosen), self.size, *c.shape[1:]), bound=bound)

    def packed_sums(
        self,
        c: CiphertextArray,
        nodes: Sequence[Index],
        places: Sequence[Index] | None = None,
        kept: Kept | None = None,
    ) -> CiphertextArray:
        """As `level_sums` of rows that share ciphertexts: in the middle slots, all other slots masked.

        Parameters
        ----------
        c : CiphertextArray [groups], with slots
            A row in each slot, as `RowSlots.join` puts them there; row i in slot ``i % count`` of ciphertext
            ``i // count``.
        nodes, places : as of `level_sums`
            Places count rows, not ciphertexts.
        kept : Kept, optional
            The only number of rows whose sums may be seen; all of them by default.

        Returns
        -------
        CiphertextArray [nodes, size], with the slots of ``c.slots.product``
            ``slots.middle`` of them is the sum; what the others held, sums of other rows, nobody can tell.

        Raises
        ------
        BoundError
            If the sum of all rows could pass what a slot holds under a mask, or the slots of the result
            do not fit the key.
        SlotMismatchError
            If `c` has no slots.
        ShapeError
            If shapes do not fit, or rows come twice or are none.
        """
        if c.slots is None:
            raise SlotMismatchError(
                "the ciphertexts have no slots with rows; encrypt RowSlots.join(rows)"
            )
        count = c.slots.count
        check_layout(c.slots.product, c.public_key)
        if c.ndim != 1 or (places is None and len(c) != c.slots.groups(self.rows)):
            raise ShapeError(
                f"ciphertexts of shape {c.shape} with {count} rows each came for a table of {self.rows} rows; "
                f"there must be {c.slots.groups(self.rows)}"
            )
        chosen = self._check_nodes(nodes, places, len(c) * count)
        most = max(1, min(len(c) * count, self.rows))
        bound = check_bound(c.bound * most, c, f"a sum of {most} rows")
        rows = self._sum(c, chosen, count)
        return masked_middle(c, rows, (len(chosen), self.size), bound, kept)

    def additions(self, rows: Index, positions: int = 1) -> int:
        """How many ciphertexts `sums` adds for such rows and one column, without adding any.

        With several rows in a ciphertext, so many `positions`, those of `packed_sums` before the sums of
        positions are put together.
        """
        batches = list(self._batches(self._check_nodes([rows], None, self.rows), positions))
        bins = np.concatenate([stages.bins for stages in batches])
        each = sides_additions(self.splits, bins, 1)
        return sum(stages.additions for stages in batches) + each * positions

    def _skipped_bin(self, column: int) -> int:
        """The bin that costs most to sum: its rows, and for that of missing rows half of the cuts."""
        count = int(self._counts[column])
        weights = np.bincount(self._codes[:, column], minlength=count + 1)
        if self._missing[column]:
            weights[count] += count
        return int(weights.argmax())

    def _columns(self) -> list[Column]:
        """The columns that have candidates, and the bins that are summed of each."""
        columns = []
        for number in np.unique(self.column):
            count, skipped = (
                int(self._counts[number] + self._missing[number]),
                self._skipped[number],
            )
            bins = np.delete(np.arange(count), skipped)
            cells = np.append(np.arange(skipped), [count - 1, *np.arange(skipped, count - 1)])
            narrow = cells.astype(np.min_scalar_type(count))
            columns.append(Column(narrow[self._codes[:, number]], self.splits.first[number] + bins))
        return columns

    def _check_nodes(
        self, nodes: Sequence[Index], places: Sequence[Index] | None, count: int
    ) -> list[tuple[Index, Index]]:
        """Rows of each node and their ciphertexts, of which there are `count`."""
        chosen = [_check_numbers(rows, self.rows, "row") for rows in nodes]
        if places is None:
            return [(rows, rows) for rows in chosen]
        found = [_check_numbers(each, count, "place") for each in places]
        if [len(rows) for rows in chosen] != [len(each) for each in found]:
            raise ShapeError(
                f"places of {[len(each) for each in found]} ciphertexts came for nodes of "
                f"{[len(rows) for rows in chosen]} rows; there must be one for each row"
            )
        return list(zip(chosen, found, strict=True))

    def _sum(
        self, c: CiphertextArray, nodes: Sequence[tuple[Index, Index]], positions: int
    ) -> Rows:
        """The sums of nodes and candidates, for each column of `c` or for each position of a row."""
        width = int(np.prod(c.shape[1:], dtype=np.int64))
        bins, parts = [], []
        for stages in self._batches(nodes, positions):
            bins.append(stages.bins)
            parts += stages.run(c._engine, c._rows, width)
        numbers, width = np.concatenate(bins), width * positions
        return side_sums(c._engine, c._rows, self.splits, parts, numbers, len(nodes), width)

    def _batches(self, nodes: Sequence[tuple[Index, Index]], positions: int) -> Iterator[Stages]:
        """Stages of all bins; those of node i are numbered from i times the bins of a node on."""
        stages = Stages(positions)
        for part in self.groups(positions):
            for node, (rows, sources) in enumerate(nodes):
                if stages.count * positions > BATCH or stages.read > READ:
                    yield stages
                    stages = Stages(positions)
                plan(part, rows, sources, stages, node * self.splits.bins)
        yield stages


def _check_codes(codes: Codes, counts: Index, missing: Flags) -> None:
    if codes.ndim != 2 or codes.dtype != np.int16:
        raise ShapeError(
            f"codes have shape {codes.shape} and dtype {codes.dtype}; they must be int16 [n, d]"
        )
    if counts.shape != codes.shape[1:] or missing.shape != codes.shape[1:]:
        raise ShapeError(
            f"counts of shape {counts.shape} and missing of shape {missing.shape} came for {codes.shape[1]} "
            f"columns; there must be one for each"
        )
    if counts.size and counts.min() < 0:
        raise ShapeError(f"column {counts.argmin()} has a negative number of bins")
    for column in range(codes.shape[1]):
        ends = codes[:, column].min(initial=0), codes[:, column].max(initial=-1)
        if ends[0] < 0 or ends[1] >= counts[column] + missing[column]:
            raise ShapeError(
                f"column {column} has a code that is none of its bins; take codes, counts and missing from "
                f"one binning"
            )


def _check_numbers(numbers: Index, count: int, name: str) -> Index:
    chosen = np.asarray(numbers)
    if chosen.ndim != 1 or (chosen.dtype.kind not in "iu" and chosen.size):
        raise ShapeError(
            f"{name} numbers have shape {chosen.shape} and dtype {chosen.dtype}; they must be integers [m]"
        )
    chosen = chosen.astype(np.int64, copy=False)
    if chosen.size and not 0 <= int(chosen.min()) <= int(chosen.max()) < count:
        raise ShapeError(
            f"{name} numbers run from {chosen.min()} to {chosen.max()}; they must be in [0, {count})"
        )
    seen = np.zeros(count, dtype=np.bool_)
    seen[chosen] = True
    if np.count_nonzero(seen) != chosen.size:
        raise ShapeError(f"some of {chosen.size} {name} numbers come twice; each may come once")
    return chosen
