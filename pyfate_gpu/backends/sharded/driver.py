# SPDX-License-Identifier: Apache-2.0
"""The driver's side of workers: who holds which rows, what they are told, and what moves between them."""

from __future__ import annotations

import logging
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count, zip_longest
from typing import Any

import numpy as np

from pyfate_gpu.backends.matrices import Index
from pyfate_gpu.backends.numbers import PublicNumbers
from pyfate_gpu.backends.sharded.holder import Held
from pyfate_gpu.backends.sharded.keeper import Keeper
from pyfate_gpu.backends.sharded.plan import children, cuts, even, narrowed, owners, parent
from pyfate_gpu.backends.sharded.shards import Part, Shards
from pyfate_gpu.backends.sharded.workers import Workers
from pyfate_gpu.backends.words import UnsignedWords

SMALL = 64
"""Fewer rows for each worker stay together at the first one."""

BROUGHT = 1 << 11
"""Rows that come to the driver at a time: a few times as many are under way."""

FEW = 1 / 16
"""Of an array: more rows than that which change their worker are worth a line in the log."""

logger = logging.getLogger(__name__)

_keys = count()


class Driver(Keeper):
    """Workers with an engine each for one public key.

    Parameters
    ----------
    numbers : PublicNumbers
    workers : Workers
    """

    def __init__(self, numbers: PublicNumbers, workers: Workers) -> None:
        super().__init__(workers)
        self.words = numbers.words
        self._key = next(_keys)
        while workers.gone:
            key = workers.gone.popleft()
            for worker in range(workers.count):
                workers.call(worker, "forget", key)
        # Not at once: it may go while a call is being made.
        weakref.finalize(self, workers.gone.append, self._key).atexit = False
        forms = workers.wait(
            [workers.call(w, "prepare", self._key, numbers) for w in range(workers.count)]
        )
        # Rows as another engine has them are no rows of this one: they travel as canonical words.
        self._canonical = len(set(forms)) > 1 or not forms[0].startswith("cpu:")

    def take(self, rows: Shards, index: Index) -> Shards:
        """The chosen rows; those of a worker's own share move nowhere."""
        shares = self._spread(len(index))
        self._tell_of_moves(rows, index, shares)
        parts = []
        pending = []
        for worker, piece in _pieces(shares):
            part, chosen = self._bring(rows, worker, index[piece])
            if chosen is not None:
                part, result = self._taken(part, chosen)
                pending.append(result)
            parts.append(part)
        self._wait(pending)
        return Shards(parts)

    def _tell_of_moves(self, rows: Shards, index: Index, shares: Index) -> None:
        """Log a choice of rows that shuffles: its cost is the network's, and batches can be drawn without it."""
        if not logger.isEnabledFor(logging.INFO) or len(index) < SMALL * self.workers.count:
            return
        at = np.array([part.worker for part in rows.parts])[owners(index, rows.starts)]
        moved = int((at != owners(np.arange(len(index)), shares)).sum())
        if moved > FEW * len(index):
            text = "%s: a choice of %d rows shuffles, %d of them move between workers (%.1f MiB)"
            mebibytes = moved * 16 * self.words / 2**20
            logger.info(text, self.workers.name, len(index), moved, mebibytes)

    def _spread(self, rows: int) -> Index:
        """Where the share of each worker begins in an array of so many rows."""
        return spread(rows, self.workers.count)

    def _shares(self, rows: Shards, index: Index | None = None) -> Index:
        """Where rows are, if they are where results in their order can be."""
        found = rows.shares(self.workers.count) if index is None else None
        return self._spread(len(rows) if index is None else len(index)) if found is None else found

    def _bring(self, rows: Shards, worker: int, wanted: Index) -> tuple[Part, Index | None]:
        """A part at the worker with the wanted rows, and where they are in it; None for all, in order."""
        owner = owners(wanted, rows.starts)
        sources = np.unique(owner) if len(wanted) else np.zeros(1, dtype=np.int64)
        if len(sources) == 1 and rows.parts[sources[0]].worker == worker:
            part = rows.parts[sources[0]]
            return part, unless_all(wanted - rows.starts[sources[0]], part.rows)
        chosen, inverse = np.unique(wanted, return_inverse=True)
        owner = owners(chosen, rows.starts)
        pieces: list[Any] = []
        for source in sources:
            part = rows.parts[source]
            places = unless_all(chosen[owner == source] - rows.starts[source], part.rows)
            if part.worker == worker:
                pieces.append(Held(part.number, places))
            else:
                give = ("give", part.number, places, self._canonical)
                pieces.append(self._call(part.worker, *give))
        new = self._new(worker, len(chosen))
        self._call(worker, "receive", new.number, self._canonical, *pieces)
        return new, unless_all(inverse, len(chosen))

    def _whole(self, rows: Shards, worker: int, piece: slice) -> Part:
        """Neighbouring rows at a worker, and nothing else in their part."""
        part, chosen = self._bring(rows, worker, np.arange(piece.start, piece.stop))
        return part if chosen is None else self._taken(part, chosen)[0]

    def _taken(self, part: Part, chosen: Index) -> tuple[Part, Any]:
        new = self._new(part.worker, len(chosen))
        return new, self._call(part.worker, "run", new.number, "take", Held(part.number), chosen)

    def _make(
        self, rows: Index, order: Callable[[int, slice], Any], shares: Index | None = None
    ) -> Shards:
        """A part of each worker that has a share, by what `order` has it do for its share.

        Of `shares`, if they are of something else than the rows of the result.
        """
        parts, pending = [], []
        for worker, piece in _pieces(rows if shares is None else shares):
            method, *operands = order(worker, piece)
            new = self._new(worker, int(rows[worker + 1] - rows[worker]))
            pending.append(self._call(worker, method, new.number, *map(_held, operands)))
            parts.append(new)
        self._wait(pending)
        return Shards(parts)

    def _total(self, shares: Index, rows: int, order: Callable[[int, slice], Any]) -> Shards:
        """The sum of what each worker that has a share gives."""
        pieces = _pieces(shares)
        at = [worker for worker, _ in pieces]
        return self._add_up(rows, at, lambda place: order(*pieces[place]))

    def _add_up(self, rows: int, at: Sequence[int], order: Callable[[int], Any]) -> Shards:
        """The sum of what workers compute by `order` for their places, in a tree.

        A place gives its sum to the one before it in the tree, in the call that makes it.
        """
        count = len(at)
        sums: list[Any] = []
        pending: list[Any] = []

        def keep(place: int, method: str, *operands: Any) -> Part:
            part = self._new(at[place], rows)
            pending.append(self._call(at[place], method, part.number, *operands))
            return part

        for place, worker in enumerate(at):
            _, method, *found = order(place)
            operands = [method, *map(_held, found)]
            if children(place, count) or at[parent(place)] == worker:
                sums.append(keep(place, "run", *operands))
            else:
                sums.append(self._call(worker, "run_and_give", self._canonical, *operands))
        for place in reversed(range(count)):
            if not (others := children(place, count)):
                continue
            given = [self._canonical, *(_held(sums[other]) for other in [place, *others])]
            if at[parent(place)] == at[place]:
                sums[place] = keep(place, "add_given", *given)
            else:
                sums[place] = self._call(at[place], "add_given", None, *given)
        self._wait(pending)
        return self.take(Shards(sums[:1]), np.arange(rows, dtype=np.int64))

    def brought(
        self, rows: Shards, method: str, *operands: Any
    ) -> Iterator[tuple[slice, UnsignedWords]]:
        """What workers give for rows, a few at a time, and where in the result it belongs.

        A worker is asked for the next while the driver has the last, and each is let go of when it is in its place.
        """
        asked: deque[tuple[slice, Any]] = deque()
        for part, start, piece in _in_turn(rows):
            place = slice(start + piece.start, start + piece.stop)
            some = None if place.stop - place.start == part.rows else piece
            asked.append((place, self._call(part.worker, method, part.number, some, *operands)))
            if len(asked) > self.workers.count:
                place, pending = asked.popleft()
                yield place, self._wait([pending])[0]
        while asked:
            place, pending = asked.popleft()
            yield place, self._wait([pending])[0]

    def _none(self) -> Part:
        part = self._new(0, 0)
        self._call(0, "receive", part.number, True, np.empty((0, 2 * self.words), dtype=np.uint64))
        return part

    def _all(self, method: str, *operands: Any) -> None:
        everybody = range(self.workers.count)
        self._wait([self._call(worker, method, *operands) for worker in everybody])

    def _call(self, worker: int, method: str, *operands: Any) -> Any:
        return self._tell(worker, method, self._key, *map(_narrow, operands))


