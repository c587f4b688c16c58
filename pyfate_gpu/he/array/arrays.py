# SPDX-License-Identifier: Apache-2.0
"""Encrypted arrays with the manners of NumPy."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.matrices import Rows
from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.errors import UnsupportedOperationError
from pyfate_gpu.he.array import (
    arithmetic,
    conversion,
    export,
    linalg,
    masks,
    numpy_functions,
    reductions,
    selection,
    slot_products,
    slots,
)
from pyfate_gpu.he.array.device_rows import DeviceRows
from pyfate_gpu.he.array.freshness import DERIVED
from pyfate_gpu.he.array.reductions import Axis

if TYPE_CHECKING:
    from pyfate_gpu.he.scheme.public_key import SchemePublicKey


class CiphertextArray(DeviceRows):
    """An array of ciphertexts under one key, with one public exponent and one public bound.

    Made by `PublicKey.encrypt`, `PublicKey.from_wire` and `PublicKey.from_ints`. Every operation
    gives a new array. Plain operands may be numbers, NumPy arrays, or a `PlaintextArray` of any
    encoder: floats are encoded by the array's own encoder, integers stay integers.

    A result that could pass n/2 is refused (BoundError) before anything is computed. Slices copy.
    Shapes that do not fit raise ShapeError, indices ArrayIndexError, plain operands that cannot be
    encoded EncodingError, arrays of other keys KeyMismatchError, of other engines
    DeviceMismatchError, and what ciphertexts cannot do UnsupportedOperationError.

    **Slots.** ``encrypt(x, slots=layout)`` puts the numbers along the last axis of x into one
    ciphertext, and `decrypt` gives that axis back; the array itself has no axis for it. So what is
    added broadcasts against ``c.shape + (count,)``, one number a slot; what is multiplied by, with
    ``*`` or ``@``, broadcasts against ``c.shape`` and is common to all slots of a ciphertext. The
    bound is that of each slot, and a result that could carry into the next slot is refused
    (BoundError). Arrays of other layouts raise SlotMismatchError.

    NumPy's ``sum``, ``concatenate``, ``dot``, ``reshape``, ``transpose``, ``take`` and their like
    take these arrays, too.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import generate_keypair
    >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
    >>> c = public.encrypt(np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> private.decrypt(c.T[0] - c[0])
    array([0., 1.])
    >>> private.decrypt((c * 0.5).sum(axis=0))
    array([2., 3.])
    >>> private.decrypt(np.array([[1.0, -1.0]]) @ c)
    array([[-2., -2.]])
    """

    __slots__ = ()

    __array_ufunc__ = None  # ndarray + c: NumPy steps back and calls c.__radd__
    __pandas_priority__ = 5000  # DataFrame + c: pandas does, too; its own go up to 4000

    @property
    def T(self) -> CiphertextArray:  # noqa: N802 - NumPy's name
        """Axes in reverse order."""
        return selection.transpose(self, None)

    def transpose(self, *axes: int) -> CiphertextArray:
        """Axes in the given order, by default reversed."""
        return selection.transpose(self, axes or None)

    def reshape(self, *shape: int | tuple[int, ...]) -> CiphertextArray:
        """The same ciphertexts in another shape; one length may be -1."""
        return selection.reshape(self, shape)

    def ravel(self) -> CiphertextArray:
        """The same ciphertexts along one axis."""
        return selection.reshape(self, (-1,))

    flatten = ravel

    def __getitem__(self, key: Any) -> CiphertextArray:
        """Anything NumPy can index by: integers, slices, masks, integer arrays, ..., newaxis."""
        return selection.getitem(self, key)

    def take(self, indices: npt.ArrayLike, axis: int | None = None) -> CiphertextArray:
        """Chosen ciphertexts along an axis, or of the flattened array."""
        return selection.take(self, indices, axis)

    def broadcast_to(self, shape: tuple[int, ...]) -> CiphertextArray:
        """Repeat along new and length-1 axes, as `numpy.broadcast_to` does."""
        return selection.broadcast_to(self, shape)

    def __len__(self) -> int:
        if not self._shape:
            raise UnsupportedOperationError("a 0-dimensional CiphertextArray has no length")
        return self._shape[0]

    def __iter__(self) -> Iterator[CiphertextArray]:
        return (self[row] for row in range(len(self)))

    def __neg__(self) -> CiphertextArray:
        return arithmetic.negate(self)

    def __pos__(self) -> CiphertextArray:
        return self

    def __add__(self, other: Any) -> CiphertextArray:
        return arithmetic.add(self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> CiphertextArray:
        return arithmetic.subtract(self, other)

    def __rsub__(self, other: Any) -> CiphertextArray:
        return arithmetic.add(arithmetic.negate(self), other)

    def __mul__(self, other: Any) -> CiphertextArray:
        return arithmetic.multiply(self, other)

    def __rmul__(self, other: Any) -> CiphertextArray:
        return arithmetic.multiply_from_left(other, self)

    def __matmul__(self, other: Any) -> CiphertextArray:
        return linalg.matmul_right(self, other)

    def __rmatmul__(self, other: Any) -> CiphertextArray:
        return linalg.matmul_left(other, self)

    def sum(self, axis: Axis = None, *, keepdims: bool = False) -> CiphertextArray:
        """Add along an axis, several axes, or all of them; an empty sum is an encryption of 0."""
        return reductions.sum_axes(self, axis, keepdims)

    def segment_sum(self, index: npt.ArrayLike, segments: int) -> CiphertextArray:
        """Histogram: entry s of the result adds the rows (of axis 0) whose index is s.

        Parameters
        ----------
        index : integer array of shape ``(len(self),)``, or ``(len(self), features)`` for a
            one-axis array, which gives one histogram for each feature
        segments : int
            Number of bins; every index must be in ``[0, segments)``.

        Returns
        -------
        CiphertextArray of shape ``(segments, ...)`` or ``(features, segments)``

        Raises
        ------
        ShapeError
            If the index does not fit.

        Examples
        --------
        >>> from pyfate_gpu import generate_keypair
        >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
        >>> private.decrypt(public.encrypt([1, 2, 3]).segment_sum([2, 0, 2], 4))
        array([2, 0, 4, 0])
        """
        return reductions.segment_sum(self, index, segments)

    def squeeze(self, layout: SlotLayout) -> CiphertextArray:
        """Neighbours along the last axis into the slots of one ciphertext, zeros in spare ones.

        As ``encrypt(layout.group(x), slots=layout)`` would have made it, from encrypted numbers. Costs
        ``layout.width`` squarings a number, far less than the decryption that it saves. (What NumPy
        calls squeeze is ``c.reshape(...)``.)

        Parameters
        ----------
        layout : SlotLayout
            Of the result. Ciphertexts that have slots already are laid side by side: of the same
            width, and the count a multiple of theirs.

        Returns
        -------
        CiphertextArray of shape ``(..., layout.groups(length))`` for ``(..., length)``

        Raises
        ------
        BoundError
            If the bound of the array does not fit a slot, or the slots not the key.
        SlotMismatchError
            If the slots that are there do not make up the layout.
        ShapeError
            If there is no axis.

        Examples
        --------
        >>> from pyfate_gpu import IntegerEncoder, SlotLayout, generate_keypair
        >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
        >>> c = public.encrypt([1, -2, 3], IntegerEncoder(bound=9))
        >>> private.decrypt(c.squeeze(SlotLayout(width=40, count=2)))
        array([[ 1, -2],
               [ 3,  0]])
        """
        return slots.squeeze(self, layout)

    def outputs_product(self, matrix: Any, layout: SlotLayout) -> CiphertextArray:
        """``matrix @ self`` with neighbouring outputs in the slots of one ciphertext.

        Scores of many rows under few encrypted weights. A cost model shifts either the outputs into
        their slots or the weights into all of them.

        Parameters
        ----------
        matrix : (m, n) plain matrix, dense or sparse
        layout : SlotLayout
            Of the result.

        Returns
        -------
        CiphertextArray of shape ``(layout.groups(m),)``, or ``(layout.groups(m), p)`` for ``(n, p)``

        Raises
        ------
        BoundError
            If outputs could pass a slot.
        ShapeError
            If the shapes do not fit.
        SlotMismatchError
            If the array has slots already.

        Examples
        --------
        >>> import numpy as np
        >>> from pyfate_gpu import IntegerEncoder, SlotLayout, generate_keypair
        >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
        >>> w = public.encrypt([2, -1], IntegerEncoder(bound=9))
        >>> X = np.array([[1, 1], [0, 3], [4, 0], [1, 2]])
        >>> private.decrypt(w.outputs_product(X, SlotLayout(width=40, count=4)))
        array([[ 1, -3,  8,  0]])
        """
        return slot_products.outputs_product(self, matrix, layout)

    def rows_product(
        self, matrix: Any, *, norm: int | None = None, rows_norm: int | None = None
    ) -> CiphertextArray:
        """``matrix @ rows`` for rows that share ciphertexts: in the middle slot of the result.

        With k rows d in the slots of each ciphertext, the result is a product of polynomials with
        2 k - 1 coefficients, ``slots.product``. The middle one, ``slots.middle`` of the result, is the
        sum over all rows; the others are sums of d of one row times x of another, **which nobody may
        learn**: mask every slot before somebody decrypts the result.

        Parameters
        ----------
        matrix : (m, rows) or (rows,) plain matrix
            A column for each row in the slots, at most as many as there are slots.
        norm : int, optional
            Largest Euclidean norm of a row of the matrix in encoded integers, public and agreed on;
            bounds the coefficients more closely than the largest entry. Checked.
        rows_norm : int, optional
            The same of all encrypted rows together. Whoever encrypted them has to keep it: it cannot be
            checked here.

        Returns
        -------
        CiphertextArray of shape ``(m,)``, or ``(m, p)`` for ``(groups, p)``, with 2 k - 1 slots

        Raises
        ------
        BoundError
            If a coefficient could pass a slot, 2 k - 1 slots do not fit the key, or the norm is wrong.
        ShapeError
            If the shapes do not fit.
        SlotMismatchError
            If the array has no slots.

        Examples
        --------
        >>> import numpy as np
        >>> from pyfate_gpu import IntegerEncoder, SlotLayout, generate_keypair
        >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
        >>> layout = SlotLayout(width=50, count=3)
        >>> d, X = np.array([3, 1, -2, 4]), np.array([[1, 0], [2, 5], [0, 1], [1, 1]])
        >>> c = public.encrypt(layout.group(d), IntegerEncoder(bound=9), slots=layout)
        >>> gradient = c.rows_product(X.T)
        >>> private.decrypt(gradient)[:, gradient.slots.middle]
        array([9, 7])
        """
        return slot_products.rows_product(self, matrix, norm, rows_norm)

    def add_residue_mask(self, residues: npt.ArrayLike) -> CiphertextArray:
        """Add uniform integers mod n (`PublicKey.random_residues`), as a fresh encryption.

        The one operation without a bound check: the sum is meant to wrap around mod n. The result
        is fresh and keeps the bound of the unmasked value, for whoever takes the mask off again.
        """
        return masks.add_residue_mask(self, residues)

    def add_mask_words(self, words: npt.NDArray[np.int64]) -> CiphertextArray:
        """As `add_residue_mask`, for masks drawn as words: int64 ``[size, k]``, two's complement, between -n and n."""
        return masks.add_mask_words(self, words)

    def to_device(self, device: str) -> CiphertextArray:
        """Move to the chosen backend if it computes on `device`, else to the first one that does."""
        return export.to_device(self, device)

    def to_ints(self, *, reblind: bool = True) -> npt.NDArray[np.object_]:
        """Canonical integers in [1, n^2), re-blinded unless they are fresh.

        ``reblind=False`` gives the integers as they are: whoever knows the operands of a derived
        ciphertext can then recover a small scalar from it. For use inside one party only.
        """
        return export.to_integers(self, reblind)

    def to_wire(self, *, reblind: bool = True) -> bytes:
        """Bytes for another party (docs/wire-format.md), re-blinded unless they are fresh."""
        return self._public_key.to_wire(self, reblind=reblind)

    def __repr__(self) -> str:
        return (
            f"CiphertextArray(scheme={self._public_key.scheme!r}, "
            f"key_bits={self._public_key.key_bits}, fingerprint={self._public_key.fingerprint!r}, "
            f"shape={self._shape}, kind={self._kind!r}, device={self.device!r}, "
            f"backend={self.backend!r}, exponent={self._exponent}, bound_bits={self.bound_bits}, "
            f"{'' if self._slots is None else f'slots={self._slots}, '}blinding={self.blinding!r})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as wire bytes with their public key: what joblib and FATE need."""
        return _restore, (self._public_key, self.to_wire())

    def __copy__(self) -> CiphertextArray:
        return self  # nothing changes an array

    def __deepcopy__(self, memo: Any) -> CiphertextArray:
        return self

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return conversion.step_back_or_refuse(self, sys._getframe(1))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return numpy_functions.apply(function, args, kwargs)

    def _not_linear(self, *unused: Any) -> NoReturn:
        raise UnsupportedOperationError(
            "ciphertexts are added, and multiplied by plain numbers, nothing else; "
            "to divide, multiply by the reciprocal, c * (1 / x), or do it after decryption"
        )

    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _not_linear
    __divmod__ = __rdivmod__ = __pow__ = __rpow__ = __abs__ = __round__ = _not_linear

    def _no_value(self, *unused: Any) -> NoReturn:
        raise UnsupportedOperationError(
            "the value is encrypted: no truth value, comparison or number without the private key"
        )

    __bool__ = __float__ = __int__ = __index__ = __complex__ = _no_value
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _no_value
    __hash__ = None  # type: ignore[assignment]

    def _replace(self, rows: Rows, shape: tuple[int, ...], **changes: Any) -> CiphertextArray:
        """A new array of the same key and engine; derived unless `batches` says otherwise."""
        arguments = {
            "exponent": self._exponent,
            "bound": self._bound,
            "kind": self._kind,
            "encoder": self._encoder,
            "batches": DERIVED,
            "public_key": self._public_key,
            "engine": self._engine,
            "slots": self._slots,
        }
        return CiphertextArray(rows, shape, **(arguments | changes))


def _restore(public_key: SchemePublicKey, data: bytes) -> CiphertextArray:
    return public_key.from_wire(data)
