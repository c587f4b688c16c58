# SPDX-License-Identifier: Apache-2.0
"""Vectors of encoded and of encrypted numbers, as FATE passes them around."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import integers_to_words
from pyfate_gpu.encoding import IntegerEncoder, PlaintextArray, from_description
from pyfate_gpu.errors import ShapeError
from pyfate_gpu.he import CiphertextArray, concatenate
from pyfate_gpu.he.array.freshness import DERIVED, use_up
from pyfate_gpu.integrations.fate2.packing import Packing, common_packing, read_packing
from pyfate_gpu.integrations.fate2.tables import stays_in_party

if TYPE_CHECKING:
    from pyfate_gpu.he import PublicKey


class PlaintextVector:
    """Integers with one exponent.

    Parameters
    ----------
    plain : PlaintextArray of one axis
    packing : Packing, optional
        Several numbers to an integer.
    """

    def __init__(self, plain: PlaintextArray, packing: Packing | None = None) -> None:
        self.plain = plain
        self.packing = packing

    @classmethod
    def of_integers(
        cls,
        values: Sequence[int],
        exponent: int = 0,
        *,
        bound: int | None = None,
        packing: Packing | None = None,
    ) -> PlaintextVector:
        """Integers of any size; without a bound that of as many words as the largest takes."""
        array = np.empty(len(values), dtype=object)
        array[:] = values
        words = integers_to_words(array)
        if bound is None:
            bound = 1 << (64 * words.shape[-1])
        return cls(PlaintextArray(words, exponent, bound, "i", IntegerEncoder()), packing)

    @classmethod
    def centred(
        cls, residues: npt.NDArray[np.object_], n: int, vector: CiphertextVector
    ) -> PlaintextVector:
        """Residues mod n that a vector decrypts to; the upper half are negative numbers."""
        half, array = n // 2, vector.array
        assert array is not None
        integers = [int(r) - n if r > half else int(r) for r in residues]
        return cls.of_integers(integers, array.exponent, bound=array.bound, packing=vector.packing)

    @classmethod
    def zeros(cls, size: int) -> PlaintextVector:
        """Zeros."""
        return cls.of_integers([0] * size)

    def integers(self) -> list[int]:
        """The integers; they stand for ``m * 2**exponent``."""
        return list(self.plain.to_integers().ravel())

    def get_stride(self, index: int, stride: int) -> PlaintextVector:
        """The part of length `stride` that begins at ``index * stride``."""
        return self.part(index * stride, (index + 1) * stride)

    def part(self, start: int, stop: int) -> PlaintextVector:
        """The integers from `start` up to `stop`."""
        plain = self.plain
        words = plain.words[start:stop]
        part = PlaintextArray(words, plain.exponent, plain.bound, plain.kind, plain.encoder)
        return PlaintextVector(part, self.packing)

    def tolist(self) -> list[PlaintextVector]:
        """Vectors of length 1."""
        return [self.get_stride(index, 1) for index in range(len(self))]

    def __len__(self) -> int:
        return self.plain.size


class CiphertextVector:
    """Ciphertexts of one key that FATE changes in place, or zeros of no key yet.

    Parameters
    ----------
    array : CiphertextArray of one axis, optional
    size : int, optional
        Instead of an array: so many zeros.
    packing : Packing, optional
        Several numbers to an integer.
    """

    def __init__(
        self,
        array: CiphertextArray | None = None,
        size: int = 0,
        packing: Packing | None = None,
    ) -> None:
        self.size = size if array is None else array.size
        self.packing = packing
        self.array = array
        # Elements that nothing was added to yet: the bound of the others is not theirs to grow by.
        self.blank = np.full(self.size, array is None)

    @classmethod
    def zeros(cls, size: int) -> CiphertextVector:
        """Zeros, which take key and exponent of what is added to them."""
        return cls(size=size)

    def under(self, key: PublicKey) -> CiphertextArray:
        """The ciphertexts; zeros become unblinded encryptions, blinded like all when they leave."""
        if self.array is None:
            return key.from_ints([1] * self.size, bound=0)
        return self.array

    def assign(self, array: CiphertextArray, packing: Packing | None) -> None:
        """Become another vector of the same length."""
        self.packing = packing
        self.array = array
        self.blank = np.zeros(self.size, dtype=np.bool_)

    def slice(self, start: int, size: int) -> CiphertextVector:
        """``size`` elements from ``start`` on."""
        return self.slice_indexes(range(start, start + size))

    def slice_indexes(self, indexes: Sequence[int] | npt.NDArray[Any]) -> CiphertextVector:
        """Chosen elements."""
        index = np.asarray(indexes, dtype=np.int64).ravel()
        if self.array is None:
            return CiphertextVector(size=index.size)
        return CiphertextVector(self.array.take(index), packing=self.packing)

    def cat(self, others: Sequence[CiphertextVector]) -> CiphertextVector:
        """Itself and others, one after the other."""
        return cat([self, *others])

    def tolist(self) -> list[CiphertextVector]:
        """Vectors of length 1."""
        return [self.slice(index, 1) for index in range(self.size)]

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        return f"CiphertextVector(size={self.size}, array={self.array!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as wire bytes, blinded again unless they are fresh; into the party's tables as computed."""
        if self.array is None:
            return restore_vector, (None, None, b"", self.size, None)
        packing = None if self.packing is None else self.packing.describe()
        array, key = self.array, cast("PublicKey", self.array.public_key)
        if not stays_in_party():
            data = array.to_wire()
        elif use_up(array._batches):
            data = array.to_wire(reblind=False)
        else:
            words = array._engine.export_words(array._rows).tobytes()
            kept = (array.exponent, array.bound, array.kind, array.encoder.describe())
            return restore_unblinded, (key.n, key.h, words, kept, self.size, packing)
        return restore_vector, (key.n, key.h, data, self.size, packing)