def spread(rows: int, workers: int) -> Index:
    """Where the share of each worker begins: all at the first one of few rows."""
    if rows < SMALL * workers:
        return np.append(0, np.full(workers, rows, dtype=np.int64))
    return even(rows, workers)


def _in_turn(rows: Shards) -> Iterator[tuple[Part, int, slice]]:
    """A few rows of each part in turn: the part, where it starts, and which of its rows."""

    def few(part: Part, start: int) -> Iterator[tuple[Part, int, slice]]:
        return ((part, start, piece) for piece in cuts(part.rows, BROUGHT))

    all_of_them = map(few, rows.parts, map(int, rows.starts))
    return (each for turn in zip_longest(*all_of_them) for each in turn if each is not None)


def _pieces(shares: Index) -> list[tuple[int, slice]]:
    """Workers that have a share, and which; the first one if nobody has."""
    pieces = [
        (w, slice(int(a), int(b))) for w, (a, b) in enumerate(zip(shares, shares[1:], strict=False))
    ]
    return [each for each in pieces if each[1].start < each[1].stop] or pieces[:1]


def _held(operand: Any) -> Any:
    return Held(operand.number) if isinstance(operand, Part) else operand


def _narrow(operand: Any) -> Any:
    """The operand, numbers of rows in as few bytes as they take: each travels beside a ciphertext's work."""
    if isinstance(operand, Held) and operand.index is not None:
        return Held(operand.number, narrowed(operand.index))
    if isinstance(operand, np.ndarray) and operand.ndim == 1:
        return narrowed(operand)
    return operand


def unless_all(places: Index, rows: int) -> Index | None:
    """The places of rows, None if they are all of them in order."""
    if len(places) == rows and bool((places == np.arange(rows)).all()):
        return None
    return places
