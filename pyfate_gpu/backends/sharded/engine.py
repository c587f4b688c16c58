# SPDX-License-Identifier: Apache-2.0
"""An engine whose rows lie in shards at workers, which compute on them where they are.

Arrays as long as each other are cut alike, so that operations row by row move nothing. Products and sums over
rows add up one result of each worker. Only rows chosen by arbitrary numbers, and operands cut otherwise, move.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pyfate_gpu.backends.horner import by_steps
from pyfate_gpu.backends.matrices import CsrMatrix, Index
from pyfate_gpu.backends.numbers import PrivateNumbers, PublicNumbers
from pyfate_gpu.backends.sharded.driver import Driver
from pyfate_gpu.backends.sharded.holder import Held
from pyfate_gpu.backends.sharded.plan import block, owners
from pyfate_gpu.backends.sharded.shards import Shards
from pyfate_gpu.backends.sharded.workers import Workers
from pyfate_gpu.backends.words import SignedWords, UnsignedWords

Operand = Callable[[int, slice], list[Any]]
"""What a worker needs of an operand for a slice of the result: rows or words, and an index into them."""


class ShardedPublicEngine(Driver):
    """Operations under a public key at several workers.

    Parameters
    ----------
    numbers : PublicNumbers
    workers : Workers
    backend : str
        Name of the backend that it belongs to.
    threads : int
        Of each worker.
    key_file : str, optional
        Where every worker finds the private key.
    """

    isa: str | None = None
    single_isa: str | None = None
    hardened = False

    def __init__(
        self,
        numbers: PublicNumbers,
        workers: Workers,
        backend: str,
        threads: int = 1,
        key_file: str | None = None,
    ) -> None:
        self.backend = self.device = backend
        self.engine_id = workers.name + (f" with {key_file}" if key_file else "")
        self.threads = threads
        self.key_file = key_file
        super().__init__(numbers, workers)

    def import_words(self, canonical: UnsignedWords) -> Shards:
        """Into the form of the workers' engines."""

        def take_in(worker: int, piece: slice) -> Any:
            return "receive", True, canonical[piece]

        return self._make(self._spread(len(canonical)), take_in)

    def export_words(self, rows: Shards) -> UnsignedWords:
        """To the driver, a few rows at a time."""
        out = np.empty((len(rows), 2 * self.words), dtype=np.uint64)
        for place, words in self.brought(rows, "give", True):
            out[place] = words
        return out

    def encrypt(self, plain: SignedWords) -> Shards:
        """Fresh encryptions, by the randomness of each worker's system."""
        return self._make(
            self._spread(len(plain)), lambda worker, piece: ("run", "encrypt", plain[piece])
        )

    def blind(self, rows: Shards) -> Shards:
        """The same plaintexts under fresh randomness."""
        return self._make(
            self._shares(rows),
            lambda worker, piece: ("run", "blind", self._whole(rows, worker, piece)),
        )

    def add(
        self, a: Shards, b: Shards, a_index: Index | None = None, b_index: Index | None = None
    ) -> Shards:
        """Encryptions of the sums."""
        shares = self._shares(a, a_index)
        return self._rowwise("add", shares, self._rows(a, a_index), self._rows(b, b_index))

    def add_plain(
        self,
        a: Shards,
        plain: SignedWords,
        a_index: Index | None = None,
        plain_index: Index | None = None,
    ) -> Shards:
        """Encryptions of ciphertext + integer; not blinded."""
        shares = self._shares(a, a_index)
        return self._rowwise(
            "add_plain", shares, self._rows(a, a_index), _words(plain, plain_index)
        )

    def negate(self, a: Shards) -> Shards:
        """Encryptions of the negatives."""
        return self._make(
            self._shares(a), lambda worker, piece: ("run", "negate", self._whole(a, worker, piece))
        )

    def scale(
        self,
        a: Shards,
        scalars: SignedWords,
        a_index: Index | None = None,
        scalar_index: Index | None = None,
    ) -> Shards:
        """Encryptions of ciphertext * integer; variable time in the integers."""
        shares = self._shares(a, a_index)
        return self._rowwise("scale", shares, self._rows(a, a_index), _words(scalars, scalar_index))

    def horner(self, a: Shards, numbers: Index, bits: int) -> Shards:
        """Row i encrypts ``sum over s of m[numbers[i, s]] * 2**(bits * s)``, m what `a` encrypts."""
        result: Shards = by_steps(self, a, numbers, bits)
        return result

    def matmul(self, matrix: SignedWords | CsrMatrix, c: Shards, columns: int) -> Shards:
        """``matrix @ c``: the blocks of the matrix go to the workers first."""
        return self.matmul_placed(self.place(matrix), False, c, columns)

    def place(self, matrix: SignedWords | CsrMatrix) -> PlacedBlocks:
        """Blocks of the matrix along its longer side, one at each worker."""
        rows, terms = matrix.shape[:2]
        tall = rows >= terms
        shares = self._spread(max(rows, terms))

        def put(worker: int, piece: slice) -> Any:
            chosen = (piece, slice(0, terms)) if tall else (slice(0, rows), piece)
            return "run", "place", block(matrix, *chosen)

        return PlacedBlocks((rows, terms), tall, shares, self._make(shares, put))

    def place_held(self, parts: Shards, columns: int) -> PlacedBlocks:
        """Rows of features that the workers hold already, cut as ciphertexts are, as a matrix."""
        placed, asked = [], []
        for part in parts.parts:
            placed.append(self._new(part.worker, part.rows))
            asked.append(
                self._call(part.worker, "place_held", placed[-1].number, Held(part.number))
            )
        self._wait(asked)
        shares = self._spread(len(parts))
        return PlacedBlocks((len(parts), columns), True, shares, Shards(placed))

    def matmul_placed(
        self, placed: PlacedBlocks, transposed: bool, c: Shards, columns: int
    ) -> Shards:
        """Outputs where the rows of a block are, or sums over the blocks' terms."""
        at = {part.worker: part.number for part in placed.blocks.parts}
        by_outputs = placed.tall != transposed

        def multiply(worker: int, piece: slice) -> Any:
            terms = slice(0, len(c)) if by_outputs else _times(piece, columns)
            operand = self._whole(c, worker, terms)
            return "run", "matmul_placed", Held(at[worker]), transposed, operand, columns

        if by_outputs:
            return self._make(placed.shares * columns, multiply, placed.shares)
        return self._total(placed.shares, placed.shape[transposed] * columns, multiply)

    def segment_sum(self, a: Shards, index: Index, offsets: Index) -> Shards:
        """Sums where the elements are, added up; or where each segment is to be, if less has to move."""
        index, offsets = index[offsets[0] : offsets[-1]], offsets - offsets[0]
        segments = len(offsets) - 1
        if self.workers.count == len(a.parts) == 1:
            part = a.parts[0]
            order = ("run", "segment_sum", part, index, offsets)
            return self._add_up(segments, [part.worker], lambda place: order)
        owner = owners(index, a.starts)
        if self._most_move(a, owner, offsets):
            return self._sum_here(a, index, offsets, owner)
        return self._sum_there(a, index, offsets, self._spread(segments))

    def _most_move(self, a: Shards, owner: Index, offsets: Index) -> bool:
        """Whether more elements than results of parts would come to the worker that a segment is to be at."""
        segments = len(offsets) - 1
        worth = segments * (len(a.parts) - 1)
        if len(owner) <= worth:
            return False
        here = np.array([part.worker for part in a.parts])[owner]
        there = owners(np.arange(segments), self._spread(segments))
        return int(np.count_nonzero(here != np.repeat(there, np.diff(offsets)))) > worth

    def _sum_there(self, a: Shards, index: Index, offsets: Index, shares: Index) -> Shards:
        def add_up(worker: int, piece: slice) -> Any:
            bounds = offsets[piece.start : piece.stop + 1]
            some = index[bounds[0] : bounds[-1]]
            part, chosen = self._bring(a, worker, some)
            places = np.arange(part.rows) if chosen is None else chosen
            return "run", "segment_sum", part, places, bounds - bounds[0]

        return self._make(shares, add_up)

    def _sum_here(self, a: Shards, index: Index, offsets: Index, owner: Index) -> Shards:
        some = np.flatnonzero(np.bincount(owner, minlength=len(a.parts)))

        def add_up(place: int) -> Any:
            number = some[place]
            mine = np.flatnonzero(owner == number)
            bounds = np.searchsorted(mine, offsets)
            return "run", "segment_sum", a.parts[number], index[mine] - a.starts[number], bounds

        return self._add_up(len(offsets) - 1, [a.parts[number].worker for number in some], add_up)

    def concatenate(self, parts: Sequence[Shards]) -> Shards:
        """One after the other, cut as other arrays of that length are."""
        whole = Shards(
            [part for each in parts for part in each.parts if part.rows] or [self._none()]
        )
        return self.take(whole, np.arange(len(whole), dtype=np.int64))

    def decrypt_there(self, rows: Shards) -> UnsignedWords:
        """Residues mod n, by workers that have the private key; see `open_key`."""
        out = np.empty((len(rows), self.words), dtype=np.uint64)
        for place, residues in self.brought(rows, "decrypt"):
            out[place] = residues
        return out

    def encrypt_as_owner(self, plain: SignedWords) -> Shards:
        """As `encrypt`, by workers that have the private key."""
        return self._make(
            self._spread(len(plain)), lambda worker, piece: ("encrypt_as_owner", plain[piece])
        )

    def open_key(self, opener: str, path: str) -> None:
        """Have every worker read the private key from a file; the key itself goes nowhere."""
        self._all("open_key", opener, path)

    def adopt_key(self, numbers: PrivateNumbers) -> None:
        """Give workers of this process the private key, which goes to no other."""
        self._all("adopt_key", numbers)

    def count(self, rows: Shards) -> int:
        """How many ciphertexts."""
        return len(rows)

    def nbytes(self, rows: Shards) -> int:
        """Bytes of memory the rows hold at the workers, as packed words."""
        return len(rows) * 16 * self.words

    def _rows(self, rows: Shards, index: Index | None = None) -> Operand:
        def at(worker: int, piece: slice) -> list[Any]:
            wanted = np.arange(piece.start, piece.stop) if index is None else index[piece]
            part, chosen = self._bring(rows, worker, wanted)
            return [part, chosen]

        return at

    def _rowwise(self, method: str, shares: Index, *operands: Operand) -> Shards:
        """A method of the workers' engines for each share, where operands come with their indices."""

        def compute(worker: int, piece: slice) -> Any:
            found = [operand(worker, piece) for operand in operands]
            return "run", method, *(values for values, _ in found), *(index for _, index in found)

        return self._make(shares, compute)


class PlacedBlocks:
    """A matrix in blocks at the workers: of rows if it is `tall`, of columns otherwise."""

    def __init__(self, shape: tuple[int, int], tall: bool, shares: Index, blocks: Shards) -> None:
        self.shape = shape
        self.tall = tall
        self.shares = shares
        self.blocks = blocks


def _words(words: SignedWords, index: Index | None = None) -> Operand:
    """Plain integers of a slice of the result; one alone is everybody's."""
    flat = words.reshape(-1, words.shape[-1])

    def at(worker: int, piece: slice) -> list[Any]:
        if index is None and len(flat) == 1:
            return [flat, np.zeros(piece.stop - piece.start, dtype=np.int64)]
        if index is None:
            return [flat[piece], None]
        chosen = index[piece]
        return [flat, chosen] if len(flat) < len(chosen) else [flat[chosen], None]

    return at


def _times(piece: slice, columns: int) -> slice:
    return slice(piece.start * columns, piece.stop * columns)
