# SPDX-License-Identifier: Apache-2.0
"""What a worker does: it holds rows by number, and computes on them with an engine of its own."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.engines import PrivateEngine, PublicEngine
from pyfate_gpu.backends.matrices import Index
from pyfate_gpu.backends.numbers import PrivateNumbers, PublicNumbers
from pyfate_gpu.backends.sharded.plan import widened
from pyfate_gpu.backends.words import SignedWords, UnsignedWords
from pyfate_gpu.data.data_sets import TablePart, parts_of
from pyfate_gpu.data.fixed_point import FixedPointMatrix
from pyfate_gpu.data.shard import Found, TableShard
from pyfate_gpu.data.sources import DataSource
from pyfate_gpu.errors import KeyMismatchError

MakePrivate = Callable[[PrivateNumbers, Any], PrivateEngine]

METHODS = frozenset(
    [
        "encrypt",
        "blind",
        "add",
        "add_plain",
        "negate",
        "scale",
        "place",
        "matmul_placed",
        "segment_sum",
        "take",
    ]
)
"""Methods of an engine whose result stays at the worker."""

TAKE_RESULTS = frozenset(["receive", "gather", "add_given"])
"""Methods of a holder whose operands are results of others: they do not run where one of those failed."""

TABLE_METHODS = frozenset(["digest", "extremes", "moments", "prepared", "with_ones", "times"])
"""Of tables and features."""


@dataclass(frozen=True)
class Held:
    """An operand that is at the worker already; of rows some, if there is an index."""

    number: int
    index: Index | None = None


class Holder:
    """Rows and placed matrices of one worker, each under a number of the driver's.

    Parameters
    ----------
    make : callable
        Gives an engine for a public key.
    private : callable
        Gives an engine for a private key, on rows of the former.
    """

    def __init__(self, make: Callable[[PublicNumbers], PublicEngine], private: MakePrivate) -> None:
        self._make = make
        self._make_private = private
        self._engines: dict[int, PublicEngine] = {}
        self._private: dict[int, PrivateEngine] = {}
        self._numbers: dict[int, PublicNumbers] = {}
        self._held: dict[int, Any] = {}

    def prepare(self, key: int, numbers: PublicNumbers) -> str:
        """Make the engine of a key. Returns the name of its form of rows."""
        engine = self._engines[key] = self._make(numbers)
        self._numbers[key] = numbers
        return engine.engine_id

    def run(self, key: int, number: int, method: str, *operands: Any) -> None:
        """Compute, and hold the result under `number`."""
        assert method in METHODS
        with self._result(number) as hold:
            found = [self._operand(each) for each in operands]
            hold(getattr(self._engines[key], method)(*found))

    def run_and_give(
        self, key: int, canonical: bool, method: str, *operands: Any
    ) -> npt.NDArray[Any]:
        """Compute, and give the result away."""
        assert method in METHODS
        engine = self._engines[key]
        return _given(engine, getattr(engine, method)(*map(self._operand, operands)), canonical)

    def add_given(
        self,
        key: int,
        number: int | None,
        canonical: bool,
        own: Held,
        *given: npt.NDArray[Any] | Held,
    ) -> npt.NDArray[Any] | None:
        """Add up rows that others gave, or that are here; hold the sum, or give it away where there is no number."""
        engine, total = self._engines[key], self._find(own.number)

        def add_up() -> Any:
            return reduce(
                engine.add, (self._rows_of(engine, each, canonical) for each in given), total
            )

        if number is None:
            return _given(engine, add_up(), canonical)
        with self._result(number) as hold:
            hold(add_up())
        return None

    def give(
        self, key: int, number: int, some: Index | slice | None = None, canonical: bool = False
    ) -> npt.NDArray[Any]:
        """Rows, or some of them, in the form of the engine, or as canonical words."""
        engine = self._engines[key]
        return _given(engine, _some(engine, self._find(number), some), canonical)

    def receive(
        self, key: int, number: int, canonical: bool, *pieces: npt.NDArray[Any] | Held
    ) -> None:
        """Hold pieces that others gave, or that are here already, as one."""
        engine = self._engines[key]
        with self._result(number) as hold:
            found = [self._rows_of(engine, piece, canonical) for piece in pieces]
            hold(found[0] if len(found) == 1 else engine.concatenate(found))

    def open_key(self, key: int, opener: str, path: str) -> None:
        """Read the private key from a file of this worker's machine.

        Parameters
        ----------
        key : int
        opener : str
            ``module:function`` that gives the private numbers in a file: this floor reads no key files.
        path : str

        Raises
        ------
        KeyMismatchError
            If the file has another key.
        """
        module, _, function = opener.partition(":")
        numbers: PrivateNumbers = getattr(importlib.import_module(module), function)(path)
        if numbers.public.n != self._numbers[key].n:
            raise KeyMismatchError(
                f"{path} at a worker holds the private half of another key; put the key file of this job there"
            )
        self.adopt_key(key, numbers)

    def adopt_key(self, key: int, numbers: PrivateNumbers) -> None:
        """Decrypt with this private key from now on."""
        self._private[key] = self._make_private(numbers, self._engines[key])

    def decrypt(self, key: int, number: int, some: slice | None = None) -> UnsignedWords:
        """Residues mod n of rows, or of some of them."""
        rows = _some(self._engines[key], self._find(number), some)
        return self._private[key].decrypt(rows)

    def encrypt_as_owner(self, key: int, number: int, plain: SignedWords) -> None:
        """Hold encryptions by the private key."""
        with self._result(number) as hold:
            hold(self._private[key].encrypt(plain))

    def look(self, source: DataSource) -> list[TablePart]:
        """The parts of a data set that this worker's machine has."""
        return parts_of(source)

    def read(self, number: int, source: DataSource, parts: Sequence[TablePart]) -> Found | None:
        """Read parts of a data set and hold their features; return the rest."""
        with self._result(number) as hold:
            shard, found = TableShard.read(source, parts, source.columns)
            hold(shard)
        return found

    def ask(self, held: Held, method: str, *operands: Any) -> Any:
        """What a table, or features, say when asked by a method of theirs."""
        assert method in TABLE_METHODS
        return getattr(self._find(held.number), method)(*operands)

    def derive(self, number: int, held: Held, method: str, *operands: Any) -> None:
        """Hold what they make."""
        with self._result(number) as hold:
            hold(self.ask(held, method, *operands))

    def integers(self, held: Held) -> npt.NDArray[np.int64]:
        """Rows of features, for another worker."""
        integers = self._find(held.number).integers
        return np.asarray(integers if held.index is None else integers[held.index])

    def gather(
        self, number: int, columns: int, order: Index | None, *pieces: npt.NDArray[Any] | Held
    ) -> None:
        """Hold rows of features that others gave, or that are here already, in an order."""
        with self._result(number) as hold:
            found = [
                each if isinstance(each, np.ndarray) else self.integers(each) for each in pieces
            ]
            found = found or [np.empty((0, columns), dtype=np.int64)]
            joined = found[0] if len(found) == 1 else np.concatenate(found)
            hold(FixedPointMatrix(joined if order is None else joined[order]))

    def place_held(self, key: int, number: int, held: Held) -> None:
        """Hold features as a matrix of the engine, too."""
        with self._result(number) as hold:
            integers = self._find(held.number).integers
            words = np.ascontiguousarray(integers)[..., np.newaxis]
            hold(self._engines[key].place(words))

    def process(self, key: int) -> int:
        """Number of the process that the worker is."""
        return os.getpid()

    def holds(self, key: int) -> tuple[int, int]:
        """How many results and how many keys the worker has."""
        return len(self._held), len(self._engines)

    def drop(self, numbers: Sequence[int]) -> None:
        """Hold these no longer."""
        for number in numbers:
            self._held.pop(number, None)

    def after_drop(self, numbers: Sequence[int], method: str, *operands: Any) -> Any:
        """Do it once these are held no longer."""
        self.drop(numbers)
        return getattr(self, method)(*operands)

    def forget(self, key: int) -> None:
        """Forget the engines of a key that the driver has no more."""
        for engines in (self._engines, self._private, self._numbers):
            engines.pop(key, None)

    def _operand(self, operand: Any) -> Any:
        """What is held, numbers of rows as engines take them, and everything else as it is."""
        if isinstance(operand, Held):
            return self._find(operand.number)
        if isinstance(operand, np.ndarray) and operand.ndim == 1:
            return widened(operand)
        return operand

    def _rows_of(
        self, engine: PublicEngine, piece: npt.NDArray[Any] | Held, canonical: bool
    ) -> Any:
        """Rows of the engine: what another gave, or what is here already."""
        if not isinstance(piece, Held):
            return engine.import_words(piece) if canonical else piece
        return _some(engine, self._find(piece.number), piece.index)

    def _find(self, number: int) -> Any:
        """What is held, or again the error because of which it is not there."""
        found = self._held[number]
        if isinstance(found, Exception):
            raise found
        return found

    @contextmanager
    def _result(self, number: int) -> Iterator[Callable[[Any], None]]:
        try:
            yield lambda result: self._held.__setitem__(number, result)
        except Exception as error:
            self._held[number] = error
            raise


def _some(engine: PublicEngine, rows: Any, some: Index | slice | None) -> Any:
    if some is None:
        return rows
    if isinstance(some, slice):
        return engine.take(rows, np.arange(some.start, some.stop))
    return engine.take(rows, widened(some))


def _given(engine: PublicEngine, rows: Any, canonical: bool) -> npt.NDArray[Any]:
    """Rows in the form in which they travel: the engine's own, or canonical words."""
    return engine.export_words(rows) if canonical else np.asarray(rows)