def restore_vector(
    n: int | None, h: int | None, data: bytes, size: int, packing: Any
) -> CiphertextVector:
    """A vector of its bytes, each ciphertext checked."""
    from pyfate_gpu.integrations.fate2.keys import restore_pk

    if n is None:
        return CiphertextVector(size=size)
    return CiphertextVector(restore_pk(n, h).key.from_wire(data), packing=read_packing(packing))


def restore_unblinded(
    n: int, h: int, words: bytes, kept: tuple[Any, ...], size: int, packing: Any
) -> CiphertextVector:
    """A vector that this party computed, without a check: what others sent is searched for this name."""
    from pyfate_gpu.integrations.fate2.keys import restore_pk

    exponent, bound, kind, encoder = kept
    key = restore_pk(n, h).key
    engine = key.engine()
    canonical = np.frombuffer(words, dtype=np.uint64).reshape(size, 2 * key.numbers.words)
    rows = engine.import_words(canonical)
    array = CiphertextArray(
        rows, (size,), exponent=exponent, bound=bound, kind=kind, encoder=from_description(encoder),
        batches=DERIVED, public_key=key, engine=engine,
    )  # fmt: skip
    return CiphertextVector(array, packing=read_packing(packing))


def cat(vectors: Sequence[CiphertextVector]) -> CiphertextVector:
    """One vector after the other."""
    keys = [
        cast("PublicKey", vector.array.public_key) for vector in vectors if vector.array is not None
    ]
    if not keys:
        return CiphertextVector(size=sum(map(len, vectors)))
    joined = concatenate([vector.under(keys[0]) for vector in vectors])
    packing = functools.reduce(common_packing, [vector.packing for vector in vectors])
    return CiphertextVector(joined, packing=packing)


def check_range(start: int, size: int, length: int) -> None:
    """Raise unless a range lies within a vector."""
    if start < 0 or size < 0 or start + size > length:
        raise ShapeError(f"elements {start} to {start + size} were asked of a vector of {length}")
