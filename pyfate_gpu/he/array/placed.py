# SPDX-License-Identifier: Apache-2.0
"""Plain matrices that an engine holds, for products with many encrypted arrays."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.backends.engines import PublicEngine
from pyfate_gpu.backends.matrices import CsrMatrix
from pyfate_gpu.backends.words import SignedWords
from pyfate_gpu.data.elsewhere import FeaturesElsewhere
from pyfate_gpu.encoding import Encoder, FixedPointEncoder, PlaintextArray, PlaintextCsr
from pyfate_gpu.encoding.integer import IntegerEncoder
from pyfate_gpu.encoding.numbers import as_numbers, is_integral
from pyfate_gpu.encoding.sparse import is_sparse
from pyfate_gpu.errors import DeviceMismatchError, ShapeError, UnsupportedOperationError
from pyfate_gpu.he.array.bounds import check_bound
from pyfate_gpu.he.array.operands import common_kind, is_ciphertext

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray


class PlacedMatrix:
    """A plain matrix, checked and encoded once; ``placed @ c`` and ``placed.T @ c`` take it as it is.

    Made by `PublicKey.place`. It belongs to one engine. Bounds of products are those of the plain matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import generate_keypair
    >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
    >>> placed = public.place(np.array([[1, 2], [3, 4], [5, 6]]))
    >>> private.decrypt(placed @ public.encrypt([1, 10]))
    array([21, 43, 65])
    >>> private.decrypt(placed.T @ public.encrypt([1, 10, 100]))
    array([531, 642])
    """

    __array_ufunc__ = None

    def __init__(
        self, data: PlaintextArray, shape: tuple[int, int], held: Any, engine: PublicEngine
    ) -> None:
        """Wrap what an engine holds; not for users."""
        self._data = data
        self._shape = shape
        self._held = held
        self._engine = weakref.ref(engine)
        self._name = engine.engine_id
        self._transposed = False

    @classmethod
    def of(cls, matrix: Any, encoder: Encoder | None, engine: PublicEngine) -> PlacedMatrix:
        """Have `engine` hold a matrix; see `PublicKey.place`."""
        if is_ciphertext(matrix):
            raise UnsupportedOperationError("a placed matrix is plain; this one is encrypted")

        if isinstance(matrix, FeaturesElsewhere):
            like = IntegerEncoder().encode(np.empty(0, dtype=np.int64))
            held = matrix.at_workers(engine)
            return cls(like, (matrix.rows, matrix.columns), held, engine)

        def encode(values: Any) -> PlaintextArray:
            array = as_numbers(values)
            chosen = encoder or (IntegerEncoder() if is_integral(array) else FixedPointEncoder())
            return chosen.encode(array)

        if is_sparse(matrix):
            csr = PlaintextCsr.from_matrix(matrix, encode).with_short_rows()
            words: SignedWords | CsrMatrix = CsrMatrix(
                csr.shape, csr.indptr, csr.indices, csr.data.rows()
            )
            return cls(csr.data, csr.shape, engine.place(words), engine)
        plain = matrix if isinstance(matrix, PlaintextArray) else encode(matrix)
        if len(plain.shape) != 2:
            raise ShapeError(
                f"a matrix of shape {plain.shape} cannot be placed; it must have two axes"
            )
        words = np.array(plain.words.reshape(*plain.shape, plain.words.shape[-1]), order="C")
        return cls(plain, (plain.shape[0], plain.shape[1]), engine.place(words), engine)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self._shape

    @property
    def T(self) -> PlacedMatrix:  # noqa: N802 - NumPy's name
        """The transposed matrix: another view of what the engine holds."""
        view = PlacedMatrix.__new__(PlacedMatrix)
        vars(view).update(vars(self))
        view._shape, view._transposed = self._shape[::-1], not self._transposed
        return view

    def __matmul__(self, c: CiphertextArray) -> CiphertextArray:
        """The product with an encrypted vector, or with the columns of an encrypted matrix.

        Raises
        ------
        DeviceMismatchError
            When `c` is of another engine, or the engine of this matrix is gone.
        ShapeError
            When the shapes do not fit.
        BoundError
            When the result could pass what the key, or a slot, holds.
        """
        if not is_ciphertext(c):
            raise UnsupportedOperationError(
                f"a placed matrix multiplies encrypted arrays, not {type(c).__name__}: multiply by the matrix "
                "itself"
            )
        self._check_engine(c)
        if not 1 <= c.ndim <= 2 or c.shape[0] != self._shape[1]:
            raise ShapeError(f"matmul of shapes {self._shape} and {c.shape}: inner lengths differ")
        terms = max(1, self._shape[1])  # not fewer: bounds tell nothing of which entries are zero
        bound = check_bound(c.bound * self._data.bound * terms, c, f"a product over {terms}")
        columns = 1 if c.ndim == 1 else c.shape[1]
        if columns:
            rows = c._engine.matmul_placed(self._held, self._transposed, c._rows, columns)
        else:
            rows = c._engine.take(c._rows, np.empty(0, dtype=np.int64))
        kind, encoder = common_kind([c, self._data])
        return c._replace(
            rows, self._shape[:1] + c.shape[1:], exponent=c.exponent + self._data.exponent,
            bound=bound, kind=kind, encoder=encoder,
        )  # fmt: skip

    def _check_engine(self, c: CiphertextArray) -> None:
        engine = self._engine()
        if engine is None:
            raise DeviceMismatchError(
                f"the engine {self._name} that held this matrix is gone: place the matrix again"
            )
        if engine is not c._engine:
            raise DeviceMismatchError(
                f"the matrix was placed on engine {self._name} of one key, the array lies on "
                f"{c._engine.engine_id} of another or elsewhere: place it there, public_key.place(matrix)"
            )

    def __repr__(self) -> str:
        """Shape, exponent and bound; no values."""
        return (
            f"PlacedMatrix(shape={self._shape}, exponent={self._data.exponent}, "
            f"bound_bits={self._data.bound.bit_length()}, engine={self._name!r})"
        )
